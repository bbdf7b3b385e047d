"""Certificates as they are renewed, the privileged parent, and what systemd hands over: with real clients and real files."""
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import BINARY, TOP, Server, any_certificate

CLIENTS = 200


def make_certificate(certificate, key, names=("mail.example.test",), days=90):
    """A self-signed one; returns its serial number."""
    subject = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
                    "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={subject}", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    done = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", str(certificate)], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def served(port, name=None):
    """The serial number of the certificate that a client is shown; nothing when nobody listens."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}"] + (["-servername", name] if name else ["-noservername"])
    pem = subprocess.run(command, input="", capture_output=True, text=True, timeout=20).stdout
    if "BEGIN CERTIFICATE" not in pem:
        return None
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, check=True, capture_output=True, text=True).stdout.strip()


def until(what, log, timeout=20):
    deadline = time.monotonic() + timeout
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come about within {timeout} s:\n{log()[-3000:]}")
        time.sleep(0.05)


class Client:
    """An IMAP session over TLS."""

    def __init__(self, port):
        self.socket = any_certificate().wrap_socket(socket.create_connection(("127.0.0.1", port), 20))
        self.file = self.socket.makefile("rwb")
        assert self.file.readline().startswith(b"* OK")

    def noop(self):
        self.file.write(b"a NOOP\r\n")
        self.file.flush()
        return self.file.readline()


class Process:
    """`postrider serve` with a configuration of its own."""

    def __init__(self, directory, config, environment=None, command=(str(BINARY),), **options):
        self.directory, self.config = Path(directory), Path(directory, "postrider.toml")
        self.config.write_text(config)
        self.command, self.options = [*command, "serve", "--config", str(self.config)], options
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith("POSTRIDER_")}, **(environment or {})}
        self.log_path = Path(directory, "log")
        self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def start(self):
        before = self.log().count("app.listen listener=admin") if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                                            **self.options)
        until(lambda: self.log().count("app.listen listener=admin") > before or self.process.poll() is not None, self.log)
        assert self.process.poll() is None, self.log()
        return self

    def child(self):
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(40)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Renewal(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="postrider-certificates-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.certificate, self.key = self.scratch / "fullchain.pem", self.scratch / "privkey.pem"
        self.file = self.scratch / "dev.toml"
        self.server = Server(users=1, arguments=["--config", str(self.file)])
        self.addCleanup(self.server.remove)

    def start(self, more=""):
        self.file.write_text(f'[tls]\ncertificate = "{self.scratch}"\n' + more)
        self.server.start()
        self.port = self.server.port("imaps")

    def until(self, what):
        until(what, self.server.log)

    def test_a_renewed_pair_is_taken_up_and_half_of_one_is_not(self):
        old = make_certificate(self.certificate, self.key)
        self.start()
        self.assertEqual(served(self.port), old)
        client = Client(self.port)
        new = make_certificate(self.scratch / "new.pem", self.scratch / "new.key")
        (self.scratch / "new.pem").rename(self.certificate)
        self.until(lambda: "app.certificate.unusable" in self.server.log())
        time.sleep(2.5)
        self.assertEqual(self.server.log().count("app.certificate.unusable"), 1, "it is said once, not each second")
        self.assertEqual(served(self.port), old)
        self.assertIn("mismatched", self.server.cli("health").stdout)
        (self.scratch / "new.key").rename(self.key)
        self.until(lambda: served(self.port) == new)
        self.assertIn("default " + str(self.scratch) + ": fine", self.server.cli("health").stdout)
        self.assertTrue(client.noop().startswith(b"a OK"))

    def test_a_certificate_that_is_not_there_yet_is_waited_for_and_never_written(self):
        self.start()
        self.assertIn("app.certificate.missing", self.server.log())
        self.assertIn("app.listener.waiting", self.server.log())
        with self.server.smtp() as client:
            client.ehlo()
            self.assertFalse(client.has_extn("starttls"))
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", self.port), 5)
        health = self.server.cli("health", check=False)
        self.assertNotEqual(health.returncode, 0)
        self.assertIn("missing", health.stdout)
        self.assertEqual(list(self.scratch.iterdir()), [self.file])
        serial = make_certificate(self.certificate, self.key)
        self.until(lambda: served(self.port) == serial)
        with self.server.smtp() as client:
            client.starttls(context=any_certificate())
            client.ehlo()
        self.server.cli("health")

    def test_clients_get_the_certificate_of_the_host_that_they_name(self):
        default = make_certificate(self.certificate, self.key, ["mail.example.test"])
        other = make_certificate(self.scratch / "b.crt", self.scratch / "b.key", ["*.example.net"])
        inside = make_certificate(self.scratch / "c.crt", self.scratch / "c.key", ["inside"])
        self.start(f'[certificate.b]\ncertificate = "{self.scratch}/b.crt"\nkey = "{self.scratch}/b.key"\n'
                   f'[certificate.c]\ncertificate = "{self.scratch}/c.crt"\nkey = "{self.scratch}/c.key"\ndomains = "imap.lab.example"\n'
                   '[listener.submissions]\ncertificate = "c"\n')
        for name, serial in ((None, default), ("mail.example.test", default), ("MAIL.example.NET", other), ("a.b.example.net", default),
                             ("imap.lab.example", inside), ("inside", default)):
            self.assertEqual(served(self.port, name), serial, name)
        self.assertEqual(served(self.server.port("submissions")), inside)
        self.assertEqual(served(self.server.port("submissions"), "x.example.net"), other)

    def test_the_end_of_a_certificate_is_warned_of(self):
        make_certificate(self.certificate, self.key, days=5)
        self.start()
        self.until(lambda: "app.certificate.expiring" in self.server.log())
        time.sleep(2.5)
        self.assertEqual(self.server.log().count("app.certificate.expiring"), 1)
        self.assertIn("expiring, valid until", self.server.cli("health").stdout)


class HandedOver(unittest.TestCase):
    """A supervisor of the test's own does what systemd does."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="postrider-handed-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.heard.bind(str(self.scratch / "notify"))
        self.heard.settimeout(20)
        self.addCleanup(self.heard.close)

    def hear(self, word):
        while True:
            said = self.heard.recv(1000).decode()
            if said.startswith(word):
                return said

    def process(self, sockets, environment):
        """With the sockets as descriptors from 3 on, and LISTEN_PID as only the process itself can say it."""
        high = [os.dup2(one.fileno(), 200 + number) for number, one in enumerate(sockets)]
        for fd in high:
            self.addCleanup(os.close, fd)
        moves = " ".join(f"{3 + number}<&{fd} {fd}<&-" for number, fd in enumerate(high))
        command = ("bash", "-c", f'export LISTEN_PID=$$; exec "$@" {moves}', "supervised", str(BINARY))
        process = Process(self.scratch, f'hostname = "mail.example.test"\ndata_dir = "{self.scratch}/data"\n[listener.mx]\nprotocol = "smtp"\n'
                          'address = "127.0.0.1"\nport = 1\n', {"NOTIFY_SOCKET": str(self.scratch / "notify"), **environment}, command,
                          pass_fds=high)
        self.addCleanup(process.remove)
        return process

    def test_nobody_is_refused_while_the_server_is_restarted(self):
        listening = socket.create_server(("127.0.0.1", 0), backlog=500)
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        self.addCleanup(other.close)
        process = self.process([listening, other], {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "mx:unknown", "WATCHDOG_USEC": "2000000"})
        process.start()
        self.hear("READY=1\nSTATUS=Serving on")
        self.hear("WATCHDOG=1")
        self.assertIn("app.socket.unknown name=unknown", process.log())
        greetings, failures, ended = [], [], threading.Event()

        def connect():
            while not ended.is_set():
                try:
                    with socket.create_connection(listening.getsockname(), 30) as client:
                        greetings.append(client.recv(100)[:3])
                except OSError as error:
                    failures.append(error)

        threads = [threading.Thread(target=connect) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.3)
            self.assertEqual(process.stop(), 0)
            self.hear("STOPPING=1")
            process.start()
            self.hear("READY=1")
        time.sleep(0.3)
        ended.set()
        for thread in threads:
            thread.join(40)
        self.assertEqual(failures, [])
        self.assertLessEqual(set(greetings), {b"220", b"421"})
        self.assertGreater(len(greetings), 50)
        process.process.send_signal(signal.SIGHUP)
        self.assertRegex(self.hear("RELOADING=1"), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        self.hear("READY=1")
        self.assertEqual(process.stop(), 0)

    def test_sockets_without_names_are_refused_in_words(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        process = self.process([listening], {"LISTEN_FDS": "1"})
        with self.assertRaises(AssertionError):
            process.start()
        self.assertNotEqual(process.process.wait(), 0)
        self.assertIn("FileDescriptorName=", process.log())

    def test_a_credential_is_a_value(self):
        (self.scratch / "host").write_text("mail.example.test\n")
        config = self.scratch / "c.toml"
        config.write_text('hostname = "${credential:host}"\n')
        done = subprocess.run([BINARY, "config", "print", "--config", config], capture_output=True, text=True,
                              env={**os.environ, "CREDENTIALS_DIRECTORY": str(self.scratch)})
        self.assertIn('hostname = "mail.example.test"', done.stdout, done.stderr)

    def test_the_units_are_right_and_tight(self):
        for name in ("postrider.service", "postrider-smtp.socket", "postrider-imaps.socket"):
            self.assertTrue((TOP / "packaging/systemd" / name).exists())
        if subprocess.run(["sh", "-c", "command -v systemd-analyze"], capture_output=True).returncode != 0:
            self.skipTest("systemd-analyze (package systemd) is not installed")
        units = []
        for unit in (TOP / "packaging/systemd").iterdir():
            units.append(self.scratch / unit.name)
            units[-1].write_text(unit.read_text().replace("/usr/local/bin/postrider", str(BINARY)))
        done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
        self.assertEqual(done.stdout + done.stderr, "")
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", self.scratch / "postrider.service"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Parent(unittest.TestCase):
    """Each of them runs below, as root, in a mount and a network namespace of its own."""

    def run_inside(self, name):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("mount and network namespaces need root")
        done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", sys.executable, __file__, name],
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])

    def test_a_root_only_key_is_renewed_and_port_25_added_while_200_clients_are_connected(self):
        self.run_inside("renew_and_add")

    def test_the_parent_has_few_rights_and_the_server_none(self):
        self.run_inside("rights")

    def test_the_two_processes_end_together(self):
        self.run_inside("ends")

    def test_a_stop_finishes_what_is_in_flight(self):
        self.run_inside("in_flight")


# --- inside the namespace ---

CONFIG = """hostname = "mail.example.test"
user = "nobody"
data_dir = "/run/postrider/data"
[limits]
connections_per_address = 1000
[rates]
connections = 1000
user_connections = 1000
[tls]
certificate = "/run/postrider/keys"
[listener.imaps]
protocol = "imaps"
address = "127.0.0.1"
client_ca = "/run/postrider/keys/people.pem"
[listener.inside]
protocol = "smtp"
address = "127.0.0.1"
port = 2525
"""


def house(config):
    """A server, not yet started, whose keys only root may read, on paths that only root may change."""
    subprocess.run("mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up", shell=True, check=True)
    top = Path("/run/postrider")
    top.mkdir()
    binary = top / "postrider"
    binary.write_bytes(BINARY.read_bytes())
    binary.chmod(0o755)
    (top / "keys").mkdir(mode=0o700)
    make_certificate(top / "keys/tls.crt", top / "keys/tls.key")
    make_certificate(top / "keys/people.pem", top / "keys/people.key", names=("ann@example.test",))
    return Process(top, config, command=(str(binary),))


def renew_and_add():
    process = house(CONFIG).start()
    keys = process.directory / "keys"
    cannot = subprocess.run(["setpriv", "--reuid", "nobody", "--clear-groups", "cat", keys / "tls.key"], capture_output=True)
    assert cannot.returncode != 0
    person = any_certificate()
    person.load_cert_chain(keys / "people.pem", keys / "people.key")
    with person.wrap_socket(socket.create_connection(("127.0.0.1", 993), 20)) as connection:
        assert b"AUTH=EXTERNAL" in connection.recv(4096)
    clients = [Client(993) for _ in range(CLIENTS)]
    serial = make_certificate(keys / "new.crt", keys / "new.key")
    (keys / "new.crt").rename(keys / "tls.crt")
    (keys / "new.key").rename(keys / "tls.key")
    until(lambda: served(993) == serial, process.log)
    process.config.write_text(CONFIG + '[listener.mx]\nprotocol = "smtp"\naddress = "127.0.0.1"\n')
    process.process.send_signal(signal.SIGHUP)
    until(lambda: "app.listen listener=mx" in process.log(), process.log)
    with socket.create_connection(("127.0.0.1", 25), 10) as mx:
        assert mx.recv(100).startswith(b"220")
    for client in clients:
        assert client.noop().startswith(b"a OK")
    # A configuration that the server's user could have written gives no rights.
    os.chown(process.config, pwd.getpwnam("nobody").pw_uid, -1)
    os.chown(process.directory, pwd.getpwnam("nobody").pw_uid, -1)
    process.config.write_text(CONFIG + '[listener.mx]\nprotocol = "smtp"\naddress = "127.0.0.1"\nport = 26\n')
    process.process.send_signal(signal.SIGHUP)
    until(lambda: "app.parent.refused" in process.log(), process.log)
    until(lambda: "app.reload.refused" in process.log(), process.log)
    for client in clients:
        assert client.noop().startswith(b"a OK")
    assert process.stop() == 0, process.log()


def capabilities(pid, which):
    return int(re.search(rf"^{which}:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text(), re.M).group(1), 16)


def rights():
    process = house(CONFIG).start()
    parent, child = process.process.pid, process.child()
    # 2: DAC_READ_SEARCH, 5: KILL, 10: NET_BIND_SERVICE.
    assert capabilities(parent, "CapEff") & ~(1 << 2 | 1 << 5 | 1 << 10) == 0
    assert capabilities(parent, "CapBnd") & ~(1 << 2 | 1 << 5 | 1 << 10) == 0
    assert capabilities(child, "CapPrm") == 0
    for pid in (parent, child):
        assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()
    assert Path(f"/proc/{parent}/comm").read_text() == "postrider-root\n"
    assert Path(f"/proc/{child}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{parent}").stat().st_uid == 0
    kinds = sorted(os.readlink(fd).split(":")[0] for fd in Path(f"/proc/{parent}/fd").iterdir())
    assert kinds == sorted(["/dev/null", "/dev/null", str(process.log_path), "socket", "anon_inode"]), kinds
    assert process.stop() == 0


def ends():
    process = house(CONFIG).start()
    os.kill(process.child(), signal.SIGKILL)
    assert process.process.wait(20) == 128 + signal.SIGKILL
    assert "app.server.died" in process.log()
    process.start()
    child = process.child()
    process.process.kill()
    process.process.wait()
    until(lambda: "app.stopped" in process.log(), process.log)
    until(lambda: not Path(f"/proc/{child}").exists() or "zombie" in Path(f"/proc/{child}/status").read_text(), process.log)
    assert "app.parent.gone" in process.log()
    for number in (signal.SIGTERM, signal.SIGINT):
        process.start()
        assert process.stop(number) == 0
    # A server that cannot start: the status is the server's own.
    process.config.write_text(CONFIG.replace("[listener.inside]", "[listener.taken]\nprotocol = 'smtp'\naddress = '127.0.0.1'\nport = 24\n[listener.inside]"))
    with socket.create_server(("127.0.0.1", 24)):
        done = subprocess.run(process.command, capture_output=True, text=True, timeout=60)
    assert done.returncode not in (0, 137) and "listener taken" in done.stderr, done


def in_flight():
    process = house(CONFIG).start()
    cli = [process.command[0]]
    place = ["--config", str(process.config)]
    subprocess.run([*cli, "domain", "add", "example.org", *place], check=True)
    (process.directory / "password").write_text("secret-of-ann")
    subprocess.run([*cli, "account", "add", "ann@example.org", "--password-file", process.directory / "password", *place], check=True)
    client = socket.create_connection(("127.0.0.1", 2525), 20)
    file = client.makefile("rwb")
    file.readline()
    for line in (b"EHLO c.test\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<ann@example.org>\r\n", b"DATA\r\n"):
        file.write(line)
        file.flush()
        while file.readline()[3:4] == b"-":
            pass
    file.write(b"Subject: half\r\n\r\none\r\n")
    file.flush()
    process.process.send_signal(signal.SIGTERM)
    until(lambda: "app.stopping" in process.log(), process.log)
    file.write(b"two\r\n.\r\n")
    file.flush()
    assert file.readline().startswith(b"250"), process.log()
    assert process.process.wait(40) == 0
    listed = subprocess.run([*cli, "mailbox", "list", "ann@example.org", *place], check=True, capture_output=True, text=True).stdout
    assert re.search(r"INBOX\s+inbox\s+1\s|INBOX\s+\S+\s+1\s", listed), listed


if __name__ == "__main__":
    {"renew_and_add": renew_and_add, "rights": rights, "ends": ends, "in_flight": in_flight}[sys.argv[1]]()
