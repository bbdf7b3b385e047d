"""Messages sent by the room that sends for the server (postrider-send) to hosts that others wrote: Postfix's smtp-sink in its
many moods, Debian's Postfix, and our own server."""
import contextlib
import email
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import TOP, Server, message, body_is_whole, wait_for_port

SEND = TOP / "build/release/tests/tools/postrider-send"
SINK = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(place, text, *recipients, protocol="smtp", options=()):
    """A list of (verdict, status, the rest) for the recipients."""
    done = subprocess.run([str(SEND), place, protocol, "sender@elsewhere.test", *recipients, *options], input=text.encode(),
                          capture_output=True, timeout=90)
    if done.returncode != 0:
        raise AssertionError(f"status {done.returncode}: {done.stderr.decode()}")
    return [tuple(line.split(" ", 2)) for line in done.stdout.decode().splitlines()]


class Sink:
    """smtp-sink with options; what it took is in self.messages()."""

    def __init__(self, *options):
        self.directory = Path(tempfile.mkdtemp(prefix="postrider-sink-"))
        self.port = free_port()
        command = [SINK, "-d", str(self.directory / "%M."), *options, f"inet:127.0.0.1:{self.port}", "100"]
        if os.geteuid() == 0:
            command[1:1] = ["-u", "nobody"]
            self.directory.chmod(0o777)
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        wait_for_port(self.port)

    def messages(self):
        return [path.read_bytes() for path in sorted(self.directory.iterdir())]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process.stderr.close()
        shutil.rmtree(self.directory)


@unittest.skipUnless(Path(SINK).exists(), "smtp-sink is not installed (package postfix)")
class ToSmtpSink(unittest.TestCase):
    def check(self, *options, protocol="smtp", recipients=3, size=200_000):
        text = message(1, size)
        with Sink(*options) as sink:
            outcomes = send(f"127.0.0.1:{sink.port}", text, *[f"r{i}@remote.test" for i in range(recipients)], protocol=protocol)
            self.assertEqual([outcome[0] for outcome in outcomes], ["delivered"] * recipients, outcomes)
            taken = sink.messages()
        self.assertEqual(len(taken), 1)
        whole = taken[0].decode().replace("\r\n", "\n")
        self.assertTrue(whole.rstrip("\n").endswith(text.replace("\r\n", "\n").rstrip("\n")))

    def test_as_it_is(self):
        self.check()

    def test_without_esmtp(self):
        self.check("-e")

    def test_without_pipelining(self):
        self.check("-p")

    def test_without_eight_bits(self):
        self.check("-8")

    def test_lmtp(self):
        self.check("-L", protocol="lmtp")

    def test_many_recipients(self):
        self.check(recipients=90)

    def verdicts(self, *options):
        with Sink(*options) as sink:
            return send(f"127.0.0.1:{sink.port}", message(2), "r@remote.test")[0]

    def test_refusals(self):
        for verb in ("helo", "ehlo", "mail", "rcpt", "data", "."):
            with self.subTest(verb=verb):
                options = ["-r", verb] if verb != "helo" else ["-e", "-r", verb]
                self.assertEqual(self.verdicts(*options)[0], "deferred")
                options = ["-f", verb] if verb != "helo" else ["-e", "-f", verb]
                outcome = self.verdicts(*options)
                # smtp-sink knows EHLO and refuses it: an old server is greeted by HELO instead (RFC 5321 §3.2).
                self.assertEqual(outcome[0], "delivered" if verb == "ehlo" else "failed", outcome)

    def test_connections_that_end(self):
        for verb in ("connect", "ehlo", "mail", "rcpt", "data", "."):
            with self.subTest(verb=verb):
                self.assertEqual(self.verdicts("-q", verb)[0], "deferred")

    def test_eight_bits(self):
        text = "Subject: x\r\n\r\ncaf\u00e9\r\n"
        with Sink() as sink:
            self.assertEqual(send(f"127.0.0.1:{sink.port}", text, "r@remote.test", options=["--eight-bit"])[0][0], "delivered")
        with Sink("-8") as sink:
            outcome = send(f"127.0.0.1:{sink.port}", text, "r@remote.test", options=["--eight-bit"])[0]
            self.assertEqual(outcome[:2], ("failed", "5.6.3"))


class ToOurselves(unittest.TestCase):
    def test_delivers_over_tls_by_bdat(self):
        with Server() as server:
            text = message(3, 3_000_000)
            outcomes = send(f"127.0.0.1:{server.port('smtp')}", text, "u1@example.test", "nobody@example.test")
            self.assertEqual(outcomes[0][0], "delivered", outcomes)
            self.assertIn("TLSv1.3", outcomes[0][2])
            self.assertEqual(outcomes[1][:2], ("failed", "5.1.1"))
            with server.imap() as client:
                client.select()
                kept = client.fetch("1", "(RFC822)")[1][0][1]
                self.assertTrue(body_is_whole(kept))


def postfix_binaries():
    return Path("/usr/sbin/postfix").exists() and Path("/usr/lib/postfix/sbin/master").exists()


@unittest.skipUnless(postfix_binaries() and os.geteuid() == 0, "Debian's postfix, and root to start it")
class ToPostfix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Postfix's own programs must be able to look into the directories above theirs.
        cls.directory = Path(tempfile.mkdtemp(prefix="postrider-postfix-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)
        cls.directory.chmod(0o755)
        cls.port = free_port()
        configuration, queue, data = (cls.directory / name for name in ("etc", "spool", "lib"))
        for made in (configuration, queue, data):
            made.mkdir()
        shutil.chown(data, "postfix")
        mail = cls.directory / "mail"
        mail.mkdir()
        mail.chmod(0o777)
        for name in ("postfix-files", "dynamicmaps.cf"):
            source = Path("/etc/postfix") / name
            if source.exists():
                shutil.copy(source, configuration / name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=postfix.test", "-keyout", str(configuration / "key.pem"), "-out", str(configuration / "cert.pem")],
                       check=True, capture_output=True)
        (configuration / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
myhostname = postfix.test
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = reject_unauth_destination
mynetworks = 192.0.2.0/24
virtual_mailbox_domains = remote.test
virtual_mailbox_base = {mail}
virtual_mailbox_maps = inline:{{ r1@remote.test=r1/, r2@remote.test=r2/ }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
mailbox_size_limit = 0
smtpd_tls_cert_file = {configuration}/cert.pem
smtpd_tls_key_file = {configuration}/key.pem
smtpd_tls_security_level = may
maillog_file = /dev/stdout
import_environment = MAIL_CONFIG
""")
        services = ["cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
                    "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
                    "virtual unix - n n - - virtual", "anvil unix - - n - 1 anvil", "tlsmgr unix - - n 1000? 1 tlsmgr",
                    "postlog unix-dgram n - n - 1 postlogd", "error unix - - n - - error", "showq unix n - n - - showq",
                    "pickup unix n - n 60 1 pickup", "flush unix n - n 1000? 0 flush"]
        (configuration / "master.cf").write_text(f"127.0.0.1:{cls.port} inet n - n - - smtpd\n" + "\n".join(services) + "\n")
        cls.log = open(cls.directory / "log", "wb")
        cls.environment = {**os.environ, "MAIL_CONFIG": str(configuration)}
        check = subprocess.run(["postfix", "-c", str(configuration), "set-permissions"], capture_output=True, env=cls.environment)
        cls.setup = check.stderr.decode(errors="replace")
        cls.process = subprocess.Popen(["postfix", "-c", str(configuration), "start-fg"], stdout=cls.log, stderr=cls.log,
                                       start_new_session=True, env=cls.environment)
        cls.addClassCleanup(cls.stop)
        try:
            wait_for_port(cls.port)
        except OSError:
            raise AssertionError(cls.setup + (cls.directory / "log").read_text(errors="replace")) from None
        cls.mail = mail

    @classmethod
    def stop(cls):
        # The master begins a session of its own, leaves its number, and ends its children.
        pid = int((cls.directory / "spool/pid/master.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 20
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(pid, 0)
                time.sleep(0.05)
            os.killpg(pid, signal.SIGKILL)
        cls.process.wait(30)
        cls.log.close()

    def kept(self, name):
        deadline = time.monotonic() + 30
        while True:
            found = sorted((self.mail / name / "new").glob("*")) if (self.mail / name / "new").exists() else []
            if found:
                return found[-1].read_bytes()
            if time.monotonic() > deadline:
                raise AssertionError((self.directory / "log").read_text(errors="replace")[-3000:])
            time.sleep(0.1)

    def test_arrives_over_tls_and_unknown_users_are_refused(self):
        text = message(4, 500_000)
        outcomes = send(f"127.0.0.1:{self.port}", text, "r1@remote.test", "r2@remote.test", "nobody@remote.test")
        self.assertEqual([outcome[0] for outcome in outcomes], ["delivered", "delivered", "failed"], outcomes)
        self.assertEqual(outcomes[2][1], "5.1.1")
        self.assertIn("dsn | TLSv1.3", outcomes[0][2])
        kept = self.kept("r1").replace(b"\n", b"\r\n")
        self.assertEqual(email.message_from_bytes(kept)["Subject"], "test 4")
        self.assertTrue(body_is_whole(b"Message-ID: " + kept.split(b"Message-ID: ", 1)[1]))

    def test_utf8(self):
        outcome = send(f"127.0.0.1:{self.port}", "Subject: caf\u00e9\r\n\r\nx\r\n", "r2@remote.test", options=["--utf8"])[0]
        self.assertEqual(outcome[0], "delivered", outcome)

    def test_relaying_is_refused(self):
        self.assertEqual(send(f"127.0.0.1:{self.port}", message(5), "a@third.test")[0][:2], ("failed", "5.7.1"))


if __name__ == "__main__":
    unittest.main()
