"""Mail to and from Debian's Exim. Its package cannot be installed beside Postfix's, so it is only unpacked, below build/."""
import contextlib
import email
import os
import shutil
import signal
import smtplib
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import DOMAIN, TOP, Server, body_is_whole, message, wait_for_port
from test_sending import free_port, send

PACKAGES = ("exim4-daemon-light", "exim4-base")


def exim_program():
    """The program, unpacked once; skips where that cannot be done."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("Exim wants root to start it")
    root = TOP / "build/exim"
    program = root / "files/usr/sbin/exim4"
    if not program.exists():
        root.mkdir(parents=True, exist_ok=True)
        got = subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", *PACKAGES], cwd=root, capture_output=True,
                             text=True, timeout=120)
        if got.returncode != 0:
            raise unittest.SkipTest(f"the package of Exim cannot be had: {got.stderr[-200:]}")
        for package in root.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(root / "files")], check=True)
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        raise unittest.SkipTest("a mount namespace of its own cannot be had")
    if "not found" in subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout:
        raise unittest.SkipTest("a library that Exim needs is not installed")
    return program


class Exim(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        program = exim_program()
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.directory = Path(tempfile.mkdtemp(prefix="postrider-exim-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)
        cls.directory.chmod(0o755)
        # It gives up root for this user, who needs all of it.
        for name in ("spool", "log", "mail"):
            (cls.directory / name).mkdir()
            shutil.chown(cls.directory / name, "nobody", "nogroup")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=exim.test", "-keyout", str(cls.directory / "key.pem"), "-out", str(cls.directory / "cert.pem")],
                       check=True, capture_output=True)
        shutil.chown(cls.directory / "key.pem", "nobody", "nogroup")
        cls.port = free_port()
        config = cls.directory / "exim.conf"
        config.write_text(f"""
exim_path = {program}
exim_user = nobody
exim_group = nogroup
never_users =
spool_directory = {cls.directory}/spool
log_file_path = {cls.directory}/log/%slog
pid_file_path = {cls.directory}/spool/exim.pid
primary_hostname = exim.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {cls.port}
tls_advertise_hosts = *
tls_certificate = {cls.directory}/cert.pem
tls_privatekey = {cls.directory}/key.pem
dsn_advertise_hosts = *
acl_smtp_rcpt = recipients
keep_environment =
add_environment = PATH=/usr/bin:/bin
begin acl
recipients:
  accept domains = remote.test
         local_parts = r1 : r2
  accept domains = {DOMAIN}
  deny message = nobody is here by that name
begin routers
ours:
  driver = manualroute
  domains = {DOMAIN}
  transport = to_us
  route_list = * 127.0.0.1
  self = send
here:
  driver = accept
  domains = remote.test
  local_parts = r1 : r2
  transport = maildir
begin transports
to_us:
  driver = smtp
  port = {cls.server.port('smtp')}
  hosts_require_tls = *
  tls_verify_hosts =
  tls_try_verify_hosts =
maildir:
  driver = appendfile
  maildir_format
  create_directory
  directory = {cls.directory}/mail/$local_part_data
  return_path_add
  user = nobody
begin retry
* * F,1m,2s
""")
        config.chmod(0o644)
        # Its user's name is compiled in: it sees files of users of its own that have one.
        words = ""
        for file, line in (("passwd", "Debian-exim:x:65534:65534::/nonexistent:/usr/sbin/nologin"), ("group", "Debian-exim:x:65534:")):
            (cls.directory / file).write_text(Path("/etc", file).read_text().rstrip("\n") + f"\n{line}\n")
            words += f"mount --bind {cls.directory}/{file} /etc/{file} && "
        cls.log = open(cls.directory / "out", "wb")
        cls.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", f"{words} exec {program} -bdf -q2s -C {config}"], stdout=cls.log,
                                       stderr=cls.log, start_new_session=True)
        cls.addClassCleanup(cls.stop)
        try:
            wait_for_port(cls.port)
        except OSError:
            raise AssertionError(cls.words()) from None

    @classmethod
    def stop(cls):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(cls.process.pid, signal.SIGTERM)
        cls.process.wait(20)
        cls.log.close()

    @classmethod
    def words(cls):
        logs = [cls.directory / "out", *sorted((cls.directory / "log").glob("*"))]
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in logs) + cls.server.log()[-2000:]

    def soon(self, look):
        deadline = time.monotonic() + 30
        while not (found := look()):
            if time.monotonic() > deadline:
                self.fail(self.words())
            time.sleep(0.1)
        return found

    def kept(self, name):
        folder = self.directory / "mail" / name / "new"
        return self.soon(lambda: sorted(folder.glob("*")) if folder.exists() else [])[-1].read_bytes().replace(b"\n", b"\r\n")

    def test_it_takes_our_mail_over_tls_and_refuses_unknown_users(self):
        outcomes = send(f"127.0.0.1:{self.port}", message(1, 500_000), "r1@remote.test", "nobody@remote.test")
        self.assertEqual([outcome[0] for outcome in outcomes], ["delivered", "failed"], outcomes)
        self.assertIn("dsn | TLSv1.3", outcomes[0][2])
        kept = self.kept("r1")
        self.assertEqual(email.message_from_bytes(kept)["Return-path"], "<sender@elsewhere.test>")
        self.assertTrue(body_is_whole(b"Message-ID: " + kept.split(b"Message-ID: ", 1)[1]))

    def test_it_relays_to_us_and_understands_a_refusal(self):
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.test", timeout=30) as client:
            client.sendmail("r2@remote.test", [f"u1@{DOMAIN}", f"nobody@{DOMAIN}"], message(2, 500_000))
        with self.server.imap() as box:
            self.soon(lambda: box.select()[1] == [b"1"])
            text = box.fetch("1", "(RFC822)")[1][0][1]
        received = email.message_from_bytes(text).get_all("Received")[0]
        self.assertIn("from exim.test", received)
        self.assertIn("ESMTPS", received)
        self.assertTrue(body_is_whole(b"Message-ID: " + text.split(b"Message-ID: ", 1)[1]))
        # The other recipient comes back to the sender, with our reason in it.
        report = email.message_from_bytes(self.kept("r2"))
        self.assertEqual(report.get_content_type(), "multipart/report")
        status = report.get_payload(1).get_payload()[1]
        self.assertEqual(status["Action"], "failed")
        self.assertIn("550 5.1.1", status["Diagnostic-Code"])


if __name__ == "__main__":
    unittest.main()
