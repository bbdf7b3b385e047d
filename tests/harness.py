"""What the Python tests share: a postrider in developer mode on free ports of 127.0.0.1 with its data in a temporary
directory, and small helpers around it. Everything that is started here is ended here, by its process id."""
import contextlib
import hashlib
import os
import random
import select
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("POSTRIDER", TOP / "build/release/postrider"))
DOMAIN = "example.test"
PASSWORD = "test"
# Configuration: nobody answers there, so mail for elsewhere waits in the queue.
NO_RESOLVER = '[dns]\nservers = ["127.0.0.1:9"]\nspecial_names = ["test"]\n'
OFFSETS = {"smtp": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "metrics": 80}
# Taken out of the environment: the server takes each POSTRIDER_… for a setting.
FULL = bool(os.environ.pop("POSTRIDER_FULL", None))


def free_base_port():
    """A base port such that every port of developer mode above it is free."""
    for _ in range(200):
        base = random.randrange(10_000, 30_000, 1)
        with contextlib.ExitStack() as stack:
            try:
                for offset in OFFSETS.values():
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", base + offset))
            except OSError:
                continue
            return base
    raise RuntimeError("no free ports")


def wait_for_port(port, timeout=30):
    deadline = time.monotonic() + timeout
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def thread_states(pid):
    """The state of each thread as proc(5) has it: R, S, D (in the kernel until the disk answers), T (stopped)…"""
    states = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            states.append((thread / "stat").read_text().rpartition(")")[2].split()[0])
    return states


class Server:
    """A postrider in developer mode. Use as a context manager, or start() and stop() it."""

    def __init__(self, directory=None, users=2, arguments=(), wrapper=(), environment=None, base=None):
        self.own_directory = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="postrider-test-"))
        self.base = base or free_base_port()
        self.users = users
        self.arguments = list(arguments)
        self.wrapper = list(wrapper)
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.log_path = Path(tempfile.mkstemp(prefix="postrider-log-")[1])

    def port(self, name):
        return self.base + OFFSETS[name]

    def start(self, timeout=30):
        command = [*self.wrapper, str(BINARY), "dev", "--dir", str(self.directory), "--base-port", str(self.base),
                   "--domain", DOMAIN, "--users", str(self.users), "--password", PASSWORD, *self.arguments]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment, start_new_session=True)
        deadline, seen = time.monotonic() + timeout, b""
        while b"ready\n" not in seen:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not piece:
                self.kill()
                raise AssertionError(f"the server did not become ready:\n{self.log()}")
            seen += piece
        return self

    @property
    def pid(self):
        """Of the server itself, also when it runs under a wrapper."""
        pid = self.process.pid
        while self.wrapper:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                break
            pid = int(children[0])
        return pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self, timeout=30):
        """SIGTERM, and the exit status."""
        if self.process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {timeout} s:\n{self.log()[-4000:]}") from None
        self.process.stdout.close()
        self.process = None
        return status

    def kill(self):
        """kill -9."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def freeze(self):
        """Stops every thread where it is; one that is in a system call stops when that returns. Then only kill() helps."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while not all(state in "TDZ" for state in thread_states(self.process.pid)):
            assert time.monotonic() < deadline, "the server cannot be stopped"
            time.sleep(0.0005)

    def remove(self):
        self.kill()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.log_path.unlink(missing_ok=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()

    def cli(self, *arguments, check=True, input=None):
        """`postrider ARGUMENTS --dir DIRECTORY`, as the operator would call it."""
        done = subprocess.run([str(BINARY), *arguments, "--dir", str(self.directory)], capture_output=True, text=True,
                              input=input, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def smtp(self, timeout=30):
        return smtplib.SMTP("127.0.0.1", self.port("smtp"), local_hostname="client.test", timeout=timeout)

    def imap(self, user="u1", password=PASSWORD):
        import imaplib
        imaplib._MAXLINE = 10_000_000
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=any_certificate())
        client.login(f"{user}@{DOMAIN}", password)
        return client

    def send(self, text, to="u1", sender="sender@elsewhere.test"):
        with self.smtp() as client:
            client.sendmail(sender, [f"{to}@{DOMAIN}"], text)

    def store_check(self):
        """`store check` of the stopped store; the test fails unless it is clean."""
        done = self.cli("store", "check", check=False)
        if done.returncode != 0:
            raise AssertionError(f"store check: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


class ServerTest(unittest.TestCase):
    """A test case with one server for the whole class, in self.server."""
    users = 2
    configuration = ""  # TOML that is merged on top of developer mode's

    @classmethod
    def setUpClass(cls):
        cls.server = Server(users=cls.users)
        cls.addClassCleanup(cls.server.remove)
        if cls.configuration:
            config = cls.server.directory.with_suffix(".toml")
            config.write_text(cls.configuration)
            cls.addClassCleanup(config.unlink)
            cls.server.arguments = ["--config", str(config)]
        cls.server.start()

    def run_client(self, *command, status=0, timeout=60, **options):
        """A client's run; fails unless it ends with the status. Returns what it printed, both streams together."""
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=timeout, **options)
        if status is not None:
            self.assertEqual(done.returncode, status, f"{' '.join(map(str, command))}\n{done.stdout}\n{self.server.log()[-2000:]}")
        return done.stdout


def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def message(number, size=1000, subject="test"):
    """A message whose content tells its own SHA-256, so that a copy can be checked without the original."""
    seed = random.Random(number)
    lines = ["".join(seed.choices("abcdefghijklmnopqrstuvwxyz .0123456789", k=70)).strip() + ".\r\n" for _ in range(20)]
    body = "".join(f"{i} {lines[i % 20]}" for i in range(size // 75 + 1))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return (f"From: sender@elsewhere.test\r\nTo: u1@{DOMAIN}\r\nSubject: {subject} {number}\r\n"
            f"Message-ID: <{number}.{digest}@elsewhere.test>\r\n\r\n{body}")


def body_is_whole(text):
    """Whether a message made by message() came back with the body that its Message-ID names."""
    if isinstance(text, bytes):
        text = text.decode()
    head, _, body = text.partition("\r\n\r\n")
    digest = head.split("Message-ID: <", 1)[1].split("@", 1)[0].rsplit(".", 1)[1]
    return hashlib.sha256(body.encode()).hexdigest() == digest
