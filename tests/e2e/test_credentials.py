"""App passwords: what each is good for, from where and until when, by SMTP and IMAP and by every mechanism; when it was last used;
and that sessions end with it."""
import contextlib
import imaplib
import json
import smtplib
import subprocess
import time
import unittest
import urllib.request

from harness import DOMAIN, PASSWORD, ServerTest, any_certificate

ANN = f"u1@{DOMAIN}"


def close(client):
    with contextlib.suppress(OSError):
        client.shutdown()


class Credentials(ServerTest):
    def add(self, name, *limits, user=ANN):
        """The generated password."""
        made = self.server.cli("credential", "add", user, name, "--generate", "--json", *limits)
        self.addCleanup(self.server.cli, "credential", "remove", user, name, check=False)
        return json.loads(made.stdout)["password"]

    def shown(self, name):
        return json.loads(self.server.cli("credential", "show", ANN, name, "--json").stdout)

    def imap(self, password):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate(), timeout=20)
        self.addCleanup(close, client)
        client.login(ANN, password)
        return client

    def smtp(self, password):
        client = smtplib.SMTP_SSL("127.0.0.1", self.server.port("submissions"), context=any_certificate(), timeout=20)
        self.addCleanup(client.close)
        client.login(ANN, password)
        return client

    def swaks(self, mechanism, password):
        """Whether swaks logs in by it."""
        done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(self.server.port("submissions")), "--tls-on-connect",
                               "--auth", mechanism, "--auth-user", ANN, "--auth-password", password, "--quit-after", "AUTH",
                               "--silent", "2"], capture_output=True, text=True, timeout=60)
        return done.returncode == 0

    def test_a_protocol(self):
        phone = self.add("phone", "--protocol", "imap")
        self.imap(phone)
        with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
            self.smtp(phone)
        self.assertEqual(refused.exception.smtp_code, 535)
        for mechanism in ("PLAIN", "LOGIN"):
            self.assertFalse(self.swaks(mechanism, phone))
        mailer = self.add("mailer", "--protocol", "smtp")
        for mechanism in ("PLAIN", "LOGIN"):
            self.assertTrue(self.swaks(mechanism, mailer))
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(mailer)
        self.assertIn("directory.credential.refused", self.server.log())

    def test_scram_is_asked_the_same(self):
        def gsasl(password):
            return subprocess.run(["gsasl", "--imap", f"--connect=127.0.0.1:{self.server.port('imap')}", "--no-starttls", "-m",
                                   "SCRAM-SHA-256", "-a", ANN, "-z", "", "-p", password, "--no-cb"], capture_output=True, text=True,
                                  timeout=60, input="").returncode
        good, bad = self.add("tablet", "--protocol", "imap"), self.add("printer", "--protocol", "smtp")
        self.assertEqual(gsasl(good), 0)
        self.assertNotEqual(gsasl(bad), 0)

    def test_a_network(self):
        elsewhere = self.add("office", "--network", "192.0.2.0/24", "--network", "2001:db8::/32")
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(elsewhere)
        self.assertEqual(self.shown("office")["networks"], ["192.0.2.0/24", "2001:db8::/32"])
        self.server.cli("credential", "set", ANN, "office", "--network", "127.0.0.0/8")
        self.imap(elsewhere)
        self.server.cli("credential", "set", ANN, "office", "--network", "any")
        self.assertEqual(self.shown("office")["networks"], [])

    def test_an_expiry_ends_sessions_also_one_in_idle(self):
        self.assertIn("has passed", self.server.cli("credential", "add", ANN, "late", "--generate", "--expires", "2020-01-01", check=False).stderr)
        self.assertIn("an expiry is", self.server.cli("credential", "add", ANN, "late", "--generate", "--expires", "soon", check=False).stderr)
        until = time.time() + 4
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until + 1))
        visitor = self.add("visitor", "--expires", stamp)
        idle, mailer = self.imap(visitor), self.smtp(visitor)
        idle.select("INBOX")
        idle.send(b"x IDLE\r\n")
        self.assertTrue(idle.readline().startswith(b"+"))
        self.assertEqual(mailer.mail(ANN)[0], 250)
        mailer.rset()
        began = time.time()
        self.assertTrue(idle.readline().startswith(b"* BYE"))
        self.assertLess(time.time() - began, 10)
        self.assertEqual(mailer.mail(ANN)[0], 530)
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(visitor)

    def test_a_removed_one_ends_its_sessions_and_no_others(self):
        phone = self.add("phone")
        idle, other, mailer = self.imap(phone), self.imap(PASSWORD), self.smtp(phone)
        idle.send(b"x IDLE\r\n")
        self.assertTrue(idle.readline().startswith(b"+"))
        self.server.cli("credential", "remove", ANN, "phone")
        self.assertTrue(idle.readline().startswith(b"* BYE"))
        self.assertEqual(mailer.mail(ANN)[0], 530)
        self.assertEqual(other.noop()[0], "OK")

    def test_its_last_use_is_shown_and_survives(self):
        phone = self.add("phone")
        self.assertIsNone(self.shown("phone")["last_used"])
        self.imap(phone)
        shown = self.shown("phone")
        self.assertEqual((shown["last_used_from"], shown["last_used_by"]), ("127.0.0.1", "imap"))
        self.smtp(phone)
        self.assertEqual(self.shown("phone")["last_used_by"], "smtp")
        self.server.stop()
        self.assertEqual(self.shown("phone")["last_used_by"], "smtp")
        self.server.start()
        listed = self.server.cli("credential", "list", ANN).stdout
        self.assertRegex(listed, r"CREDENTIAL +CREATED +CHANGED +LAST USED +FROM +BY")

    def test_logins_cost_no_sync_each(self):
        phone = self.add("phone")
        self.imap(phone)
        time.sleep(0.5)
        before = self.commits()
        for _ in range(20):
            self.imap(phone).logout()
        time.sleep(0.5)
        self.assertLessEqual(self.commits() - before, 2)

    def commits(self):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.server.port('metrics')}/metrics", timeout=20).read().decode()
        found = [line.split()[-1] for line in text.splitlines() if line.startswith("postrider_store_commit_seconds_count")]
        self.assertTrue(found, text)
        return float(found[0])

    def test_a_change_of_limits_keeps_the_password(self):
        phone = self.add("phone")
        session = self.imap(phone)
        self.server.cli("credential", "set", ANN, "phone", "--protocol", "imap", "--expires", "90d")
        # Whoever was logged in with it logs in again, with the same password.
        with self.assertRaises((imaplib.IMAP4.abort, imaplib.IMAP4.error)):
            session.noop()
            session.noop()
        self.imap(phone)
        shown = self.shown("phone")
        self.assertEqual(shown["protocols"], ["imap"])
        self.assertTrue(shown["expires"])
        self.server.cli("credential", "set", ANN, "phone", "--protocol", "any", "--expires", "never")
        self.smtp(phone)
        self.assertIn("smtp or imap", self.server.cli("credential", "set", ANN, "phone", "--protocol", "ftp", check=False).stderr)

    def test_an_import_brings_them_along(self):
        lines = json.dumps({"address": f"dora@{DOMAIN}", "password": "doras", "credentials": [
            {"name": "phone", "password": "doras-phone", "protocols": ["imap"], "networks": ["127.0.0.0/8"], "expires": "90d"},
            {"name": "desk", "hash": "{PLAIN}doras-desk"}]})
        self.server.cli("account", "add", "--from-file", "-", input=lines + "\n")
        listed = json.loads(self.server.cli("credential", "list", f"dora@{DOMAIN}", "--json").stdout)["credentials"]
        self.assertEqual([each["name"] for each in listed], ["password", "phone", "desk"])
        self.assertEqual(listed[1]["protocols"], ["imap"])
        for password in ("doras", "doras-phone", "doras-desk"):
            client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate(), timeout=20)
            client.login(f"dora@{DOMAIN}", password)
            client.logout()
        for broken, why in (({"name": "password", "password": "x"}, "name of its own"), ({"password": "x"}, "name"),
                            ({"name": "x", "password": "x", "protocols": ["ftp"]}, "smtp or imap"), ({"name": "x", "colour": "red"}, "colour")):
            line = json.dumps({"address": f"emil@{DOMAIN}", "password": "x", "credentials": [broken]})
            done = self.server.cli("account", "add", "--from-file", "-", input=line + "\n", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
