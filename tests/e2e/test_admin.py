"""The operator's side beside the running server and without it."""
import json
import os
import smtplib
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BINARY, DOMAIN, Server, ServerTest, message, wait_for_port


class BesideTheServer(ServerTest):
    def test_domains_accounts_and_aliases_hold_at_once(self):
        cli = self.server.cli
        cli("domain", "add", "other.test")
        self.assertIn("other.test", cli("domain", "list").stdout)
        cli("account", "add", "anna@other.test", "--password", "secret")
        cli("alias", "add", "all@other.test", "anna@other.test", f"u1@{DOMAIN}")
        with self.server.smtp() as client:
            client.sendmail("x@elsewhere.test", ["all@other.test"], message(1))
        for login, password in (("anna@other.test", "secret"), (f"u1@{DOMAIN}", "test")):
            out = self.run_client("curl", "-sS", "-k", f"imaps://127.0.0.1:{self.server.port('imaps')}/INBOX;UID=1", "-u", f"{login}:{password}")
            self.assertIn("Subject: test 1", out)
        cli("alias", "remove", "all@other.test")
        cli("account", "remove", "anna@other.test")
        with self.server.smtp() as client:
            client.ehlo()
            client.mail("x@elsewhere.test")
            for gone in ("all@other.test", "anna@other.test"):
                self.assertEqual(client.rcpt(gone)[0], 550)
        cli("domain", "remove", "other.test")
        self.assertNotIn("other.test", cli("domain", "list").stdout)

    def test_lists_are_json_on_request(self):
        accounts = json.loads(self.server.cli("account", "list", "--json").stdout)
        self.assertIn(f"u1@{DOMAIN}", json.dumps(accounts))
        json.loads(self.server.cli("queue", "list", "--json").stdout)

    def test_mistakes_are_told_in_words(self):
        for arguments, word in ((("account", "add", "x@unknown.test", "--password", "p"), "unknown.test"),
                                (("account", "add", f"u1@{DOMAIN}", "--password", "p"), "u1@"),
                                (("domain", "remove", DOMAIN), DOMAIN), (("account", "remove", f"nobody@{DOMAIN}"), "nobody"),
                                (("domain", "add", "not a domain"), "domain")):
            done = self.server.cli(*arguments, check=False)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn(word, done.stderr)

    def test_the_hostname_is_no_mail_domain(self):
        done = self.server.cli("domain", "add", "mail.example.test", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("hostname", done.stderr)

    def test_a_login_flood_does_not_stop_mail(self):
        flood = [subprocess.Popen(["/usr/bin/python3", "-c", f"""
import imaplib, ssl
for _ in range(20):
    try: imaplib.IMAP4('127.0.0.1', {self.server.port('imap')}).login('u1@{DOMAIN}', 'wrong%d' % _)
    except imaplib.IMAP4.error: pass
"""]) for _ in range(10)]
        try:
            with self.server.smtp(timeout=10) as client:
                for number in range(20):
                    client.sendmail("x@elsewhere.test", [f"u2@{DOMAIN}"], message(number))
        finally:
            for process in flood:
                process.wait(120)


class WithoutTheServer(unittest.TestCase):
    def test_the_store_is_managed_directly_while_the_server_is_stopped(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start()
        server.stop()
        server.cli("account", "add", f"late@{DOMAIN}", "--password", "late")
        server.start()
        with server.imap("late", "late") as client:
            self.assertEqual(client.select("INBOX")[0], "OK")

    def test_serve_runs_from_a_file(self):
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mail.serve.test",
                            "-addext", "subjectAltName=DNS:mail.serve.test", "-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"],
                           check=True, capture_output=True)
            server = Server(directory=f"{directory}/data")
            config = Path(directory, "postrider.toml")
            ports = "".join(f'[listener.{name}]\naddress = "127.0.0.1"\nport = {server.port(name)}\nprotocol = "{name}"\n'
                            for name in ("smtp", "submission", "submissions", "imap", "imaps"))
            config.write_text(f'hostname = "mail.serve.test"\ndata_dir = "{directory}/data"\n'
                              f'[tls]\ncertificate = "{directory}/cert.pem"\nkey = "{directory}/key.pem"\n{ports}')
            run = [str(BINARY), "serve", "--config", str(config)]
            with open(server.log_path, "wb") as log:
                process = subprocess.Popen(run, stdout=log, stderr=log)
            try:
                # A command that comes before the server is up would look for the store itself. The port is there earlier; the greeting comes last.
                wait_for_port(server.port("smtp"))
                smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=30).close()
                for arguments in (("domain", "add", "serve.test"), ("account", "add", "anna@serve.test", "--password", "secret")):
                    done = subprocess.run([str(BINARY), *arguments, "--config", str(config)], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr + server.log())
                with smtplib.SMTP("127.0.0.1", server.port("smtp")) as client:
                    client.sendmail("x@elsewhere.test", ["anna@serve.test"], message(1))
                with smtplib.SMTP("127.0.0.1", server.port("submission")) as client:
                    with self.assertRaises(smtplib.SMTPException):
                        client.login("anna@serve.test", "secret")
                out = subprocess.run(["curl", "-sS", "--cacert", f"{directory}/cert.pem", "--resolve", f"mail.serve.test:{server.port('imaps')}:127.0.0.1",
                                      f"imaps://mail.serve.test:{server.port('imaps')}/INBOX;UID=1", "-u", "anna@serve.test:secret"],
                                     capture_output=True, text=True)
                self.assertIn("Subject: test 1", out.stdout, out.stderr)
                process.terminate()
                self.assertEqual(process.wait(20), 0)
            finally:
                process.kill()
                process.wait()
                server.log_path.unlink()

    def test_a_wrong_configuration_is_told_with_its_line(self):
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "postrider.toml")
            config.write_text('hostname = "mail.serve.test"\ndata_dri = "/tmp/x"\n[limits]\nmessage_size = "many"\n')
            for command, status in ((["config", "check"], 1), (["serve"], 78)):
                done = subprocess.run([str(BINARY), *command, "--config", str(config)], capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, status)
                self.assertRegex(done.stdout + done.stderr, r"postrider\.toml:2.*data_dri.*data_dir")
                self.assertRegex(done.stdout + done.stderr, r"postrider\.toml:4")

    def test_a_newer_store_is_refused_and_left_alone(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start()
        server.send(message(1))
        server.stop()
        versions = [path for path in server.directory.rglob("VERSION")]
        self.assertEqual(len(versions), 1)
        kept = versions[0].read_bytes()
        number = next(word for word in kept.split() if word.isdigit())
        versions[0].write_bytes(kept.replace(number, b"9999"))
        before = {path: path.stat().st_mtime_ns for path in versions[0].parent.rglob("*") if path.is_file() and path.suffix != ".sock"}
        with self.assertRaises(AssertionError) as caught:
            server.start()
        self.assertRegex(str(caught.exception), "newer|9999")
        after = {path: path.stat().st_mtime_ns for path in before if path.exists()}
        self.assertEqual({k: v for k, v in before.items() if k.name not in ("LOCK", "LOG")},
                         {k: v for k, v in after.items() if k.name not in ("LOCK", "LOG")})
        versions[0].write_bytes(kept)
        server.start()
        with server.imap() as client:
            self.assertEqual(client.select("INBOX")[1], [b"1"])

    def test_a_damaged_store_is_named_and_the_rest_stays_readable(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start()
        for number in range(10):
            server.send(message(number, 200_000))
        server.stop()
        server.store_check()
        blobs = sorted(path for path in server.directory.rglob("*.blob")) or sorted(path for path in server.directory.rglob("*.log"))
        target = max(blobs, key=lambda path: path.stat().st_size)
        with open(target, "r+b") as file:
            file.seek(target.stat().st_size // 2)
            piece = file.read(64)
            file.seek(-len(piece), os.SEEK_CUR)
            file.write(bytes(255 - byte for byte in piece))
        done = server.cli("store", "check", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        server.start()
        with server.imap() as client:
            count = int(client.select("INBOX")[1][0])
            whole = sum(client.fetch(str(number + 1), "(BODY.PEEK[])")[0] == "OK" for number in range(count))
        self.assertGreaterEqual(whole, 5)
