"""Mail of programs on this machine: `postrider sendmail` as cron, PHP, mutt and s-nail call it, also under its old names, with the
server there, away and killed in between; and who may send as whom."""
import email
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from email import policy
from pathlib import Path

from harness import BINARY, DOMAIN, PASSWORD, Server

HOST = f"mail.{DOMAIN}"
NOBODY = pwd.getpwnam("nobody")
EX_USAGE, EX_DATAERR, EX_NOUSER, EX_TEMPFAIL, EX_NOPERM = 64, 65, 67, 75, 77


def text_of(message):
    return message.get_content().replace("\r\n", "\n")


class Machine(unittest.TestCase):
    """A server whose spool other users reach, and the program under the names that it is called by."""
    rules = ""
    wrapper = ()

    def setUp(self):
        self.place = Path(tempfile.mkdtemp(prefix="postrider-sendmail-"))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.place.chmod(0o755)
        self.spool = self.place / "spool"
        self.config = self.place / "postrider.toml"
        self.server = Server(arguments=["--config", str(self.config)], wrapper=self.wrapper)
        self.addCleanup(self.server.remove)
        if self.wrapper:
            for path in (self.place, self.server.directory):
                shutil.chown(path, "mail", "mail")
        self.config.write_text(f'hostname = "{HOST}"\ndata_dir = "{self.server.directory}"\n'
                               f'[sendmail]\ndirectory = "{self.spool}"\nmachine_mail = "u1@{DOMAIN}"\n{self.rules}[submission]\nrefuse_forged = true\n')
        self.bin = self.place / "bin"
        self.bin.mkdir()
        self.bin.chmod(0o755)
        shutil.copy(BINARY, self.bin / "postrider")
        for name in ("sendmail", "mailq", "newaliases"):
            (self.bin / name).symlink_to("postrider")
        self.server.start()

    def sendmail(self, *arguments, input="", status=0, user=None, name="sendmail", environment=None):
        options = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        done = subprocess.run([str(self.bin / name), "-C", str(self.config), *arguments], input=input.encode(), cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                              env={"PATH": os.environ["PATH"], **(environment or {})}, **options)
        text = done.stdout.decode(errors="replace")
        if status is not None:
            self.assertEqual(done.returncode, status, f"{arguments}\n{text}\n{self.server.log()[-3000:]}")
        return text

    def inbox(self, user="u1"):
        client = self.server.imap(user)
        try:
            client.select("INBOX")
            found = client.uid("search", None, "ALL")[1][0].split()
            return [client.uid("fetch", number, "(BODY.PEEK[])")[1][0][1] for number in found]
        finally:
            client.logout()

    def wait_for(self, count, user="u1", timeout=40):
        deadline = time.monotonic() + timeout
        while len(messages := self.inbox(user)) < count and time.monotonic() < deadline:
            time.sleep(0.3)
        self.assertEqual(len(messages), count, self.server.log()[-3000:])
        return [email.message_from_bytes(message, policy=policy.default) for message in messages]

    def waiting(self):
        return [path for path in (self.spool / "new").iterdir() if not path.name.startswith("tmp.")]


class Programs(Machine):
    def test_cron_tells_root(self):
        self.sendmail("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root",
                      input="From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> backup\nContent-Type: text/plain; charset=UTF-8\n"
                            "X-Cron-Env: <SHELL=/bin/sh>\n\n.\nfertig: 3 Stück\n")
        (message,) = self.wait_for(1)
        self.assertEqual(message["Subject"], "Cron <root@host> backup")
        self.assertEqual(text_of(message), ".\nfertig: 3 Stück\n")
        self.assertEqual(message["Delivered-To"], f"root@{HOST}")
        self.assertIn("from user root, uid 0", message["Received"])
        self.assertTrue(message["Date"] and message["Message-ID"])
        self.assertEqual(self.waiting(), [])

    def test_a_script_sends_as_php_does(self):
        self.sendmail("-t", "-i", f"-fshop@{DOMAIN}",
                      input=f"To: Ann <u1@{DOMAIN}>\nBcc: u2@{DOMAIN}\nSubject: order\nFrom: shop@{DOMAIN}\n\nThank you.\n.\nThe shop\n")
        (message,) = self.wait_for(1)
        (hidden,) = self.wait_for(1, "u2")
        self.assertEqual(text_of(message), "Thank you.\n.\nThe shop\n")
        self.assertEqual(message["Return-Path"], f"<shop@{DOMAIN}>")
        self.assertNotIn("Bcc", message)
        self.assertNotIn("Bcc", hidden)
        self.assertIn(b"Thank you.\r\n.\r\n", self.inbox()[0])

    def test_mutt_and_s_nail(self):
        subprocess.run(["mutt", "-n", "-F", "/dev/null", "-e", f'set sendmail="{self.bin}/sendmail -C {self.config} -oem -oi"',
                        "-e", f"set from=root@{HOST} use_envelope_from=yes copy=no record=''", "-s", "von mutt: Grüße", f"u1@{DOMAIN}"],
                       input="Schöne Grüße\n".encode(), check=True, timeout=60, capture_output=True,
                       env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": str(self.place)})
        (message,) = self.wait_for(1)
        self.assertEqual(message["Subject"], "von mutt: Grüße")
        self.assertEqual(text_of(message), "Schöne Grüße\n")
        wrapper = self.place / "mta"
        wrapper.write_text(f'#!/bin/sh\nexec {self.bin}/sendmail -C {self.config} "$@"\n')
        wrapper.chmod(0o755)
        subprocess.run(["s-nail", "-:/", "-Sv15-compat", f"-Smta={wrapper}", "-Ssendwait", "-s", "from s-nail", f"u2@{DOMAIN}"],
                       input=b"hello from s-nail\n", check=True, timeout=60, capture_output=True,
                       env={**os.environ, "HOME": str(self.place), "MAILRC": "/dev/null"})
        (other,) = self.wait_for(1, "u2")
        self.assertEqual(other["Subject"], "from s-nail")
        self.assertIn("hello from s-nail", text_of(other))

    def test_recipients_that_cannot_be_are_told_at_once_and_nothing_is_sent(self):
        text = self.sendmail(f"u1@{DOMAIN}", f"nobody-here@{DOMAIN}", input="Subject: x\n\nx\n", status=EX_NOUSER)
        self.assertIn(f"nobody-here@{DOMAIN}", text)
        self.sendmail("-t", input="Subject: x\n\nx\n", status=EX_DATAERR)
        self.sendmail(input="Subject: x\n\nx\n", status=EX_USAGE)
        self.sendmail("-bd", status=EX_USAGE)
        self.sendmail("x" * 300 + "@example.org", input="x", status=EX_USAGE)
        self.assertEqual(self.inbox(), [])
        self.assertEqual(list((self.spool / "new").iterdir()), [])

    def test_input_without_a_header_and_a_dot_that_ends_it(self):
        self.sendmail("-f", "", "-F", "A Script", f"u1@{DOMAIN}", input="Backup is done.\n.\nnot this\n")
        (message,) = self.wait_for(1)
        self.assertEqual(text_of(message), "Backup is done.\n")
        self.assertEqual(message["Return-Path"], "<>")
        self.assertEqual(message["From"], f"A Script <root@{HOST}>")

    def test_smtp_on_pipes(self):
        talk = ("EHLO here\r\nMAIL FROM:<root@%s> RET=HDRS\r\nRCPT TO:<u1@%s> NOTIFY=FAILURE\r\nDATA\r\nSubject: piped\r\n\r\n"
                "..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<nobody-here@%s>\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n" % (HOST, DOMAIN, DOMAIN))
        replies = self.sendmail("-bs", input=talk).splitlines()
        self.assertEqual([line[:3] for line in replies if line[3:4] == " "],
                         ["220", "250", "250", "250", "354", "250", "250", "250", "354", "550", "221"], replies)
        (message,) = self.wait_for(1)
        self.assertEqual(text_of(message), ".dot\n")

    def test_its_other_names(self):
        self.sendmail("-oi", f"someone@elsewhere.example", input="Subject: out\n\nx\n")
        for text in (self.sendmail(name="mailq"), self.sendmail("-bp")):
            self.assertIn("someone@elsewhere.example", text)
        self.assertEqual(self.sendmail(name="newaliases"), "")
        self.assertEqual(self.sendmail("-bi"), "")
        self.assertIn("-t ", self.sendmail("--help"))
        done = subprocess.run([str(BINARY), "sendmail", "--dir", str(self.server.directory), f"u1@{DOMAIN}"], input=b"x\n",
                              capture_output=True, timeout=60)
        # The directory alone does not tell that the spool is elsewhere.
        self.assertEqual(done.returncode, EX_TEMPFAIL, done.stderr)

    def test_a_large_message(self):
        line = "x" * 70 + "\n"
        self.sendmail("-i", f"u1@{DOMAIN}", input="Subject: large\n\n" + line * 150_000)
        (message,) = self.wait_for(1)
        self.assertEqual(len(text_of(message)), 71 * 150_000)
        text = self.sendmail("-i", f"u1@{DOMAIN}", input="Subject: too large\n\n" + line * 400_000, status=EX_DATAERR)
        self.assertIn("above the limit", text)
        self.assertEqual(self.waiting(), [])


class OtherUsers(Machine):
    rules = f'senders = ["nobody=shop@{DOMAIN}"]\n'

    def test_a_user_sends_as_itself_and_as_the_rules_say(self):
        self.sendmail(f"u1@{DOMAIN}", input="Subject: mine\n\nx\n", user=NOBODY)
        self.sendmail("-t", f"-fshop@{DOMAIN}", input=f"To: u1@{DOMAIN}\nFrom: The shop <shop@{DOMAIN}>\nSubject: shop\n\nx\n", user=NOBODY)
        for message in self.wait_for(2):
            self.assertIn(f"from user nobody, uid {NOBODY.pw_uid}", message["Received"])
        self.sendmail(f"-fu2@{DOMAIN}", f"u1@{DOMAIN}", input="x\n", user=NOBODY, status=EX_NOPERM)
        text = self.sendmail("-t", input=f"To: u1@{DOMAIN}\nFrom: boss@{DOMAIN}\n\nx\n", user=NOBODY, status=EX_NOPERM)
        self.assertIn(f"boss@{DOMAIN}", text)
        self.sendmail("-t", input=f"To: u1@{DOMAIN}\nFrom: shop@{DOMAIN}\nSender: u2@{DOMAIN}\n\nx\n", user=NOBODY, status=EX_NOPERM)
        self.assertEqual(len(self.inbox()), 2)
        self.sendmail("-bp", user=NOBODY, status=EX_NOPERM)
        self.sendmail("-q", user=NOBODY, status=EX_NOPERM)

    def test_what_it_spooled_while_nobody_looked_is_not_sent_as_somebody_else(self):
        self.server.stop()
        self.sendmail(f"u1@{DOMAIN}", input="Subject: mine\n\nx\n", user=NOBODY)
        self.sendmail(f"-fu2@{DOMAIN}", f"u1@{DOMAIN}", input="Subject: forged\n\nx\n", user=NOBODY)
        listing = subprocess.run(["ls", str(self.spool / "new")], user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
                                 capture_output=True)
        self.assertNotEqual(listing.returncode, 0)
        self.server.start()
        (message,) = self.wait_for(1)
        self.assertEqual(message["Subject"], "mine")
        deadline = time.monotonic() + 20
        while self.waiting() and time.monotonic() < deadline:
            time.sleep(0.2)
        (why,) = (self.spool / "bad").glob("*.why")
        self.assertIn("may not send as", why.read_text())
        self.assertIn("sendmail.set_aside", self.server.log())


class ServerOfItsOwnUser(Machine):
    """The server runs as a user without rights, and others hand over mail."""
    wrapper = ("setpriv", "--reuid", "mail", "--regid", "mail", "--clear-groups")

    def test_what_others_put_into_the_spool_is_read_by_its_group(self):
        self.sendmail(f"u1@{DOMAIN}", input="Subject: up\n\nx\n", user=NOBODY)
        self.server.stop()
        self.sendmail(f"u1@{DOMAIN}", input="Subject: down\n\nx\n", user=NOBODY)
        self.sendmail(f"u1@{DOMAIN}", input="Subject: of root\n\nx\n")
        owners = {path.stat().st_uid for path in self.waiting()}
        self.assertEqual(owners, {NOBODY.pw_uid, 0})
        self.server.start()
        self.assertEqual({message["Subject"] for message in self.wait_for(3)}, {"up", "down", "of root"})
        self.assertEqual(self.waiting(), [])


class TwoProcesses(unittest.TestCase):
    def test_a_server_that_is_started_as_root_makes_the_spool_for_its_user(self):
        place = Path(tempfile.mkdtemp(prefix="postrider-sendmail-"))
        self.addCleanup(shutil.rmtree, place, ignore_errors=True)
        place.chmod(0o755)
        config = place / "postrider.toml"
        config.write_text(f'hostname = "{HOST}"\ndata_dir = "{place}/data"\nuser = "mail"\n[sendmail]\ndirectory = "{place}/spool"\n'
                          f'[listener.local]\nprotocol = "lmtp"\npath = "{place}/data/lmtp"\n')
        log = open(place / "log", "w+")
        self.addCleanup(log.close)
        server = subprocess.Popen([str(BINARY), "serve", "--config", str(config)], stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not (place / "spool/socket").exists() and time.monotonic() < deadline:
                time.sleep(0.1)

            def cli(*words, **options):
                return subprocess.run([str(BINARY), *words, "--config", str(config)], check=True, timeout=60, capture_output=True,
                                      text=True, **options).stdout
            cli("domain", "add", DOMAIN)
            cli("account", "add", f"u1@{DOMAIN}", "--password", PASSWORD)
            self.assertEqual((place / "spool/new").stat().st_mode & 0o7777, 0o3733)
            self.assertEqual((place / "spool/new").owner(), "mail")
            shutil.copy(BINARY, place / "sendmail")
            done = subprocess.run([str(place / "sendmail"), "-C", str(config), f"u1@{DOMAIN}"], input=b"Subject: x\n\nx\n", cwd="/",
                                  user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            (inbox,) = [box for box in json.loads(cli("mailbox", "list", f"u1@{DOMAIN}", "--json"))["mailboxes"] if box["name"] == "INBOX"]
            self.assertEqual(inbox["messages"], 1, Path(log.name).read_text())
        finally:
            server.terminate()
            server.wait(30)


class Spooled(Machine):
    def test_mail_waits_for_the_server_and_comes_once(self):
        self.server.stop()
        for number in range(3):
            self.sendmail("-t", input=f"To: u1@{DOMAIN}\nSubject: number {number}\n\nx\n")
        self.sendmail(f"u1@{DOMAIN}", f"nobody-here@{DOMAIN}", input="Subject: half\n\nx\n")
        self.assertEqual(len(self.waiting()), 4)
        self.assertIn("no server", self.sendmail("-q", status=EX_TEMPFAIL))
        self.server.start()
        messages = self.wait_for(5)
        # It was taken when the program was told so: of what cannot be delivered its sender is told.
        (report,) = (message for message in messages if message.get_content_type() == "multipart/report")
        self.assertIn(f"nobody-here@{DOMAIN}", report.as_string())
        messages.remove(report)
        self.assertEqual(sorted(message["Subject"] for message in messages), ["half", "number 0", "number 1", "number 2"])
        self.assertEqual(self.waiting(), [])

    def test_the_operator_has_the_spool_taken_up_now(self):
        self.server.stop()
        self.sendmail(f"u1@{DOMAIN}", input="Subject: now\n\nx\n")
        self.server.start()
        self.assertRegex(self.sendmail("-q"), "[01] of [01] messages of the spool were taken up")
        self.wait_for(1, timeout=1)

    def test_a_broken_file_is_set_aside_and_stops_nobody(self):
        self.server.stop()
        self.sendmail(f"u1@{DOMAIN}", input="Subject: one\n\nx\n")
        (one,) = self.waiting()
        one.write_bytes(one.read_bytes()[:-2])
        (self.spool / "new" / ("a" * 32)).write_text("nonsense")
        (self.spool / "new" / "not a message").write_text("nonsense")
        self.sendmail(f"u1@{DOMAIN}", input="Subject: two\n\nx\n")
        self.server.start()
        (message,) = self.wait_for(1)
        self.assertEqual(message["Subject"], "two")
        deadline = time.monotonic() + 20
        while self.waiting()[1:] and time.monotonic() < deadline:
            time.sleep(0.2)
        reasons = {path.name: path.read_text() for path in (self.spool / "bad").glob("*.why")}
        self.assertEqual(reasons, {one.name + ".why": "it is not as long as its head says\n",
                                   "a" * 32 + ".why": "it does not begin as a file of the spool does\n"})

    def test_each_message_comes_once_however_often_the_server_dies(self):
        """Programs send all the time while the server is killed again and again; the program's own word counts."""
        sent, deaths = 40, 6
        script = (f'for i in $(seq {sent}); do printf "To: u1@{DOMAIN}\\nSubject: m$i\\n\\n%s\\n" "$i" | '
                  f'{self.bin}/sendmail -C {self.config} -t || echo failed $i; done')
        writers = subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(deaths):
            time.sleep(0.4)
            os.killpg(self.server.process.pid, signal.SIGKILL)
            self.server.kill()
            self.server.start()
        out = writers.communicate(timeout=120)[0].decode()
        self.assertNotIn("failed", out)
        subjects = sorted(message["Subject"] for message in self.wait_for(sent, timeout=60))
        self.assertEqual(subjects, sorted(f"m{number}" for number in range(1, sent + 1)))
        self.assertEqual(self.waiting(), [])
        self.server.stop()
        self.server.store_check()

    def test_a_message_that_is_found_again_is_not_sent_again(self):
        """As if the machine had died between the commit and the removal of the file."""
        self.server.stop()
        self.sendmail(f"u1@{DOMAIN}", input="Subject: once\n\nx\n")
        (path,) = self.waiting()
        content = path.read_bytes()
        self.server.start()
        self.wait_for(1)
        path.write_bytes(content)
        self.assertEqual(self.sendmail("-q"), "1 of 1 messages of the spool were taken up\n")
        self.assertEqual(self.waiting(), [])
        self.assertEqual(len(self.inbox()), 1)


if __name__ == "__main__":
    unittest.main()
