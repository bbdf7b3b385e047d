"""Senders and recipients that the operator wants otherwise, as a user's client and a stranger's server meet them."""
import email
import email.policy
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, DOMAIN, PASSWORD, ServerTest

CONFIG = f"""
[rewrite]
senders = ["root@*=", "*@*.{DOMAIN}=*@{DOMAIN}", "u1@{DOMAIN}=first.last@{DOMAIN}"]
recipients = ["*@old.test=*@{DOMAIN}", "*@other.test=*@elsewhere.test"]
"""


class Rewriting(ServerTest):
    configuration = CONFIG

    def inbox(self, user, count):
        deadline = time.monotonic() + 20
        with self.server.imap(user) as client:
            while int(client.select("INBOX")[1][0]) < count:
                self.assertLess(time.monotonic(), deadline, self.server.log())
                time.sleep(0.1)
            return email.message_from_bytes(client.fetch(str(count), "(BODY.PEEK[])")[1][0][1], policy=email.policy.default)

    def test_a_users_mail_goes_out_as_somebody_else_and_the_login_stays_what_it_is(self):
        self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port('submission')}", "--tls", "--auth", "PLAIN", "--auth-user", f"u1@{DOMAIN}",
                        "--auth-password", PASSWORD, "--from", f"u1@{DOMAIN}", "--to", "u2@old.test", "--header", f"From: The First <u1@{DOMAIN}>",
                        "--header", "Subject: masqueraded")
        message = self.inbox("u2", 1)
        self.assertEqual(message["From"], f"The First <first.last@{DOMAIN}>")
        self.assertEqual(message["Return-Path"], f"<first.last@{DOMAIN}>")
        self.assertEqual(message["Delivered-To"], f"u2@{DOMAIN}")
        self.assertIn("u2@old.test", message["To"])
        # What the client may send as is judged by what it says.
        self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port('submission')}", "--tls", "--auth", "PLAIN", "--auth-user", f"u1@{DOMAIN}",
                        "--auth-password", PASSWORD, "--from", f"u2@{DOMAIN}", "--to", f"u2@{DOMAIN}", status=23)

    def test_a_stranger_reaches_the_new_address_and_no_other_server(self):
        self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port('smtp')}", "--from", f"a@pc.{DOMAIN}", "--to", "u1@old.test", "--header",
                        f"From: a@pc.{DOMAIN}")
        message = self.inbox("u1", 1)
        self.assertEqual(message["From"], f"a@pc.{DOMAIN}")
        self.assertEqual(message["Delivered-To"], f"u1@{DOMAIN}")
        self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port('smtp')}", "--from", "a@elsewhere.test", "--to", "u1@other.test", status=24)

    def test_a_rule_that_makes_no_sense_is_named(self):
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "c.toml")
            config.write_text('hostname = "mail.example.org"\n[rewrite]\nsenders = ["*@*.example.org=nobody"]\n')
            done = subprocess.run([str(BINARY), "config", "check", str(config)], capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("c.toml:3: rewrite.senders must be as", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
