"""Mail to commands: a script that files into a Maildir, scripts that refuse and defer, and a server that runs them as other users."""
import email
import email.policy
import json
import mailbox
import os
import pwd
import smtplib
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import DOMAIN, PASSWORD, Server, any_certificate
from test_certificates import house, until

FILE_IT = """#!/usr/bin/python3
import mailbox, os, sys
box = mailbox.Maildir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "Maildir"), create=True)
box.add(sys.stdin.buffer.read())
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "arguments"), "a").write(repr(sys.argv[1:]) + "\\n")
"""

ANSWER = """#!/bin/sh
cat >/dev/null
case "$LOCAL_PART" in
  unknown) echo "no ticket of that number"; exit 67;;
  closed) echo "5.7.1 this queue is closed"; exit 77;;
  broken) exit 70;;
  slow) sleep 60;;
esac
"""


def body(subject, size=2000):
    return f"From: a@elsewhere.test\r\nTo: b@tickets.test\r\nSubject: {subject}\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72)


class Pipe(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="postrider-pipe-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        for name, text in (("file-it", FILE_IT), ("answer", ANSWER)):
            (self.scratch / name).write_text(text)
            (self.scratch / name).chmod(0o755)
        config = self.scratch / "dev.toml"
        config.write_text(f"""
[queue]
retry = ["10s"]

[route.tickets]
recipients = "tickets.test"
by = "pipe"
command = ["{self.scratch}/file-it", "--to={{recipient}}", "{{sender}}"]
relay = true

[route.answers]
recipients = "answers.test"
by = "pipe"
command = "{self.scratch}/answer"
time_limit = "1s"

[route.missing]
recipients = "missing.test"
by = "pipe"
command = "{self.scratch}/not-there"
""")
        self.server = Server(users=2, arguments=["--config", str(config)])
        self.addCleanup(self.server.remove)
        self.server.start()

    def submit(self, *recipients, text=None):
        with smtplib.SMTP_SSL("127.0.0.1", self.server.port("submissions"), context=any_certificate()) as client:
            client.login(f"u1@{DOMAIN}", PASSWORD)
            client.sendmail(f"u1@{DOMAIN}", list(recipients), text or body("to a command"))

    def until_empty(self):
        until(lambda: json.loads(self.server.cli("health", "--json").stdout)["queue"]["messages"] == 0, self.server.log)

    def reports(self, count):
        with self.server.imap() as client:
            deadline = time.monotonic() + 20
            while int(client.select("INBOX")[1][0]) < count:
                self.assertLess(time.monotonic(), deadline, self.server.log())
                time.sleep(0.1)
            return [email.message_from_bytes(client.fetch(str(number + 1), "(BODY[])")[1][0][1], policy=email.policy.default)
                    for number in range(count)]

    def test_a_script_files_what_strangers_and_users_send(self):
        with smtplib.SMTP("127.0.0.1", self.server.port("smtp")) as stranger:
            stranger.sendmail("a@elsewhere.test", ["one@tickets.test", "two@tickets.test"], body("from a stranger", 3_000_000))
        self.server.cli("alias", "add", f"help@{DOMAIN}", "queue-help@tickets.test")
        self.submit(f"help@{DOMAIN}", text=body("through an alias"))
        until(lambda: len(mailbox.Maildir(self.scratch / "Maildir", create=False)) == 3 if (self.scratch / "Maildir").exists() else False,
              self.server.log)
        filed = sorted(mailbox.Maildir(self.scratch / "Maildir").values(), key=lambda one: one["Delivered-To"])
        self.assertEqual([one["Delivered-To"] for one in filed], ["one@tickets.test", "queue-help@tickets.test", "two@tickets.test"])
        self.assertEqual([one["Return-Path"] for one in filed], ["<a@elsewhere.test>", f"<u1@{DOMAIN}>", "<a@elsewhere.test>"])
        self.assertEqual(filed[0].get_payload().count("x" * 70 + "\n"), 3_000_000 // 72)
        self.assertNotIn(b"\r", filed[0].as_bytes())
        arguments = (self.scratch / "arguments").read_text()
        self.assertIn("['--to=one@tickets.test', 'a@elsewhere.test']\n", arguments)
        self.until_empty()
        trace = self.server.cli("trace", "one@tickets.test").stdout
        self.assertIn("the command took it", trace)

    def test_a_command_that_refuses_leads_to_a_report_with_its_words(self):
        self.submit("unknown@answers.test")
        self.submit("closed@answers.test")
        self.submit("fine@answers.test")
        reports = self.reports(2)
        states = {report.get_payload(1).get_payload(1)["Final-Recipient"]: report.get_payload(1).get_payload(1) for report in reports}
        unknown, closed = states["rfc822; unknown@answers.test"], states["rfc822; closed@answers.test"]
        self.assertEqual((unknown["Action"], unknown["Status"]), ("failed", "5.1.1"))
        self.assertEqual((closed["Action"], closed["Status"]), ("failed", "5.7.1"))
        texts = "".join(report.get_payload(0).get_content() for report in reports)
        self.assertIn("no ticket of that number", " ".join(texts.split()))

    def test_what_may_pass_waits(self):
        self.submit("broken@answers.test", "slow@answers.test", "x@missing.test")
        for why in ("the command has failed", "took longer than its time limit", "No such file or directory"):
            until(lambda: any(why in self.server.cli("queue", "show", one.split()[0]).stdout
                              for one in self.server.cli("queue", "list").stdout.splitlines() if one[:1].isdigit()), self.server.log)
        # Repaired, it is delivered by the next attempt.
        (self.scratch / "answer").write_text("#!/bin/sh\ncat >/dev/null\n")
        (self.scratch / "not-there").write_text("#!/bin/sh\ncat >/dev/null\n")
        (self.scratch / "not-there").chmod(0o755)
        self.server.cli("queue", "retry", "--all")
        self.until_empty()
        self.server.stop()
        self.assertIn("clean", self.server.store_check())

    def test_a_server_that_dies_meanwhile_ends_the_command_and_runs_it_again(self):
        pids = self.scratch / "pids"
        (self.scratch / "answer").write_text(f"#!/bin/sh\necho $$ >> {pids}\ncat >/dev/null\nif [ $(wc -l < {pids}) = 1 ]; then sleep 30; fi\n")
        config = self.scratch / "dev.toml"
        config.write_text(config.read_text().replace('time_limit = "1s"', 'time_limit = "50s"'))
        self.server.cli("reload")
        self.submit("x@answers.test")
        until(lambda: pids.exists() and pids.read_text().count("\n") == 1, self.server.log)
        first = int(pids.read_text())
        os.kill(self.server.pid, 9)
        self.server.kill()
        until(lambda: not Path(f"/proc/{first}").exists(), self.server.log)
        self.server.start()
        self.until_empty()
        self.assertEqual(pids.read_text().count("\n"), 2)


class AsAnotherUser(unittest.TestCase):
    """Runs below, as root, in a mount and a network namespace of its own."""

    def test_the_parent_runs_the_command_as_its_user(self):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("mount and network namespaces need root")
        done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", sys.executable, __file__, "as_another_user"],
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])


# --- inside the namespace ---

CONFIG = """hostname = "mail.example.test"
user = "nobody"
data_dir = "/run/postrider/data"
[tls]
certificate = "/run/postrider/keys"
[queue]
retry = ["10s"]
[listener.mx]
protocol = "smtp"
address = "127.0.0.1"
[route.daemon]
recipients = "daemon.test"
by = "pipe"
command = ["/run/postrider/whoami", "{local_part}"]
run_as = "daemon"
relay = true
[route.own]
recipients = "own.test"
by = "pipe"
command = ["/run/postrider/whoami", "{local_part}"]
relay = true
[route.root]
recipients = "root.test"
by = "pipe"
command = ["/run/postrider/whoami", "{local_part}"]
run_as = "root"
relay = true
"""


def as_another_user():
    process = house(CONFIG)
    top = process.directory
    (top / "out").mkdir(mode=0o1777)
    (top / "out").chmod(0o1777)
    (top / "whoami").write_text("#!/bin/sh\ncat >/dev/null\n(id; echo $HOME; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status) > /run/postrider/out/$1\n")
    (top / "whoami").chmod(0o755)
    process.start()
    with smtplib.SMTP("127.0.0.1", 25) as client:
        for address in ("one@daemon.test", "two@own.test", "three@root.test"):
            client.sendmail("a@elsewhere.test", [address], body("who are you"))
    out = top / "out"
    until(lambda: (out / "one").exists() and (out / "two").exists() and "run_as is root" in process.log(), process.log)
    until(lambda: "NoNewPrivs" in (out / "one").read_text() and "NoNewPrivs" in (out / "two").read_text(), process.log)
    for name, user in (("one", "daemon"), ("two", "nobody")):
        text = (out / name).read_text()
        assert f"uid={pwd.getpwnam(user).pw_uid}({user})" in text, text
        assert "(root)" not in text, text
        assert pwd.getpwnam(user).pw_dir + "\n" in text, text
        assert "CapEff:\t0000000000000000" in text and "NoNewPrivs:\t1" in text, text
    assert not (out / "three").exists()
    # Nothing is left of the processes that watched.
    until(lambda: b"postrider-pipe" not in subprocess.run(["ps", "-eo", "args,stat"], capture_output=True).stdout, process.log)
    # A command that comes with a reload is run, too.
    process.config.write_text(CONFIG.replace("daemon.test", "other.test").replace('"{local_part}"]', '"new-{local_part}"]'))
    process.process.send_signal(1)
    until(lambda: "app.reload" in process.log(), process.log)
    with smtplib.SMTP("127.0.0.1", 25) as client:
        client.sendmail("a@elsewhere.test", ["four@other.test"], body("and you"))
    until(lambda: (out / "new-four").exists() and "daemon" in (out / "new-four").read_text(), process.log)
    assert process.stop() == 0, process.log()


if __name__ == "__main__":
    globals()[sys.argv[1]]() if len(sys.argv) == 2 and sys.argv[1] == "as_another_user" else unittest.main()
