"""What strangers try on port 25: smuggling, injection, relaying, lies about sizes, floods, slowness. Each gets the right
reply, or none; memory stays bounded, and somebody else's mail goes through meanwhile."""
import contextlib
import re
import select
import socket
import ssl
import time
from pathlib import Path

from harness import DOMAIN, ServerTest, any_certificate

MIB = 1 << 20


class Attacks(ServerTest):
    configuration = """
[limits]
message_size = "2 MiB"
smtp_errors = 100
connections_per_address = 600
[rates]
connections = 0
messages = 0
recipients = 0
errors = 0
[timeouts]
smtp_command = "10s"
smtp_data = "10s"
[listener.smtp]
protocol = "smtp"
trusted = []
plaintext_auth = false
[listener.submission]
protocol = "submission"
trusted = []
plaintext_auth = false
"""

    def setUp(self):
        self.before = self.resident()

    def tearDown(self):
        """Somebody else's mail goes through, no session failed, and the attack has left no memory behind to speak of."""
        begun = time.monotonic()
        self.server.send("Subject: an honest message\r\n\r\nhello\r\n")
        self.assertLess(time.monotonic() - begun, 5)
        self.assertLess(self.resident() - self.before, 60 * MIB)
        self.assertNotIn("net.session.failed", self.server.log())

    def resident(self):
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    @contextlib.contextmanager
    def connect(self, port="smtp", timeout=30, hello=True):
        with socket.create_connection(("127.0.0.1", self.server.port(port)), timeout) as connection:
            with connection.makefile("rb") as stream:
                if hello:
                    self.assertTrue(self.reply(stream).startswith(b"220 "))
                    self.assertTrue(self.ask(connection, stream, b"EHLO c.test").startswith(b"250 "))
                yield connection, stream

    @staticmethod
    def reply(stream):
        while line := stream.readline():
            if line[3:4] != b"-":
                return line
        return b""

    def ask(self, connection, stream, command):
        connection.sendall(command + b"\r\n")
        return self.reply(stream)

    def begin(self, connection, stream, recipient=f"u2@{DOMAIN}"):
        self.assertTrue(self.ask(connection, stream, b"MAIL FROM:<a@elsewhere.test>").startswith(b"250 "))
        self.assertTrue(self.ask(connection, stream, f"RCPT TO:<{recipient}>".encode()).startswith(b"250 "))

    def count(self, user="u2"):
        with self.server.imap(user) as client:
            return int(client.select("INBOX")[1][0])

    def test_no_ending_but_the_right_one_ends_a_message(self):
        mails = self.count()
        endings = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n\n.\r\n", b"\r\n\0.\r\n", b"\r\r\n.\r\r\n",
                   b"\r\n.\r\r\n", b"\r\n.\0\r\n", b"\r\n.\x0b\r\n\n.\r\n", b"\x85.\x85\n", b"\r\n.\r\0\n"]
        smuggled = b"MAIL FROM:<evil@elsewhere.test>\r\nRCPT TO:<u2@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
        for padding in (0, 8190, 65534):  # the ending also falls on the edges of reads
            for ending in endings:
                with self.connect() as (connection, stream):
                    self.begin(connection, stream)
                    self.assertTrue(self.ask(connection, stream, b"DATA").startswith(b"354 "))
                    connection.sendall(b"Subject: outer\r\n\r\n" + b"x" * padding + ending + smuggled)
                    self.assertTrue(self.reply(stream).startswith(b"550 "), (padding, ending))
                    # What the smuggler sends next is the next command, of a session that has no message.
                    self.assertTrue(self.ask(connection, stream, b"NOOP").startswith(b"250 "))
        self.assertEqual(self.count(), mails)

    def test_a_command_line_ends_in_crlf_alone(self):
        with self.connect() as (connection, stream):
            for line in (b"NOOP\nMAIL FROM:<a@elsewhere.test>", b"NOOP\r\rNOOP", b"NOOP\0", b"MAIL FROM:<a\0b@elsewhere.test>", b"\x16\x03\x01\x02"):
                connection.sendall(line + b"\r\n")
                self.assertRegex(self.reply(stream)[:4], rb"50[01] ")
                if b"\n" in line:  # two lines: the first is refused, the second stands by itself
                    self.reply(stream)
                    self.ask(connection, stream, b"RSET")

    def test_nothing_from_before_starttls_is_looked_at(self):
        for injected in (b"NOOP\r\n", b"EHLO evil.test\r\nMAIL FROM:<evil@elsewhere.test>\r\nRCPT TO:<u2@example.test>\r\nDATA\r\nx\r\n.\r\n", b"MAIL FROM:<ev", b"\x16\x03\x01"):
            with self.connect() as (connection, stream):
                connection.sendall(b"MAIL FROM:<before@elsewhere.test>\r\nSTARTTLS\r\n" + injected)
                self.assertTrue(self.reply(stream).startswith(b"250 "))
                self.assertTrue(self.reply(stream).startswith(b"220 "))
                try:
                    with any_certificate().wrap_socket(connection.dup()) as secure:
                        secure.settimeout(20)
                        secure.sendall(b"RCPT TO:<u2@example.test>\r\n")
                        self.assertTrue(secure.recv(1000).startswith(b"503 "), injected)
                        secure.sendall(b"MAIL FROM:<a@elsewhere.test>\r\n")
                        self.assertTrue(secure.recv(1000).startswith(b"503 "), injected)
                except (ssl.SSLError, ConnectionError):
                    pass  # the rest came in another packet, and is no handshake

    def test_no_form_of_address_relays(self):
        forms = ["a@elsewhere.test", "a%elsewhere.test@example.test", '"a@elsewhere.test"@example.test', "@example.test:a@elsewhere.test",
                 "@a.test,@example.test:b@elsewhere.test", "elsewhere.test!a@example.test", "example.test!a@elsewhere.test", "a@elsewhere.test@example.test",
                 "a@example.test@elsewhere.test", '"a"@elsewhere.test', "a@[192.0.2.1]", "a@elsewhere.test.", "<a@elsewhere.test>", "a%elsewhere.test",
                 '"a%elsewhere.test"@example.test', "@elsewhere.test:u1%elsewhere.test@example.test", "u1@example.test,a@elsewhere.test", "a@example.test.elsewhere.test"]
        with self.connect() as (connection, stream):
            self.assertTrue(self.ask(connection, stream, b"MAIL FROM:<u1@example.test>").startswith(b"250 "))
            for form in forms:
                self.assertTrue(self.ask(connection, stream, f"RCPT TO:<{form}>".encode()).startswith(b"5"), form)
            # The route is left out; the mailbox behind it is ours.
            self.assertTrue(self.ask(connection, stream, b"RCPT TO:<@elsewhere.test:u1@example.test>").startswith(b"250 "))
        self.assertEqual(self.server.cli("queue", "list", "--json").stdout, '{"queue":[]}\n')

    def test_lines_without_an_end(self):
        with self.connect() as (connection, stream):
            connection.sendall(b"MAIL FROM:<" + b"a" * MIB + b"@elsewhere.test>\r\n")
            self.assertTrue(self.reply(stream).startswith(b"500 5.5.2 "))
            for _ in range(50):
                connection.sendall(b"X" * MIB)
            connection.sendall(b"\r\n")
            self.assertTrue(self.reply(stream).startswith(b"500 5.5.2 "))
            self.assertTrue(self.ask(connection, stream, b"NOOP").startswith(b"250 "))
            # A message may be one long line.
            self.begin(connection, stream)
            self.assertTrue(self.ask(connection, stream, b"DATA").startswith(b"354 "))
            self.assertTrue(self.ask(connection, stream, b"X" * MIB + b"\r\n.").startswith(b"250 "))
            # A header may not grow without end, whatever its size.
            self.begin(connection, stream)
            self.assertTrue(self.ask(connection, stream, b"DATA").startswith(b"354 "))
            self.assertTrue(self.ask(connection, stream, b"X: y\r\n" * 300_000 + b".").startswith(b"2"))
            # Above the limit of a message the rest is read and thrown away.
            self.begin(connection, stream)
            self.assertTrue(self.ask(connection, stream, b"DATA").startswith(b"354 "))
            for _ in range(50):
                connection.sendall(b"Y" * MIB)
            self.assertTrue(self.ask(connection, stream, b"\r\n.").startswith(b"552 5.3.4 "))
            self.assertLess(self.resident() - self.before, 60 * MIB)

    def test_a_hundred_thousand_recipients(self):
        with self.connect(timeout=60) as (connection, stream):
            self.assertTrue(self.ask(connection, stream, b"MAIL FROM:<a@elsewhere.test>").startswith(b"250 "))
            taken = refused = 0
            ended = False
            for _ in range(100):
                with contextlib.suppress(ConnectionError):
                    connection.sendall(f"RCPT TO:<u2@{DOMAIN}>\r\n".encode() * 1000)
                for _ in range(1000):
                    line = stream.readline()
                    taken += line.startswith(b"250 ")
                    refused += line.startswith(b"452 4.5.3 ")
                    if line.startswith(b"421 ") or not line:
                        ended = True
                        break
                if ended:
                    break
            self.assertEqual(taken, 1000)
            self.assertGreater(refused, 98_000)
            self.assertTrue(ended, "there is a limit to the commands of a session")
        self.assertLess(self.resident() - self.before, 60 * MIB)

    def test_bdat_lies_about_sizes(self):
        mails = self.count()
        with self.connect() as (connection, stream):
            for size in (b"-1", b"1e3", b"0x10", b"", b"10 FIRST", b"+5"):
                self.assertRegex(self.ask(connection, stream, b"BDAT " + size)[:4], rb"50[13] ")
        # More was promised than comes.
        for size in (100, 18446744073709551615, 99999999999999999999999):
            with self.connect() as (connection, stream):
                self.begin(connection, stream)
                connection.sendall(f"BDAT {size} LAST\r\nSubject: short\r\n\r\n".encode())
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(stream.read(), b"")
        # Less: the rest is lines of nonsense, none of which is content or taken for more than it is.
        with self.connect() as (connection, stream):
            self.begin(connection, stream)
            connection.sendall(b"BDAT 4\r\nab\r\nSubject: more\r\nDATA\r\nBDAT 0 LAST\r\n")
            self.assertEqual([self.reply(stream)[:3] for _ in range(4)], [b"250", b"500", b"503", b"250"])
        # A chunk above the limit is taken whole, thrown away, and refused.
        with self.connect() as (connection, stream):
            self.begin(connection, stream)
            connection.sendall(f"BDAT {20 * MIB}\r\n".encode())
            for _ in range(20):
                connection.sendall(b"Z" * MIB)
            self.assertTrue(self.reply(stream).startswith(b"552 5.3.4 "))
            self.assertTrue(self.ask(connection, stream, b"NOOP").startswith(b"250 "))
        self.assertEqual(self.count(), mails + 1)

    def test_half_closed_connections(self):
        mails = self.count()
        with self.connect() as (connection, stream):  # in the middle of a message
            self.begin(connection, stream)
            self.ask(connection, stream, b"DATA")
            connection.sendall(b"Subject: half\r\n\r\nx\r\n.")
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(stream.read(), b"")
        self.assertEqual(self.count(), mails)
        with self.connect() as (connection, stream):  # behind a whole one: it is answered still
            connection.sendall(b"MAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<u2@example.test>\r\nBDAT 2 LAST\r\n\r\nQUIT\r\n")
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual([line[:3] for line in stream.read().split(b"\r\n")[:-1]], [b"250", b"250", b"250", b"221"])
        self.assertEqual(self.count(), mails + 1)

    def test_slow_clients_are_told_and_let_go(self):
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(self.connect()) for _ in range(100)]
            with_data = [stack.enter_context(self.connect()) for _ in range(3)]
            for connection, stream in with_data:
                self.begin(connection, stream)
                self.ask(connection, stream, b"DATA")
            begun = time.monotonic()
            # A byte now and then does not keep a command open for ever.
            while time.monotonic() - begun < 12:
                for connection, _ in slow:
                    with contextlib.suppress(ConnectionError):
                        connection.sendall(b"N")
                time.sleep(1)
            for connection, stream in slow + with_data:
                with contextlib.suppress(ConnectionError):
                    self.assertTrue(stream.readline().startswith(b"421 4.4.2 "))
            self.assertLess(time.monotonic() - begun, 40)

    def test_clients_that_never_read(self):
        with contextlib.ExitStack() as stack:
            deaf = [stack.enter_context(self.connect()) for _ in range(20)]
            sent = 0
            end = time.monotonic() + 30
            waiting = {connection for connection, _ in deaf}
            for connection in waiting:
                connection.setblocking(False)
            block = b"HELP\r\n" * 10_000
            # Until the server takes no more of anybody, or has ended them.
            while waiting and time.monotonic() < end:
                _, writable, _ = select.select([], list(waiting), [], 3)
                if not writable:
                    break
                for connection in writable:
                    try:
                        sent += connection.send(block)
                    except BlockingIOError:
                        pass
                    except ConnectionError:
                        waiting.discard(connection)
            self.assertLess(self.resident() - self.before, 60 * MIB)
            self.assertGreater(sent, 0)
            begun = time.monotonic()
            self.server.send("Subject: meanwhile\r\n\r\nhello\r\n")
            self.assertLess(time.monotonic() - begun, 5)

    def test_handshakes_that_are_never_finished(self):
        with contextlib.ExitStack() as stack:
            context = any_certificate()
            for i in range(300):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", self.server.port("submissions")), 20))
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                with contextlib.suppress(ssl.SSLWantReadError):
                    context.wrap_bio(incoming, outgoing).do_handshake()
                hello = outgoing.read()
                # A whole hello, half of one, or what is none.
                connection.sendall((hello, hello[:50], b"GET / HTTP/1.0\r\n\r\n")[i % 3])
            begun = time.monotonic()
            self.server.send("Subject: meanwhile\r\n\r\nhello\r\n")
            self.assertLess(time.monotonic() - begun, 5)
            self.assertLess(self.resident() - self.before, 100 * MIB)

    def test_logins_that_are_guessed_end_the_session(self):
        with socket.create_connection(("127.0.0.1", self.server.port("submissions")), 30) as plain:
            with any_certificate().wrap_socket(plain) as connection, connection.makefile("rb") as stream:
                self.reply(stream)
                self.ask(connection, stream, b"EHLO c.test")
                for _ in range(100):
                    self.assertTrue(self.ask(connection, stream, b"AUTH NONSENSE").startswith(b"504 "))
                self.assertTrue(self.reply(stream).startswith(b"421 4.7.0 "))
