"""The edge: proxies in front (haproxy, and headers by hand), allowed networks, relaying, VRFY, LMTP on TCP and on a Unix
socket, and what a sender asks for until it stands in the queue."""
import contextlib
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, DOMAIN, NO_RESOLVER, PASSWORD, TOP, Server, ServerTest, any_certificate, wait_for_port

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def version2(source, destination=("192.0.2.25", 25), tlvs=b""):
    block = socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + struct.pack("!HH", source[1], destination[1]) + tlvs
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(block)) + block


class Talk:
    """A client by hand: a header perhaps, then commands and replies."""

    def __init__(self, port, header=b"", timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.sendall(header)
        self.stream = self.socket.makefile("rb")

    def reply(self):
        while line := self.stream.readline():
            if line[3:4] != b"-":
                return line
        return b""

    def ask(self, command):
        self.socket.sendall(command.encode() + b"\r\n")
        return self.reply()

    def send(self, sender, *recipients, text="Subject: by hand\r\n\r\nhello\r\n", hello="EHLO c.test"):
        """The replies to RCPT, then the one to the message."""
        self.ask(hello)
        self.ask(f"MAIL FROM:<{sender}>")
        replies = [self.ask(f"RCPT TO:<{recipient}>") for recipient in recipients]
        return replies, self.ask("DATA") and self.ask(text + ".")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()


class EdgeTest(ServerTest):
    def bodies(self, user="u1"):
        with self.server.imap(user) as client:
            client.select("INBOX")
            _, data = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
            return [item[1] for item in data if isinstance(item, tuple)]

    def queue(self):
        return json.loads(self.server.cli("queue", "list", "--json").stdout)["queue"]


class Proxied(EdgeTest):
    """The SMTP listener expects a header from loopback; so does the one with TLS from the first byte."""
    configuration = """
[limits]
connections_per_address = 3
[listener.smtp]
protocol = "smtp"
trusted = ["203.0.113.0/24"]
plaintext_auth = false
proxy_protocol = ["127.0.0.0/8"]
[listener.submissions]
protocol = "submissions"
proxy_protocol = ["127.0.0.0/8"]
allow = ["203.0.113.0/24"]
"""

    def test_the_client_that_the_header_names_is_the_peer(self):
        with Talk(self.server.port("smtp"), b"PROXY TCP4 198.51.100.7 192.0.2.25 4321 25\r\n") as talk:
            self.assertTrue(talk.reply().startswith(b"220 "))
            self.assertTrue(talk.send("a@elsewhere.test", f"u1@{DOMAIN}")[1].startswith(b"250 "))
        with Talk(self.server.port("smtp"), version2(("198.51.100.8", 1234), tlvs=b"\x04\0\x03abc")) as talk:
            self.assertTrue(talk.reply().startswith(b"220 "))
            self.assertTrue(talk.send("a@elsewhere.test", f"u1@{DOMAIN}")[1].startswith(b"250 "))
        received = b"".join(self.bodies())
        self.assertIn(b"([198.51.100.7])", received)
        self.assertIn(b"([198.51.100.8])", received)
        self.assertIn("peer=198.51.100.7", self.server.log())

    def test_trust_is_the_clients_and_not_the_proxys(self):
        for source, code in (("203.0.113.9", b"250 "), ("198.51.100.9", b"550 ")):
            with Talk(self.server.port("smtp"), version2((source, 1))) as talk:
                talk.reply()
                self.assertTrue(talk.send("a@elsewhere.test", f"u1@{DOMAIN}", text="Subject: bare\n\nx\r\n")[1].startswith(code), source)

    def test_a_connection_without_a_header_hears_nothing(self):
        for first in (b"EHLO c.test\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n", SIGNATURE + b"\x21\x11\0\x01x", b"PROXY TCP4 " + b"1" * 200):
            with Talk(self.server.port("smtp"), first) as talk:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(talk.reply(), b"", first)
        self.assertIn("net.proxy.refused", self.server.log())

    def test_a_header_that_does_not_come_is_not_waited_for_long(self):
        begun = time.monotonic()
        with Talk(self.server.port("smtp"), b"PROXY TCP4 1.2.3.4 ") as talk:
            self.assertEqual(talk.reply(), b"")
        self.assertTrue(3 <= time.monotonic() - begun < 15)

    def test_the_limit_by_address_counts_clients_and_not_the_proxy(self):
        with contextlib.ExitStack() as stack:
            def connect(source):
                talk = stack.enter_context(Talk(self.server.port("smtp"), version2(source)))
                return talk.reply()
            for i in range(3):
                self.assertTrue(connect(("198.51.100.20", 1000 + i)).startswith(b"220 "))
            self.assertTrue(connect(("198.51.100.20", 1003)).startswith(b"421 4.3.2 "))
            for i in range(10):
                self.assertTrue(connect((f"198.51.100.{30 + i}", 1)).startswith(b"220 "))
            # Health checks are the proxy's own, as many as it likes.
            for _ in range(6):
                talk = stack.enter_context(Talk(self.server.port("smtp"), SIGNATURE + b"\x20\0\0\0"))
                self.assertTrue(talk.reply().startswith(b"220 "))

    def test_the_header_comes_before_tls_and_allowed_networks_are_the_clients(self):
        with socket.create_connection(("127.0.0.1", self.server.port("submissions")), 20) as plain:
            # In one packet with the handshake's first bytes.
            context = any_certificate()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing)
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            plain.sendall(version2(("203.0.113.5", 7)) + outgoing.read())
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(16384))
            plain.sendall(outgoing.read())
            text = b""
            while b"\n" not in text:
                try:
                    text += tls.read(1000)
                except ssl.SSLWantReadError:
                    incoming.write(plain.recv(16384))
            self.assertTrue(text.startswith(b"220 "), text)
        with Talk(self.server.port("submissions"), version2(("198.51.100.5", 7))) as talk:
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(talk.reply(), b"")
        self.assertIn('why="not an allowed network"', self.server.log())

    def test_haproxy_in_front_with_health_checks(self):
        front = free_port()
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "haproxy.cfg")
            config.write_text(f"""
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen smtp
    bind 127.0.0.1:{front}
    server s 127.0.0.1:{self.server.port("smtp")} send-proxy-v2 check check-send-proxy inter 200ms
""")
            process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for_port(front)
                time.sleep(1)  # some checks
                with smtplib.SMTP("127.0.0.1", front, local_hostname="c.test", timeout=20) as client:
                    client.sendmail("a@elsewhere.test", [f"u2@{DOMAIN}"], "Subject: through haproxy\r\n\r\nhello\r\n")
            finally:
                os.kill(process.pid, signal.SIGTERM)
                process.wait(20)
        self.assertTrue(any(b"through haproxy" in body and b"([127.0.0.1])" in body for body in self.bodies("u2")))


class DeveloperMode(EdgeTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=["--proxy-protocol"])
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()

    def test_every_listener_expects_a_header(self):
        for listener in ("smtp", "submission", "imap"):
            with Talk(self.server.port(listener), b"PROXY TCP6 2001:db8::7 2001:db8::8 1 2\r\n") as talk:
                self.assertIn(b"mail.example.test", talk.stream.readline() if listener == "imap" else talk.reply())
            with Talk(self.server.port(listener), b"NOOP\r\n") as talk:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(talk.stream.readline(), b"")


class Networks(EdgeTest):
    """127.0.0.0/8 may relay; the submission port is for another network."""
    configuration = """
smtp.vrfy = "known"
[listener.smtp]
protocol = "smtp"
trusted = []
plaintext_auth = false
relay = ["127.0.0.0/8"]
[listener.submission]
protocol = "submission"
allow = ["192.0.2.0/24"]
""" + NO_RESOLVER

    def test_a_connection_from_elsewhere_is_closed_at_once(self):
        with Talk(self.server.port("submission")) as talk:
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(talk.reply(), b"")

    def test_a_listed_host_relays_into_the_queue_with_all_that_it_asked_for(self):
        with Talk(self.server.port("smtp")) as talk:
            talk.reply()
            talk.ask("EHLO printer.test")
            self.assertTrue(talk.ask("MAIL FROM:<printer@example.test> RET=HDRS ENVID=QQ314159 BY=86400;N MT-PRIORITY=2").startswith(b"250 2.1.0"))
            self.assertTrue(talk.ask("RCPT TO:<b@elsewhere.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B@elsewhere.test").startswith(b"250 "))
            self.assertTrue(talk.ask(f"RCPT TO:<nobody@{DOMAIN}>").startswith(b"550 5.1.1"))
            talk.ask("DATA")
            reply = talk.ask("Subject: relayed\r\n\r\nhello\r\n.")
            self.assertTrue(reply.startswith(b"250 2.0.0 OK id="), reply)
        entries = [entry for entry in self.queue() if entry["recipients"] == ["b@elsewhere.test"]]
        self.assertEqual(len(entries), 1)
        self.assertEqual(entries[0]["sender"], "printer@example.test")

    def test_vrfy_tells_those_who_are_known(self):
        self.server.cli("alias", "add", f"staff@{DOMAIN}", f"u1@{DOMAIN}", f"u2@{DOMAIN}")
        with Talk(self.server.port("smtp")) as talk:
            talk.reply()
            self.assertEqual(talk.ask(f"VRFY u1@{DOMAIN}"), b"250 2.1.5 <u1@example.test>\r\n")
            self.assertTrue(talk.ask(f"VRFY nobody@{DOMAIN}").startswith(b"550 5.1.1 "))
            talk.socket.sendall(f"EXPN staff@{DOMAIN}\r\n".encode())
            self.assertEqual([talk.stream.readline() for _ in range(2)], [b"250-2.1.5 <u1@example.test>\r\n", b"250 2.1.5 <u2@example.test>\r\n"])


class Documents(unittest.TestCase):
    def test_the_listeners_of_the_operations_page_are_a_configuration(self):
        page = (TOP / "docs/operations.md").read_text()
        listeners = re.search(r"^## Networks, proxies and LMTP\n.*?^```toml\n(.*?)^```", page, re.M | re.S).group(1)
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "postrider.toml")
            config.write_text(f'hostname = "mail.example.org"\ndata_dir = "{directory}"\n' + listeners)
            done = subprocess.run([str(BINARY), "config", "check", "--config", str(config)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Held(EdgeTest):
    def test_a_message_that_a_user_wants_held_is_in_the_queue_and_in_no_mailbox(self):
        with smtplib.SMTP("127.0.0.1", self.server.port("submission"), local_hostname="c.test", timeout=20) as client:
            client.starttls(context=any_certificate())
            client.login(f"u1@{DOMAIN}", PASSWORD)
            client.ehlo()
            self.assertRegex(client.esmtp_features["futurerelease"], r"^2592000 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertIn("requiretls", client.esmtp_features)
            client.sendmail(f"u1@{DOMAIN}", [f"u2@{DOMAIN}"], "Subject: tomorrow\r\n\r\nx\r\n", mail_options=["HOLDFOR=86400", "REQUIRETLS"])
        self.assertEqual([entry["recipients"] for entry in self.queue()], [[f"u2@{DOMAIN}"]])
        self.assertIn("is held until", self.queue()[0]["reason"])
        self.assertFalse(any(b"tomorrow" in body for body in self.bodies("u2")))

    def test_octets_of_binarymime_survive(self):
        content = b"Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes(range(256)) * 300
        with smtplib.SMTP("127.0.0.1", self.server.port("smtp"), local_hostname="c.test", timeout=20) as client:
            client.ehlo()
            self.assertEqual(client.docmd("MAIL FROM:<a@elsewhere.test> BODY=BINARYMIME")[0], 250)
            self.assertEqual(client.rcpt(f"u1@{DOMAIN}")[0], 250)
            self.assertEqual(client.docmd("DATA")[0], 503)
            for start in range(0, len(content), 10_007):
                piece = content[start:start + 10_007]
                last = " LAST" if start + 10_007 >= len(content) else ""
                client.send(f"BDAT {len(piece)}{last}\r\n".encode() + piece)
                self.assertEqual(client.getreply()[0], 250)
        self.assertTrue(any(body.endswith(content) for body in self.bodies("u1")))


class Lmtp(EdgeTest):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="postrider-lmtp-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.path = str(Path(cls.directory.name, "lmtp"))
        cls.port = free_port()
        cls.configuration = f"""
[listener.lmtp]
protocol = "lmtp"
address = "127.0.0.1"
port = {cls.port}
[listener.lmtp-unix]
protocol = "lmtp"
path = "{cls.path}"
"""
        super().setUpClass()

    def test_smtplib_delivers_on_tcp_and_on_the_socket(self):
        for host, port in (("127.0.0.1", self.port), (self.path, 0)):
            with smtplib.LMTP(host, port, local_hostname="front.test") as client:
                client.sendmail("a@elsewhere.test", [f"u1@{DOMAIN}"], f"Subject: lmtp {port}\r\n\r\nhello\r\n")
        bodies = self.bodies()
        self.assertTrue(any(b"Subject: lmtp 0" in body and b" with LMTP\r\n" in body and b"(local)" in body for body in bodies))
        self.assertTrue(any(f"Subject: lmtp {self.port}".encode() in body for body in bodies))
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o660)

    def test_each_recipient_is_answered(self):
        self.server.cli("account", "add", f"small@{DOMAIN}", "--password", "test", "--quota", "20000")
        text = "Subject: big\r\n\r\n" + "x" * 70 * 200 + "\r\n"
        for expected in (b"250 ", b"452 "):  # the second does not fit any more, and only that recipient's
            with Talk(self.port) as talk:
                self.assertIn(b"LMTP", talk.reply())
                replies, first = talk.send("a@elsewhere.test", f"small@{DOMAIN}", f"nobody@{DOMAIN}", f"u2@{DOMAIN}", text=text.replace("x" * 70, "x" * 70 + "\r\n"), hello="LHLO front.test")
                self.assertEqual([reply[:3] for reply in replies], [b"250", b"550", b"250"])
                self.assertTrue(first.startswith(expected), first)
                self.assertTrue(talk.reply().startswith(b"250 2.0.0 OK id="))
                self.assertTrue(talk.ask("QUIT").startswith(b"221 "))
        self.assertEqual(sum(b"Subject: big" in body for body in self.bodies("u2")), 2)
        self.assertEqual([entry for entry in self.queue() if f"small@{DOMAIN}" in entry["recipients"]], [])

    def test_bare_line_ends_that_the_server_in_front_took_are_mended(self):
        with Talk(self.port) as talk:
            talk.reply()
            self.assertTrue(talk.send("a@elsewhere.test", f"u2@{DOMAIN}", text="Subject: bare\n\none\rtwo\r\n", hello="LHLO front.test")[1].startswith(b"250 "))
        self.assertTrue(any(body.endswith(b"Subject: bare\r\n\r\none\r\ntwo\r\n") for body in self.bodies("u2")))

    def test_a_mixed_up_protocol_is_noticed(self):
        with Talk(self.port) as talk:
            talk.reply()
            self.assertTrue(talk.ask("EHLO c.test").startswith(b"500 "))
        with Talk(self.server.port("smtp")) as talk:
            talk.reply()
            self.assertTrue(talk.ask("LHLO c.test").startswith(b"500 "))
