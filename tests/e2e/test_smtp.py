"""Receiving and submission with real clients: swaks, msmtp, smtplib, openssl."""
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from harness import DOMAIN, NO_RESOLVER, PASSWORD, ServerTest, any_certificate, body_is_whole, message


class Receiving(ServerTest):
    def bodies(self, user="u1"):
        with self.server.imap(user) as client:
            client.select("INBOX")
            _, data = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
            return [item[1] for item in data if isinstance(item, tuple)]

    def swaks(self, *arguments, port="smtp", status=0):
        return self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port(port)}", *arguments, status=status)

    def test_swaks_delivers_and_the_message_is_served(self):
        self.swaks("--to", f"u1@{DOMAIN}", "--header", "Subject: from swaks", "--body", "hello there")
        found = [body for body in self.bodies() if b"from swaks" in body]
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith(b"Return-Path: <"))
        self.assertIn(b"Delivered-To: u1@example.test\r\n", found[0])
        self.assertIn(b"Received: from ", found[0])
        self.assertIn(b"hello there", found[0])

    def test_swaks_over_starttls(self):
        out = self.swaks("--tls", "--to", f"u1@{DOMAIN}", "--header", "Subject: over starttls")
        self.assertIn("TLS started with cipher TLSv1.3", out)
        received = [body for body in self.bodies() if b"over starttls" in body][0]
        self.assertIn(b"with ESMTPS", received)

    def test_every_announced_extension_is_used_by_one_client(self):
        with self.server.smtp() as client:
            client.ehlo()
            for word in ("pipelining", "size", "8bitmime", "enhancedstatuscodes", "starttls", "smtputf8", "chunking"):
                self.assertIn(word, client.esmtp_features)
            self.assertEqual(client.esmtp_features["size"], str(25 << 20))
            self.assertNotIn("auth", client.esmtp_features)
            client.sendmail("grüße@elsewhere.test", [f"u1@{DOMAIN}"], "Subject: Grüße\r\n\r\nÜber SMTPUTF8.\r\n".encode(),
                            mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        self.assertTrue(any("Grüße".encode() in body for body in self.bodies()))

    def test_chunking_in_odd_pieces_keeps_every_byte(self):
        text = message(4711, 700_000).encode()
        with self.server.smtp() as client:
            client.ehlo()
            client.mail("a@elsewhere.test")
            client.rcpt(f"u2@{DOMAIN}")
            for start in range(0, len(text), 99_991):
                piece = text[start:start + 99_991]
                last = " LAST" if start + 99_991 >= len(text) else ""
                client.send(f"BDAT {len(piece)}{last}\r\n".encode() + piece)
                self.assertEqual(client.getreply()[0], 250)
        self.assertTrue(any(body_is_whole(body) for body in self.bodies("u2")))

    def test_bytes_of_a_message_survive(self):
        tricky = ("Subject: dots\r\nMIME-Version: 1.0\r\n\r\n.\r\n..\r\n...three\r\n. one\r\n\r\n.\r\n" + "x" * 990 + "\r\n")
        with self.server.smtp() as client:
            client.sendmail("a@elsewhere.test", [f"u2@{DOMAIN}"], tricky)
        self.assertTrue(any(body.endswith(tricky.encode()) for body in self.bodies("u2")))

    def test_what_is_refused_and_how(self):
        with self.server.smtp() as client:
            client.ehlo()
            self.assertEqual(client.mail("a@elsewhere.test")[0], 250)
            code, text = client.rcpt(f"nobody@{DOMAIN}")
            self.assertEqual((code, text[:5]), (550, b"5.1.1"))
            code, text = client.rcpt("stranger@elsewhere.test")
            self.assertEqual((code, text[:5]), (550, b"5.7.1"))
            self.assertEqual(client.docmd("DATA")[0] // 100, 5)
            self.assertEqual(client.docmd("RSET")[0], 250)
            self.assertEqual(client.docmd(f"MAIL FROM:<a@b.test> SIZE={26 << 20}")[0], 552)
            self.assertEqual(client.docmd("FROBNICATE")[0], 500)
            self.assertEqual(client.docmd("X" * 5000)[0], 500)
            self.assertEqual(client.docmd("NOOP")[0], 250)

    def test_relay_forms_find_nothing(self):
        for address in ("a%elsewhere.test@example.test", '"a@elsewhere.test"@example.test', "@example.test:a@elsewhere.test",
                        "a@elsewhere.test", "elsewhere.test!a@example.test", "<a@elsewhere.test>@example.test"):
            with self.server.smtp() as client:
                client.ehlo()
                client.mail("x@elsewhere.test")
                self.assertGreaterEqual(client.docmd(f"RCPT TO:<{address}>")[0], 500, address)

    def test_nothing_before_starttls_counts_after_it(self):
        with socket.create_connection(("127.0.0.1", self.server.port("smtp")), 10) as connection:
            connection.recv(1000)
            connection.sendall(b"EHLO a.test\r\nSTARTTLS\r\nMAIL FROM:<injected@elsewhere.test>\r\n")
            text = b""
            while b"220 " not in text and (piece := connection.recv(4000)):
                text += piece
            try:
                with any_certificate().wrap_socket(connection) as secure:
                    secure.sendall(b"RCPT TO:<u1@example.test>\r\n")
                    self.assertTrue(secure.recv(1000).startswith(b"503"))
            except (ssl.SSLError, ConnectionError):
                pass  # refusing the handshake of such a client is right as well

    def test_a_full_quota_refuses_for_now_and_harms_nobody_else(self):
        self.server.cli("account", "add", f"small@{DOMAIN}", "--password", "test", "--quota", "20000")
        with self.server.smtp() as client:
            client.sendmail("a@elsewhere.test", [f"small@{DOMAIN}"], message(1, 15_000))
            try:
                refused = client.sendmail("a@elsewhere.test", [f"small@{DOMAIN}", f"u2@{DOMAIN}"], message(2, 15_000))
                codes = [code for code, _ in refused.values()]
            except smtplib.SMTPResponseException as error:
                self.fail(f"the other recipient was harmed: {error}")
            self.assertTrue(all(code in (452, 552) for code in codes), codes)


class Strangers(ServerTest):
    """Loopback is trusted in developer mode; here it is not."""
    configuration = '[listener.smtp]\nprotocol = "smtp"\ntrusted = []\nplaintext_auth = false\n'

    def test_a_bare_line_feed_is_answered_at_once(self):
        with socket.create_connection(("127.0.0.1", self.server.port("smtp")), 10) as connection:
            connection.recv(1000)
            connection.sendall(b"EHLO client.test\n")
            reply = connection.recv(1000)
            self.assertTrue(reply.startswith(b"500"), reply)
            self.assertIn(b"CR", reply)

    def test_smuggling_is_impossible(self):
        endings = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n\n.\r\n", b"\r\n\0.\r\n"]
        for ending in endings:
            smuggled = b"MAIL FROM:<evil@elsewhere.test>\r\nRCPT TO:<u2@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
            with socket.create_connection(("127.0.0.1", self.server.port("smtp")), 10) as connection:
                stream = connection.makefile("rwb")
                stream.readline()
                stream.write(b"HELO c.test\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<u2@example.test>\r\nDATA\r\n")
                stream.flush()
                replies = [stream.readline() for _ in range(4)]
                self.assertTrue(replies[3].startswith(b"354"), replies)
                stream.write(b"Subject: outer\r\n\r\ntext" + ending + smuggled + b"QUIT\r\n")
                stream.flush()
                rest = stream.read()
                self.assertTrue(rest.startswith(b"550"), (ending, rest))
        with self.server.imap("u2") as client:
            self.assertEqual(client.select("INBOX")[1], [b"0"])


class Submission(ServerTest):
    configuration = NO_RESOLVER

    def swaks(self, *arguments, port="submission", status=0):
        return self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port(port)}", *arguments, status=status)

    def login(self, user="u1", password=PASSWORD):
        return ("-au", f"{user}@{DOMAIN}", "-ap", password)

    def test_swaks_with_plain_and_login_on_587_and_465(self):
        for mechanism in ("PLAIN", "LOGIN"):
            self.swaks("-tls", "-a", mechanism, *self.login(), "--from", f"u1@{DOMAIN}", "--to", f"u2@{DOMAIN}")
            self.swaks("-tlsc", "-a", mechanism, *self.login(), "--from", f"u1@{DOMAIN}", "--to", f"u2@{DOMAIN}",
                       port="submissions")

    def test_a_wrong_password_and_no_password_are_refused(self):
        out = self.swaks("-tls", "-a", "PLAIN", *self.login(password="wrong"), "--from", f"u1@{DOMAIN}", "--to", f"u2@{DOMAIN}",
                         status=28)
        self.assertIn("535", out)
        out = self.swaks("-tls", "--from", f"u1@{DOMAIN}", "--to", f"u2@{DOMAIN}", status=None)
        self.assertIn("530", out)

    def test_a_sender_must_own_its_address(self):
        out = self.swaks("-tls", "-a", "PLAIN", *self.login(), "--from", f"u2@{DOMAIN}", "--to", f"u2@{DOMAIN}", status=None)
        self.assertIn("553", out)

    def test_mail_for_other_hosts_is_queued_durably(self):
        self.swaks("-tls", "-a", "PLAIN", *self.login(), "--from", f"u1@{DOMAIN}", "--to", "friend@elsewhere.test")
        self.assertIn("friend@elsewhere.test", self.server.cli("queue", "list").stdout)

    def test_date_and_message_id_are_added_and_bare_line_feeds_mended(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.server.port("submissions"), context=any_certificate()) as client:
            client.login(f"u1@{DOMAIN}", PASSWORD)
            client.ehlo_or_helo_if_needed()
            client.mail(f"u1@{DOMAIN}")
            client.rcpt(f"u1@{DOMAIN}")
            client.docmd("DATA")
            client.send(b"Subject: bare\nFrom: u1@example.test\n\nline\nline\r\n.\r\n")
            self.assertEqual(client.getreply()[0], 250)
        with self.server.imap() as client:
            client.select("INBOX")
            _, data = client.fetch("1", "(BODY.PEEK[])")
        text = data[0][1]
        self.assertIn(b"\r\nDate: ", text)
        self.assertIn(b"\r\nMessage-ID: <", text)
        self.assertNotIn(b"\n", text.replace(b"\r\n", b""))

    def test_msmtp_submits(self):
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "msmtprc")
            config.write_text(f"account default\nhost 127.0.0.1\nport {self.server.port('submission')}\ntls on\ntls_certcheck off\n"
                              f"auth plain\nuser u1@{DOMAIN}\npassword {PASSWORD}\nfrom u1@{DOMAIN}\n")
            config.chmod(0o600)
            self.run_client("msmtp", "-C", config, f"u2@{DOMAIN}", input="Subject: from msmtp\n\nhello\n")
        with self.server.imap("u2") as client:
            client.select("INBOX")
            self.assertNotEqual(client.search(None, "SUBJECT", '"from msmtp"')[1], [b""])

    def test_plain_authentication_without_tls_is_for_loopback_in_developer_mode(self):
        self.swaks("-a", "PLAIN", *self.login(), "--from", f"u1@{DOMAIN}", "--to", f"u2@{DOMAIN}")

    def test_a_changed_password_holds_from_the_next_command_on(self):
        self.server.cli("account", "add", f"changes@{DOMAIN}", "--password", "before")
        with smtplib.SMTP_SSL("127.0.0.1", self.server.port("submissions"), context=any_certificate()) as client:
            client.login(f"changes@{DOMAIN}", "before")
            self.assertEqual(client.mail(f"changes@{DOMAIN}")[0], 250)
            client.rset()
            self.server.cli("account", "password", f"changes@{DOMAIN}", "--password", "after")
            self.assertGreaterEqual(client.mail(f"changes@{DOMAIN}")[0], 400)


class TlsOnly(ServerTest):
    def test_openssl_sees_tls_1_2_and_1_3_and_nothing_older(self):
        for version, works in (("-tls1_3", True), ("-tls1_2", True), ("-tls1_1", False)):
            for port, extra in (("imaps", []), ("submissions", []), ("smtp", ["-starttls", "smtp"])):
                done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port(port)}", version, *extra],
                                      input=b"", capture_output=True, timeout=20)
                self.assertEqual(b"Cipher is (NONE)" not in done.stdout and done.returncode == 0, works, (version, port))

    def test_sessions_are_resumed(self):
        context = any_certificate()
        with socket.create_connection(("127.0.0.1", self.server.port("imaps"))) as plain:
            with context.wrap_socket(plain) as first:
                first.recv(1000)
                session = first.session
        with socket.create_connection(("127.0.0.1", self.server.port("imaps"))) as plain:
            with context.wrap_socket(plain, session=session) as second:
                second.recv(1000)
                self.assertTrue(second.session_reused)


class ManyConnections(ServerTest):
    def test_two_thousand_idle_connections_and_mail_still_flows(self):
        held = []
        try:
            for _ in range(1500):
                held.append(socket.create_connection(("127.0.0.1", self.server.port("smtp")), 10))
            began = time.monotonic()
            self.server.send(message(1))
            self.assertLess(time.monotonic() - began, 5)
        finally:
            for connection in held:
                connection.close()
