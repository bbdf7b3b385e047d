"""Submission as real programs do it: nodemailer, Python's smtplib; what is mended, hidden and refused on the way; and what testssl
finds on each port."""
import concurrent.futures
import email
import json
import os
import re
import smtplib
import subprocess
import unittest
from email import policy
from email.message import EmailMessage

from harness import DOMAIN, PASSWORD, ServerTest, any_certificate

UTF8_TEXT = "Schöne Grüße aus Köln,\nund eine lange Zeile: " + "ü und weiter " * 200 + "\n"

NODEMAILER = """
const nodemailer = require('nodemailer');
const [port, secure, user, pass, method, mail] = process.argv.slice(1);
const transport = nodemailer.createTransport({host: '127.0.0.1', port: Number(port), secure: secure === 'true', requireTLS: true,
  tls: {rejectUnauthorized: false}, authMethod: method || undefined, auth: {user, pass}, pool: false});
transport.verify()
  .then(() => transport.sendMail(JSON.parse(mail)))
  .then(info => { console.log(info.response); transport.close(); })
  .catch(error => { console.log(error.code, error.responseCode); process.exitCode = 1; });
"""


def read(message):
    return email.message_from_bytes(message, policy=policy.default)


def text_of(part):
    return part.get_content().replace("\r\n", "\n")


class Inbox(ServerTest):
    def newest(self, user="u1"):
        """The newest message of the INBOX, which is emptied."""
        client = self.server.imap(user)
        try:
            client.select("INBOX")
            numbers = client.uid("search", None, "ALL")[1][0].split()
            self.assertTrue(numbers, self.server.log()[-2000:])
            message = client.uid("fetch", numbers[-1], "(BODY.PEEK[])")[1][0][1]
            for number in numbers:
                client.uid("store", number, "+FLAGS", "(\\Deleted)")
            client.expunge()
            return message
        finally:
            client.logout()

    def submission(self, user="u1"):
        client = smtplib.SMTP("127.0.0.1", self.server.port("submission"), local_hostname="laptop.home.example", timeout=30)
        client.starttls(context=any_certificate())
        client.ehlo()
        client.login(f"{user}@{DOMAIN}", PASSWORD)
        return client


class Nodemailer(Inbox):
    configuration = "[submission]\nrefuse_forged = true\n"

    def send(self, port, secure, password=PASSWORD, method="", status=0, **mail):
        mail = {"from": f"Ünal Eins <u1@{DOMAIN}>", "to": f"Zwei <u2@{DOMAIN}>", **mail}
        return self.run_client("node", "-e", NODEMAILER, "--", self.server.port(port), str(secure).lower(), f"u1@{DOMAIN}", password,
                               method, json.dumps(mail), status=status, env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})

    def test_it_sends_over_both_kinds_of_tls(self):
        for port, secure, method in (("submissions", True, "PLAIN"), ("submission", False, "LOGIN")):
            out = self.send(port, secure, method=method, subject="Größe", text=UTF8_TEXT, html="<p>Größe</p>",
                            attachments=[{"filename": "Übersicht.txt", "content": "x" * 3000}])
            self.assertRegex(out, "250 2.0.0 OK id=")
            raw = self.newest("u2")
            message = read(raw)
            self.assertTrue(raw.isascii())
            self.assertEqual(message["Subject"], "Größe")
            self.assertEqual(text_of(message.get_body(("plain",))), UTF8_TEXT)
            self.assertEqual([part.get_filename() for part in message.iter_attachments()], ["Übersicht.txt"])

    def test_it_is_told_of_a_wrong_password_and_of_a_sender_that_is_not_its_own(self):
        self.assertIn("EAUTH 535", self.send("submissions", True, password="wrong", status=1))
        out = self.send("submissions", True, status=1, subject="x", text="x",
                        **{"from": f"u2@{DOMAIN}", "envelope": {"from": f"u1@{DOMAIN}", "to": [f"u2@{DOMAIN}"]}})
        self.assertIn("EMESSAGE 553", out)


class Smtplib(Inbox):
    configuration = "[submission]\nrefuse_forged = true\n"

    def test_8_bit_and_long_lines_leave_in_seven_bits(self):
        message = EmailMessage(policy=policy.SMTP.clone(cte_type="8bit", max_line_length=100_000))
        message["From"], message["To"], message["Subject"] = f"u1@{DOMAIN}", f"u1@{DOMAIN}", "Größe"
        message.set_content(UTF8_TEXT, cte="8bit")
        message.add_attachment(b"\x00\xff\r\n" * 500, maintype="application", subtype="octet-stream", filename="a.bin")
        with self.submission() as client:
            client.send_message(message)
        raw = self.newest()
        self.assertTrue(raw.isascii())
        self.assertLess(max(len(line) for line in raw.split(b"\r\n")), 999)
        got = read(raw)
        self.assertEqual(text_of(got.get_body(("plain",))), UTF8_TEXT)
        self.assertEqual(next(got.iter_attachments()).get_content(), b"\x00\xff\r\n" * 500)

    def test_a_header_in_raw_bytes_becomes_words(self):
        raw = (f"From: Jörg <u1@{DOMAIN}>\r\nTo: u1@{DOMAIN}\r\nSubject: Grüße\r\n\r\nnichts weiter: ä\r\n").encode()
        with self.submission() as client:
            client.sendmail(f"u1@{DOMAIN}", [f"u1@{DOMAIN}"], raw, mail_options=["BODY=8BITMIME"])
        got = self.newest()
        self.assertTrue(got.isascii())
        self.assertEqual(read(got)["Subject"], "Grüße")
        self.assertEqual(read(got)["From"], f"Jörg <u1@{DOMAIN}>")
        self.assertEqual(text_of(read(got)), "nichts weiter: ä\n")

    def test_what_is_signed_arrives_as_it_was(self):
        body = ("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=s\r\n\r\n--s\r\n"
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nunterschrieben: ü\r\n\r\n--s\r\n"
                "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n--s--\r\n").encode()
        head = f"From: u1@{DOMAIN}\r\nTo: u1@{DOMAIN}\r\nMIME-Version: 1.0\r\n".encode()
        with self.submission() as client:
            client.sendmail(f"u1@{DOMAIN}", [f"u1@{DOMAIN}"], head + body, mail_options=["BODY=8BITMIME"])
        self.assertTrue(self.newest().endswith(body))

    def test_a_forged_header_is_refused(self):
        with self.submission() as client:
            for header in (f"From: u2@{DOMAIN}", f"From: u1@{DOMAIN}\r\nSender: boss@elsewhere.example",
                           f"From: u1@{DOMAIN}\r\nFrom: u2@{DOMAIN}", f"From: u1@{DOMAIN}, u2@{DOMAIN}"):
                with self.assertRaises(smtplib.SMTPDataError) as refused:
                    client.sendmail(f"u1@{DOMAIN}", [f"u1@{DOMAIN}"], header + "\r\n\r\nx\r\n")
                self.assertIn(refused.exception.smtp_code, (550, 553), header)
            client.sendmail(f"u1@{DOMAIN}", [f"u1@{DOMAIN}"], f"From: u1+tag@{DOMAIN}\r\n\r\nx\r\n")
        self.newest()


class Hidden(Inbox):
    configuration = """
[submission]
hide_clients = true
"""

    def test_where_a_user_is_stays_unknown(self):
        with self.submission() as client:
            client.sendmail(f"u1@{DOMAIN}", [f"u1@{DOMAIN}"], f"From: u2@{DOMAIN}\r\n\r\nx\r\n")
        message = self.newest()
        self.assertNotIn(b"laptop.home.example", message)
        self.assertNotIn(b"127.0.0.1", message)
        self.assertIn(f"Received: by mail.{DOMAIN} with ESMTPSA".encode(), message)
        # Of other servers the way is told, as ever.
        self.server.send("Subject: x\r\n\r\nx\r\n")
        self.assertIn(b"from client.test ([127.0.0.1])", self.newest())


class Tls(ServerTest):
    """testssl's protocols and cipher categories; its other checks take minutes for each port."""

    def look(self, port, starttls):
        command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--ip", "one", "-p", "-s"]
        command += ["-t", starttls] if starttls else []
        done = subprocess.run([*command, f"127.0.0.1:{self.server.port(port)}"], capture_output=True, text=True, timeout=180,
                              stdin=subprocess.DEVNULL)
        return port, {name.strip(): verdict.strip() for name, verdict in re.findall(r"^ (\S.*?)  +(\S.*)$", done.stdout, re.M)}, done.stdout

    def test_each_port_has_new_protocols_and_strong_ciphers_only(self):
        ports = [("smtp", "smtp"), ("submission", "smtp"), ("submissions", None), ("imap", "imap"), ("imaps", None)]
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for port, seen, out in pool.map(lambda each: self.look(*each), ports):
                with self.subTest(port):
                    for old in ("SSLv2", "SSLv3", "TLS 1", "TLS 1.1"):
                        self.assertTrue(seen.get(old, "").startswith("not offered"), out)
                    for new in ("TLS 1.2", "TLS 1.3"):
                        self.assertTrue(seen.get(new, "").startswith("offered (OK)"), out)
                    weak = [name for name in seen if re.match("NULL|Anonymous|Export|LOW|Triple|Obsolete", name)]
                    self.assertEqual(len(weak), 6, out)
                    for name in weak:
                        self.assertTrue(seen[name].startswith("not offered"), out)
                    self.assertEqual(seen.get("Strong encryption (AEAD ciphers)"), "offered (OK)", out)


if __name__ == "__main__":
    unittest.main()
