"""Limits of a minute and of a day, bans, and clients that are not what they say: through PROXY headers each client here comes
from an address of its own, so the server is what strangers see, with its defaults unless a test says otherwise."""
import base64
import concurrent.futures
import contextlib
import json
import re
import socket
import ssl
import subprocess
import time
from pathlib import Path

from harness import DOMAIN, NO_RESOLVER, PASSWORD, ServerTest, any_certificate

MIB = 1 << 20
BEHIND_A_PROXY = "".join(f"""
[listener.{name}]
protocol = "{name}"
proxy_protocol = ["127.0.0.0/8"]
trusted = ["203.0.113.0/24"]
plaintext_auth = false
""" for name in ("smtp", "submission", "submissions", "imap", "imaps"))


class Client:
    """A client from some address: commands and replies."""

    def __init__(self, server, listener, address, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", server.port(listener)), timeout)
        family, host = ("TCP6", "2001:db8:ffff::25") if ":" in address else ("TCP4", "192.0.2.25")
        self.socket.sendall(f"PROXY {family} {address} {host} 4321 25\r\n".encode())
        if listener.endswith("s"):
            self.socket = any_certificate().wrap_socket(self.socket)
        self.stream = self.socket.makefile("rb")

    def line(self):
        return self.stream.readline().decode()

    def reply(self):
        """The last line of a reply of SMTP; "" at the end."""
        while line := self.line():
            if line[3:4] != "-":
                return line
        return ""

    def ask(self, command):
        self.socket.sendall(command.encode() + b"\r\n")
        return self.reply()

    def login(self, password=PASSWORD, user=f"u1@{DOMAIN}"):
        """By SMTP."""
        return self.ask("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())

    def imap(self, command):
        self.socket.sendall(b"t " + command.encode() + b"\r\n")
        lines = []
        while line := self.line():
            lines.append(line)
            if line.startswith("t "):
                break
        return lines

    def mail(self, sender, *recipients):
        """The replies to MAIL, to each RCPT and to the message."""
        replies = [self.ask(f"MAIL FROM:<{sender}>")]
        if not replies[0].startswith("250 "):
            return replies
        replies += [self.ask(f"RCPT TO:<{recipient}>") for recipient in recipients]
        replies.append(self.ask("DATA"))
        if replies[-1].startswith("354 "):
            replies[-1] = self.ask("Subject: limits\r\n\r\nhello\r\n.")
        else:
            self.ask("RSET")
        return replies

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class LimitsTest(ServerTest):
    configuration = BEHIND_A_PROXY

    def connect(self, listener, address, **options):
        return Client(self.server, listener, address, **options)

    def greeting(self, listener, address):
        with self.connect(listener, address) as client:
            return client.line()

    def bans(self, *arguments):
        return json.loads(self.server.cli("ban", "list", "--json", *arguments).stdout)["bans"]

    def messages(self, user="u1"):
        shown = json.loads(self.server.cli("mailbox", "list", f"{user}@{DOMAIN}", "--json").stdout)
        return next(box["messages"] for box in shown["mailboxes"] if box["name"] == "INBOX")

    def metric(self, series):
        text = subprocess.run(["curl", "-sS", f"http://127.0.0.1:{self.server.port('metrics')}/metrics"], capture_output=True, text=True,
                              timeout=30, check=True).stdout
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
        return float(found.group(1)) if found else 0

    def guess(self, address, count, listener="submissions", banned=False):
        """Wrong passwords, as many or until the server ends the session; the last line that it said."""
        with self.connect(listener, address) as client:
            client.line()
            if listener.startswith("imap"):
                for i in range(count):
                    lines = client.imap(f"LOGIN u1@{DOMAIN} guess{i}")
                    if lines[0].startswith("* BYE"):
                        return lines[0]
                return lines[-1]
            client.ask("EHLO c.test")
            for i in range(count):
                said = client.login(f"guess {i}")
                if not said.startswith("535 "):
                    return said
            return client.reply() if banned else said

    def restart(self):
        self.assertEqual(self.server.stop(), 0)
        self.server.start()


class Minutes(LimitsTest):
    def test_ten_connections_a_minute(self):
        for _ in range(10):
            self.assertTrue(self.greeting("smtp", "198.51.100.1").startswith("220 "))
        self.assertEqual(self.greeting("smtp", "198.51.100.1"),
                         "421 4.7.0 mail.example.test too many connections from your address within a minute, try again later\r\n")
        # Others are not touched, nor the people behind that address who read their mail and send it.
        self.assertTrue(self.greeting("smtp", "198.51.100.2").startswith("220 "))
        self.assertTrue(self.greeting("imap", "198.51.100.1").startswith("* OK "))
        self.assertTrue(self.greeting("submission", "198.51.100.1").startswith("220 "))
        self.assertGreater(self.metric('postrider_limits_reached_total{what="connections",scope="client"}'), 0)
        self.assertIn("guard.limited", self.server.log())

    def test_trusted_networks_and_health_checks_are_not_counted(self):
        for _ in range(40):
            self.assertTrue(self.greeting("smtp", "203.0.113.1").startswith("220 "))
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self.server.port("smtp")), 20) as check:
                check.sendall(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")
                self.assertTrue(check.recv(1000).startswith(b"220 "))

    def test_an_ipv6_client_is_its_64(self):
        for i in range(10):
            self.assertTrue(self.greeting("smtp", f"2001:db8:1:1::{i + 1}").startswith("220 "))
        self.assertTrue(self.greeting("smtp", "2001:db8:1:1:ffff::1").startswith("421 4.7.0 "))
        self.assertTrue(self.greeting("smtp", "2001:db8:1:2::1").startswith("220 "))

    def test_a_network_gets_ten_times_as_much(self):
        for i in range(100):
            self.assertTrue(self.greeting("smtp", f"198.51.101.{i + 1}").startswith("220 "))
        self.assertIn("from your network", self.greeting("smtp", "198.51.101.200"))
        self.assertTrue(self.greeting("smtp", "198.51.102.1").startswith("220 "))

    def test_twenty_messages_a_minute_and_nothing_is_lost(self):
        before = self.messages()
        with self.connect("smtp", "198.51.100.3") as client:
            client.reply()
            client.ask("EHLO c.test")
            for _ in range(20):
                self.assertTrue(client.mail("a@elsewhere.test", f"u1@{DOMAIN}")[-1].startswith("250 "))
            self.assertEqual(client.mail("a@elsewhere.test", f"u1@{DOMAIN}"),
                             ["450 4.7.1 Too many messages from your address within a minute, try again later\r\n"])
            self.assertTrue(client.ask("NOOP").startswith("250 "))
        with self.connect("smtp", "198.51.100.4") as client:
            client.reply()
            client.ask("EHLO c.test")
            self.assertTrue(client.mail("a@elsewhere.test", f"u1@{DOMAIN}")[-1].startswith("250 "))
        self.assertEqual(self.messages(), before + 21)

    def test_whoever_tries_addresses_is_put_off(self):
        said, codes = "", []
        for _ in range(9):
            with self.connect("smtp", "198.51.100.5") as client:
                said = client.reply()
                if not said.startswith("220 "):
                    break
                client.ask("EHLO c.test")
                client.ask("MAIL FROM:<a@elsewhere.test>")
                for i in range(18):
                    said = client.ask(f"RCPT TO:<nobody{i}@{DOMAIN}>")
                    codes.append(said[:3])
                    if said.startswith("550 ") and len([c for c in codes if c == "550"]) == 50:
                        said = client.reply()
                        break
        self.assertTrue(said.startswith("421 4.7.0 ") and "too many errors from your address" in said, said)
        self.assertEqual(codes.count("550"), 50)
        self.assertTrue(self.greeting("smtp", "198.51.100.6").startswith("220 "))


class Raised(LimitsTest):
    configuration = BEHIND_A_PROXY + "[rates]\nconnections = 1\n"

    def test_a_provider_raises_them_while_the_server_runs(self):
        self.assertTrue(self.greeting("smtp", "198.51.100.8").startswith("220 "))
        self.assertTrue(self.greeting("smtp", "198.51.100.8").startswith("421 "))
        config = Path(self.server.arguments[1])
        config.write_text(config.read_text().replace("connections = 1\n", "connections = 50\n"))
        self.assertIn("rates.connections = 50", self.server.cli("reload").stdout)
        for _ in range(49):
            self.assertTrue(self.greeting("smtp", "198.51.100.8").startswith("220 "))
        self.assertTrue(self.greeting("smtp", "198.51.100.8").startswith("421 "))


class Bans(LimitsTest):
    configuration = BEHIND_A_PROXY + '[bans]\nwrong_passwords = 10\n'

    def test_ten_wrong_passwords_are_a_ban_that_survives_a_restart(self):
        thief = "198.51.100.10"
        self.assertEqual(self.guess(thief, 10, banned=True), "421 4.7.0 mail.example.test your address is banned for now, try again later\r\n")
        (ban,) = self.bans("--address", thief)
        self.assertEqual((ban["network"], ban["by"], ban["times"], ban["reason"]), (f"{thief}/32", "guard", 1, "10 wrong passwords"))
        self.assertIn("guard.ban.added", self.server.log())
        for listener, said in (("smtp", "421 4.7.0 "), ("submission", "421 4.7.0 "), ("imap", "* BYE Your address is banned ")):
            self.assertTrue(self.greeting(listener, thief).startswith(said), listener)
        # Where it would have to be said over TLS, nothing is said.
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.greeting("imaps", thief)
        self.assertTrue(self.greeting("imap", "198.51.100.11").startswith("* OK "))
        self.restart()
        self.assertTrue(self.greeting("smtp", thief).startswith("421 4.7.0 "))
        self.assertEqual(self.bans("--address", thief), [ban])
        self.server.cli("ban", "remove", f"{thief}/32")
        self.assertTrue(self.greeting("smtp", thief).startswith("220 "))
        self.restart()
        self.assertEqual(self.bans("--address", thief), [])

    def test_guesses_by_imap_and_smtp_count_together_and_an_ipv6_thief_loses_the_64(self):
        self.assertTrue(self.guess("2001:db8:2:2::1", 6).startswith("535 "))
        self.assertEqual(self.bans("--address", "2001:db8:2:2::1"), [])
        self.assertTrue(self.guess("2001:db8:2:2::2", 4, "imaps").startswith("* BYE Your address is banned"))
        (ban,) = self.bans("--address", "2001:db8:2:2::ffff")
        self.assertEqual(ban["network"], "2001:db8:2:2::/64")
        self.assertTrue(self.greeting("imap", "2001:db8:2:3::1").startswith("* OK "))

    def test_scram_guesses_count(self):
        with self.connect("submissions", "198.51.100.12") as client:
            client.reply()
            client.ask("EHLO c.test")
            for i in range(10):
                first = base64.b64encode(f"n,,n=u1@{DOMAIN},r=nonce{i}".encode()).decode()
                challenge = base64.b64decode(client.ask(f"AUTH SCRAM-SHA-256 {first}").split()[1]).decode()
                nonce = challenge.split(",")[0]
                proof = base64.b64encode(bytes([i] * 32)).decode()
                self.assertTrue(client.ask(base64.b64encode(f"c=biws,{nonce},p={proof}".encode()).decode()).startswith("535 "))
            self.assertTrue(client.reply().startswith("421 4.7.0 "))
        self.assertEqual(len(self.bans("--address", "198.51.100.12")), 1)

    def test_a_phone_with_the_old_password_is_not_banned(self):
        for _ in range(3):
            with self.connect("imaps", "198.51.100.13") as client:
                client.line()
                for _ in range(8):
                    self.assertTrue(client.imap(f"LOGIN u1@{DOMAIN} old-password")[-1].startswith("t NO "))
        self.assertEqual(self.bans("--address", "198.51.100.13"), [])

    def test_never_a_trusted_network_nor_the_proxy(self):
        self.assertTrue(self.guess("203.0.113.9", 15).startswith("535 "))
        self.assertTrue(self.greeting("submission", "203.0.113.9").startswith("220 "))
        self.assertEqual(self.bans("--address", "203.0.113.9"), [])
        self.server.cli("ban", "add", "127.0.0.0/8", "--for", "1m")
        self.assertTrue(self.greeting("smtp", "198.51.100.14").startswith("220 "))
        self.server.cli("ban", "remove", "127.0.0.0/8")

    def test_the_operator_bans_and_takes_it_back_beside_the_server_or_without_one(self):
        done = json.loads(self.server.cli("ban", "add", "198.51.103.0/24", "--for", "1h", "--reason", "dictionary attack", "--json").stdout)
        self.assertEqual((done["network"], done["by"], done["reason"]), ("198.51.103.0/24", "operator", "dictionary attack"))
        self.assertTrue(self.greeting("smtp", "198.51.103.77").startswith("421 4.7.0 "))
        self.server.cli("ban", "add", "2001:db8:3::/48")
        self.assertTrue(self.greeting("smtp", "2001:db8:3:4::1").startswith("554 5.7.1 "))
        listed = self.server.cli("ban", "list").stdout
        self.assertRegex(listed, r"(?m)^NETWORK +SINCE +UNTIL +BY +TIMES +REASON$")
        self.assertIn("dictionary attack", listed)
        self.assertEqual(self.server.stop(), 0)
        self.server.cli("ban", "remove", "198.51.103.0/24")
        self.server.cli("ban", "add", "198.51.104.7", "--for", "7d")
        self.server.store_check()
        self.server.start()
        self.assertTrue(self.greeting("smtp", "198.51.103.77").startswith("220 "))
        self.assertTrue(self.greeting("smtp", "198.51.104.7").startswith("421 4.7.0 "))
        for arguments, why in ((("add", "198.51.103.1/24"), "bits set behind its prefix"), (("add", "x"), "is not a network"),
                               (("add", "10.0.0.1", "--for", "soon"), "--for"), (("remove", "10.0.0.1"), "is not banned")):
            done = self.server.cli("ban", *arguments, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(why, done.stderr)


class Days(LimitsTest):
    configuration = BEHIND_A_PROXY + """
[limits]
account_messages = 5
account_new_recipients = 3
""" + NO_RESOLVER

    @contextlib.contextmanager
    def user(self, name="u1", address="198.51.100.20"):
        with self.connect("submissions", address) as client:
            client.reply()
            client.ask("EHLO c.test")
            self.assertTrue(client.login(user=f"{name}@{DOMAIN}").startswith("235 "))
            yield client

    def test_a_stolen_password_sends_no_more_than_the_account_may(self):
        me = f"u1@{DOMAIN}"
        with self.user() as client:
            for i in range(3):
                self.assertTrue(client.mail(me, f"victim{i}@elsewhere.test")[-1].startswith("250 "))
            said = client.mail(me, "victim3@elsewhere.test")
            self.assertRegex(said[-1], r"^450 4\.7\.1 This account may write to 3 new recipients in a day, .* at \d{4}-\d\d-\d\dT00:00:00Z\r\n$")
            # From now on at once; known recipients and people here get mail.
            self.assertTrue(client.mail(me, "victim3@elsewhere.test")[1].startswith("450 4.7.1 This account may write to 3 new"))
            self.assertTrue(client.mail(me, "victim1@elsewhere.test", f"u2@{DOMAIN}")[-1].startswith("250 "))
        self.restart()
        # It is the account that counts, and not where it comes from.
        with self.user(address="203.0.113.20") as client:
            self.assertTrue(client.mail(me, "victim3@elsewhere.test")[-1].startswith("450 4.7.1 "))
            self.assertTrue(client.mail(me, "victim1@elsewhere.test")[-1].startswith("250 "))
            self.assertTrue(client.mail(me, "victim1@elsewhere.test")[-1].startswith("450 4.7.1 This account has sent its 5 messages of a day"))
            self.assertTrue(client.mail(me, "victim1@elsewhere.test")[0].startswith("450 4.7.1 This account has sent its 5 messages"))
        self.assertEqual(len(json.loads(self.server.cli("queue", "list", "--json").stdout)["queue"]), 5)
        self.assertRegex(self.server.log(), r"warning\S* guard\.day_limit .*account=u1@example\.test.*of=messages")
        self.assertGreater(self.metric('postrider_day_limits_reached_total{of="messages"}'), 0)
        shown = json.loads(self.server.cli("account", "show", me, "--json").stdout)
        self.assertEqual((shown["messages_today"], shown["new_recipients_today"]), (5, 3))
        # The operator knows better, and somebody else was never touched.
        self.server.cli("account", "set", me, "--messages-per-day", "100", "--new-recipients-per-day", "none")
        with self.user() as client:
            self.assertTrue(client.mail(me, "victim3@elsewhere.test")[-1].startswith("250 "))
        with self.user("u2") as client:
            self.assertTrue(client.mail(f"u2@{DOMAIN}", "friend@elsewhere.test")[-1].startswith("250 "))
        self.server.cli("account", "set", me, "--messages-per-day", "default")
        with self.user() as client:
            self.assertTrue(client.mail(me, "victim3@elsewhere.test")[-1].startswith("450 4.7.1 "))


class Policies(LimitsTest):
    configuration = BEHIND_A_PROXY + """
[smtp]
greet_delay = "1s"
hello_syntax = "refuse"
hello_foreign_literal = "refuse"
"""

    def test_who_does_not_wait_for_the_greeting_is_refused(self):
        with self.connect("smtp", "198.51.100.30") as client:
            client.socket.sendall(b"EHLO c.test\r\nMAIL FROM:<a@elsewhere.test>\r\n")
            self.assertTrue(client.reply().startswith("554 5.5.0 "))
            self.assertEqual(client.reply(), "")
        self.assertIn("smtp.early_talker", self.server.log())
        for listener, address in (("smtp", "203.0.113.30"), ("submission", "198.51.100.30")):
            with self.connect(listener, address) as client:
                client.socket.sendall(b"EHLO c.test\r\n")
                self.assertTrue(client.reply().startswith("220 "))
                self.assertTrue(client.reply().startswith("250 "))

    def test_names_that_are_not_the_clients_are_refused(self):
        for name, code in (("c.test", "250 "), ("[198.51.100.31]", "250 "), ("[198.51.100.77]", "550 5.7.1 "),
                           ("mail.example.test", "550 5.7.1 "), ("MAIL.example.test.", "550 5.7.1 "), ("a@b", "501 5.5.2 ")):
            with self.connect("smtp", "198.51.100.31") as client:
                client.reply()
                for verb in ("EHLO", "HELO"):
                    self.assertTrue(client.ask(f"{verb} {name}").startswith(code), (verb, name))
                if code != "250 ":
                    self.assertTrue(client.ask("MAIL FROM:<a@elsewhere.test>").startswith("503 "))
        # A host that is trusted says what it likes.
        with self.connect("smtp", "203.0.113.31") as client:
            client.reply()
            self.assertTrue(client.ask("EHLO mail.example.test").startswith("250 "))


class Floods(LimitsTest):
    """Whatever a stranger floods it with, the server stays small and has time for others."""

    def setUp(self):
        self.before = self.resident()

    def tearDown(self):
        begun = time.monotonic()
        with self.connect("smtp", "203.0.113.99") as client:
            client.reply()
            client.ask("EHLO c.test")
            self.assertTrue(client.mail("a@elsewhere.test", f"u1@{DOMAIN}")[-1].startswith("250 "))
        self.assertLess(time.monotonic() - begun, 5)
        self.assertLess(self.resident() - self.before, 60 * MIB)
        self.assertNotIn("net.session.failed", self.server.log())

    def resident(self):
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def test_connections(self):
        said = {}
        for i in range(2000):
            with contextlib.suppress(ConnectionError):
                code = self.greeting("smtp", f"198.51.{110 + i % 2}.{i % 250 + 1}")[:3]
                said[code] = said.get(code, 0) + 1
        self.assertEqual(said["220"], 200)  # a hundred for each network
        self.assertGreater(said["421"], 1700)

    def test_handshakes_and_logins(self):
        def handshake(i):
            with contextlib.suppress(OSError):
                with self.connect("submissions", f"198.51.112.{i % 2 + 1}", timeout=20) as client:
                    client.line()

        def guess(i):
            with contextlib.suppress(OSError):
                self.guess(f"198.51.113.{i % 5 + 1}", 20, ("submissions", "imaps")[i % 2])
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(handshake, range(400)))
            list(pool.map(guess, range(40)))
        self.assertEqual(sorted(ban["network"] for ban in self.bans()), [f"198.51.113.{i}/32" for i in range(1, 6)])
        # Two clients may 120 times each, and no more.
        self.assertGreaterEqual(self.metric('postrider_limits_reached_total{what="connections",scope="client"}'), 160)

    def test_logins_that_are_never_finished(self):
        with contextlib.ExitStack() as stack:
            for i in range(100):
                client = stack.enter_context(self.connect("submissions", f"198.51.114.{i + 1}"))
                client.reply()
                client.ask("EHLO c.test")
                self.assertTrue(client.ask("AUTH LOGIN").startswith("334 "))
            with self.connect("submissions", "198.51.115.1") as client:
                client.reply()
                client.ask("EHLO c.test")
                self.assertTrue(client.login().startswith("235 "))
