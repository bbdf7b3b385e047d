"""The configuration of a running server is changed: by the file itself, by command, by signal; also in ways that cannot be."""
import contextlib
import imaplib
import os
import re
import smtplib
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, DOMAIN, PASSWORD, TOP, Server

BROKEN = TOP / "tests/config/broken"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**variables):
    return {**{name: value for name, value in os.environ.items() if not name.startswith("POSTRIDER_")}, **variables}


class Reload(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="postrider-reload-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.file = self.scratch / "postrider.toml"
        self.file.write_text("")
        self.server = Server(users=2, arguments=["--config", str(self.file)])
        self.addCleanup(self.server.remove)

    def write(self, text):
        """As editors and package managers do it: a new file in the place of the old."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)

    def reload(self, status=0):
        done = self.server.cli("reload", check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def until(self, what, timeout=15):
        deadline = time.monotonic() + timeout
        while not what():
            self.assertLess(time.monotonic(), deadline, self.server.log()[-3000:])
            time.sleep(0.05)

    def logged(self, text, times=1):
        self.until(lambda: self.server.log().count(text) >= times)

    def size(self, port=None):
        """The SIZE that a new session offers."""
        with smtplib.SMTP("127.0.0.1", port or self.server.port("smtp"), timeout=10) as client:
            client.ehlo()
            return int(client.esmtp_features["size"])

    def refused(self, port):
        def is_refused():
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
            except ConnectionRefusedError:
                return True
        self.until(is_refused)

    def clients(self, stack, count):
        smtp, imap = [], []
        for number in range(count):
            if number % 2:
                smtp.append(stack.enter_context(smtplib.SMTP("127.0.0.1", self.server.port("smtp"), timeout=20)))
                smtp[-1].ehlo()
            else:
                imap.append(stack.enter_context(imaplib.IMAP4("127.0.0.1", self.server.port("imap"), timeout=20)))
                imap[-1].login(f"u1@{DOMAIN}", PASSWORD)
                imap[-1].select()
        return smtp, imap

    def test_200_clients_stay_while_ports_are_added_moved_and_removed_and_limits_change(self):
        self.server.start()
        more, moved = free_port(), free_port()
        with contextlib.ExitStack() as stack:
            smtp, imap = self.clients(stack, 200)
            smtp[0].mail("a@elsewhere.test")
            smtp[0].rcpt(f"u1@{DOMAIN}")
            steps = (
                # A port more, and another limit.
                f'[limits]\nmessage_size = "1 MiB"\n[listener.more]\nprotocol = "smtp"\nport = {more}\naddress = "127.0.0.1"\n',
                # IMAP moves to another port.
                f'[limits]\nmessage_size = "1 MiB"\n[listener.imap]\nport = {moved}\n[listener.more]\nprotocol = "smtp"\nport = {more}\naddress = "127.0.0.1"\n',
                # SMTP moves from one address to all, on the same port; the port more goes.
                f'[limits]\nmessage_size = "1 MiB"\n[listener.imap]\nport = {moved}\n[listener.smtp]\naddress = "0.0.0.0"\n',
                # And back.
                f'[limits]\nmessage_size = "1 MiB"\n[listener.imap]\nport = {moved}\n[listener.smtp]\nplaintext_auth = false\ntrusted = "::1"\n',
            )
            for number, text in enumerate(steps):
                self.write(text)
                said = self.reload()
                self.assertIn("changed: ", said)
                self.assertEqual(self.size(), 1 << 20)
                if number < 2:
                    self.assertEqual(self.size(more), 1 << 20)
                else:
                    self.refused(more)
                if number > 0:
                    self.refused(self.server.port("imap"))
                    with imaplib.IMAP4("127.0.0.1", moved, timeout=20) as client:
                        self.assertEqual(client.login(f"u2@{DOMAIN}", PASSWORD)[0], "OK")
            # Who was there before sees the new limit at the next command, and finishes what was begun.
            self.assertEqual(smtp[0].data("Subject: begun before\r\n\r\nended after\r\n")[0], 250)
            self.assertEqual(smtp[1].mail("a@elsewhere.test", ["SIZE=2000000"])[0], 552)
            for client in smtp:
                self.assertEqual(client.noop()[0], 250)
            for client in imap:
                self.assertEqual(client.noop()[0], "OK")
        self.assertEqual(self.server.stop(), 0)
        self.server.store_check()

    def test_a_mistake_changes_nothing_and_says_so(self):
        self.write('[limits]\nmessage_size = "2 MiB"\n')
        self.server.start()
        more, taken = free_port(), socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        good = f'[limits]\nmessage_size = "3 MiB"\n[listener.more]\nprotocol = "imap"\nport = {more}\n'
        with smtplib.SMTP("127.0.0.1", self.server.port("smtp"), timeout=10) as client:
            for bad, lines in (
                    ("thread = 1\n[log]\nlevel = 5\n", (":1: unknown key thread; the nearest known one is threads", ":3: log.level must be one of")),
                    ("[log\n", (":1: not TOML",)),
                    (f'{good}[listener.taken]\nprotocol = "imap"\nport = {taken.getsockname()[1]}\naddress = "127.0.0.1"\n',
                     ("listener taken: cannot listen on", "another program has this port")),
                    (good + '[tls]\ncertificate = "/etc/passwd"\nkey = "/etc/passwd"\n', ("/etc/passwd",))):
                self.write(bad)
                said = self.reload(status=1)
                self.assertIn("nothing was changed", said)
                for line in lines:
                    self.assertIn(line, said)
                    self.assertIn(line, self.server.log().replace('\\"', '"'))
                self.refused(more)
                self.assertEqual(self.size(), 2 << 20)
                self.assertEqual(client.noop()[0], 250)
        # The operator's other commands go to the running server as before.
        self.server.cli("account", "list")
        self.write(good)
        self.assertIn('limits.message_size = "3 MiB"', self.reload())
        self.assertEqual(self.size(), 3 << 20)
        self.assertIn("nothing has changed", self.reload())

    def test_a_changed_file_is_noticed_also_behind_links_includes_and_references(self):
        secrets = self.scratch / "secrets"
        for version, size in (("v1", "1 MiB"), ("v2", "2 MiB")):
            (secrets / version).mkdir(parents=True)
            (secrets / version / "size").write_text(size + "\n")
        (secrets / "..data").symlink_to("v1")
        (secrets / "size").symlink_to("..data/size")
        (self.scratch / "conf.d").mkdir()
        self.write(f'include = "conf.d/*.toml"\n[limits]\nmessage_size = "${{file:{secrets}/size}}"\n')
        self.server.start()
        self.assertEqual(self.size(), 1 << 20)
        # Kubernetes swaps a link that others go through.
        (secrets / "..new").symlink_to("v2")
        (secrets / "..new").rename(secrets / "..data")
        self.until(lambda: self.size() == 2 << 20)
        # A file that comes, changes in its place, and goes again.
        drop_in = self.scratch / "conf.d/50-size.toml"
        for text, size in (('[limits]\nmessage_size = "3 MiB"\n', 3), ('[limits]\nmessage_size = "4 MiB"\n', 4)):
            drop_in.write_text(text)
            self.until(lambda: self.size() == size << 20)
        drop_in.unlink()
        self.until(lambda: self.size() == 2 << 20)
        # A mistake is told once, with its file and line, and not every second.
        drop_in.write_text("\nworker = 1\n")
        self.logged(f"{drop_in}:2: unknown key worker")
        time.sleep(3)
        self.assertEqual(self.server.log().count("unknown key worker"), 1)
        drop_in.unlink()
        self.write('[limits]\nmessage_size = "5 MiB"\n')
        self.until(lambda: self.size() == 5 << 20)

    def test_what_needs_a_restart_is_named_and_the_rest_holds(self):
        self.server.start()
        self.write('threads = 3\n[log]\nformat = "json"\nlevel = "debug"\n[limits]\nmessage_size = "1 MiB"\n')
        said = self.reload()
        self.assertIn("needs a restart: threads = 3", said)
        self.assertIn('needs a restart: log.format = "json"', said)
        self.assertIn('changed: log.level = "debug"', said)
        self.assertEqual(self.size(), 1 << 20)
        self.assertIn("app.reload.needs_restart", self.server.log())

    def test_the_environment_wins_over_the_file(self):
        self.write('[limits]\nmessage_size = "1 MiB"\nrecipients = 200\n')
        more = free_port()
        self.server.environment = environment(POSTRIDER_LIMITS_MESSAGE_SIZE="7 MiB", POSTRIDER_LISTENER_MORE_PROTOCOL="smtp",
                                              POSTRIDER_LISTENER_MORE_PORT=str(more), POSTRIDER_LISTENER_MORE_ADDRESS="127.0.0.1, ::1")
        self.server.start()
        self.assertEqual(self.size(more), 7 << 20)
        self.server.stop()
        self.server.environment = environment(POSTRIDER_LIMIT_MESSAGE_SIZE="7 MiB")
        with self.assertRaises(AssertionError) as failure:
            self.server.start()
        self.assertIn("POSTRIDER_LIMIT_MESSAGE_SIZE: there is no such setting; the nearest known one is POSTRIDER_LIMITS_MESSAGE_SIZE",
                      str(failure.exception))


class Config(unittest.TestCase):
    def run_config(self, *arguments, **variables):
        return subprocess.run([str(BINARY), "config", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              env=environment(**variables))

    def test_each_broken_file_is_named_with_its_lines(self):
        files = sorted(BROKEN.glob("*.toml"))
        self.assertGreaterEqual(len(files), 30)
        for file in files:
            done = self.run_config("check", file)
            expected = re.findall(r"^# expect: (.*)$", file.read_text(), re.M)
            expected = [(f"{file}:{line}" if line[0].isdigit() else f"{BROKEN}/{line}").replace("HERE", str(BROKEN)) for line in expected]
            said = done.stderr.splitlines()
            with self.subTest(file=file.name):
                self.assertEqual((done.returncode, len(said)), (1, len(expected)), done.stderr)
                for line in expected:
                    self.assertTrue(any(one.startswith(line) for one in said), f"{line}\n{done.stderr}")

    def test_a_container_needs_no_file(self):
        if Path("/etc/postrider/postrider.toml").exists():
            self.skipTest("this machine has a configuration of its own")
        done = self.run_config("print", POSTRIDER_HOSTNAME="mail.example.org", POSTRIDER_DATA_DIR="/data")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('hostname = "mail.example.org"', done.stdout)
        self.assertIn('data_dir = "/data"', done.stdout)
        self.assertIn("[listener.imaps]", done.stdout)
        self.assertIn("name the configuration with --config", self.run_config("print").stderr)

    def test_what_is_printed_is_read_again_as_the_same(self):
        with tempfile.TemporaryDirectory() as scratch:
            first, second = Path(scratch, "first.toml"), Path(scratch, "second.toml")
            first.write_text('hostname = "mail.example.org"\n[limits]\nmessage_size = 100000\n[listener.a]\nprotocol = "imap"\ntrusted = "10.0.0.0/8"\n')
            second.write_text(self.run_config("print", first).stdout)
            self.assertEqual(self.run_config("print", second).stdout, second.read_text())


    def test_the_passphrase_of_a_key_comes_from_a_file_and_is_not_printed(self):
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-passout", "pass:geheim", "-days", "2",
                            "-subj", "/CN=mail.example.org", "-keyout", f"{scratch}/key.pem", "-out", f"{scratch}/certificate.pem"],
                           check=True, capture_output=True, timeout=60)
            file, secret = Path(scratch, "postrider.toml"), Path(scratch, "passphrase")
            file.write_text(f'hostname = "mail.example.org"\n[tls]\ncertificate = "{scratch}/certificate.pem"\nkey = "{scratch}/key.pem"\n'
                            f'key_password = "${{file:{secret}}}"\n')
            secret.write_text("geheim\n")
            self.assertEqual(self.run_config("check", file).returncode, 0)
            self.assertNotIn("geheim", self.run_config("print", file).stdout)
            secret.write_text("anders\n")
            done = self.run_config("check", file)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{file}:3: tls: ", done.stderr)
            self.assertIn("key_password does not open the private key", done.stderr)


class PortsBelow1024(unittest.TestCase):
    """In a network of its own, where port 25 is free."""
    SCRIPT = r"""
set -euo pipefail
ip link set lo up
cat > postrider.toml <<TOML
hostname = "mail.example.org"
data_dir = "$PWD/data"
[listener.imap]
protocol = "imap"
TOML
"$1" serve --config postrider.toml 2> log & server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server; cat log' EXIT
for _ in $(seq 200); do "$1" health --dir "$PWD/data" >/dev/null 2>&1 && break; sleep 0.05; done
exec 3<>/dev/tcp/127.0.0.1/143
read -r -u 3 greeting
if (exec 4<>/dev/tcp/127.0.0.1/25) 2>/dev/null; then echo "port 25 was there before"; exit 1; fi
printf '[listener.mx]\nprotocol = "smtp"\n' >> postrider.toml
kill -HUP $server
for _ in $(seq 200); do (exec 4<>/dev/tcp/127.0.0.1/25) 2>/dev/null && break; sleep 0.05; done
exec 4<>/dev/tcp/127.0.0.1/25
read -r -u 4 greeting
echo "smtp: $greeting"
printf 'a NOOP\r\n' >&3
read -r -u 3 answer
echo "imap: $answer"
"""

    def test_port_25_is_added_while_the_server_runs(self):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("a network namespace needs root")
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(["unshare", "--net", "bash", "-c", self.SCRIPT, "-", str(BINARY)], cwd=scratch, capture_output=True,
                                  text=True, timeout=60, env=environment())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("smtp: 220 mail.example.org", done.stdout)
        self.assertIn("imap: a OK", done.stdout)
