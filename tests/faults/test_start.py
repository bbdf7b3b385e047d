"""Everything that keeps a server from starting: a sentence that says what to do, an exit status by kind, nothing changed on disk."""
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from disks import Disk, require_root
from harness import BINARY, Server, message

DAMAGED, TRY_LATER, NOT_PERMITTED, CONFIGURATION = 65, 75, 77, 78


def tree(directory):
    """Every file below with its owner, mode, time and content; the lock's time and the socket of a running server apart."""
    found = {}
    for path in sorted(Path(directory).rglob("*")):
        info = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(directory))] = (info.st_uid, info.st_mode, info.st_mtime_ns, content)
    return found


class StartFaults(unittest.TestCase):
    def setUp(self):
        self.place = Path(tempfile.mkdtemp(prefix="postrider-start-"))
        self.addCleanup(shutil.rmtree, self.place, True)
        self.place.chmod(0o755)
        self.config = self.place / "postrider.toml"
        self.ports = Server(directory=self.place / "unused")
        self.addCleanup(self.ports.remove)

    def write(self, data, more="", port=None):
        self.config.write_text(f'hostname = "mail.start.test"\ndata_dir = "{data}"\n{more}\n[listener.smtp]\naddress = "127.0.0.1"\n'
                               f'port = {port or self.ports.port("smtp")}\nprotocol = "smtp"\n')

    def made(self, place=None):
        """A data directory with a message in it, of a server that was stopped."""
        server = Server(directory=place or self.place / "data")
        self.addCleanup(server.remove)
        server.start()
        server.send(message(1))
        self.assertEqual(server.stop(), 0)
        return server

    def refused(self, status, words, as_user=(), binary=BINARY):
        done = subprocess.run([*as_user, str(binary), "serve", "--config", str(self.config)], capture_output=True, text=True, timeout=60)
        sentence = [line for line in done.stderr.splitlines() if not re.match(r"\S+T\S+Z |\{", line)]
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex("\n".join(sentence), words)
        return done.stderr

    def unchanged(self, data, status, words, **options):
        before = tree(data)
        self.refused(status, words, **options)
        self.assertEqual(tree(data), before, "nothing is changed on disk")

    def test_a_broken_configuration(self):
        data = self.place / "none"
        for more, words in (('no_such_key = 1', r"toml:3: .*no_such_key"), ("this is no toml", r"toml:3"), ('[limits]\nmessage_size = "many"', r"toml:4: .*message_size")):
            self.write(data, more)
            self.refused(CONFIGURATION, words)
            self.assertFalse(data.exists())
        self.config.unlink()
        self.refused(CONFIGURATION, "does not exist")
        (self.place / "file").touch()
        self.write(self.place / "file")
        self.refused(CONFIGURATION, "not a directory")
        self.write(data, 'user = "nobody-of-that-name"')
        self.refused(CONFIGURATION, "nobody-of-that-name.*make it, or change")
        self.assertFalse(data.exists())

    def test_a_port_that_is_taken(self):
        self.made()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.write(self.place / "data", port=taken.getsockname()[1])
            self.unchanged(self.place / "data", TRY_LATER, "another program has this port: stop it, or choose another")

    def test_a_second_server_on_the_same_directory(self):
        server = self.made()
        server.start()
        self.write(server.directory)
        self.refused(TRY_LATER, "in use by another process.*stop that one first")
        server.send(message(2))
        with server.imap() as client:
            self.assertEqual(client.select("INBOX")[1], [b"2"])

    def test_a_store_of_a_newer_version_and_one_that_is_damaged(self):
        server = self.made()
        version = server.directory / "store/VERSION"
        kept = version.read_bytes()
        self.write(server.directory)
        version.write_bytes(kept.replace(b"store 1 ", b"store 9 "))
        self.unchanged(server.directory, DAMAGED, "schema version 9.*run a newer postrider")
        version.write_bytes(b"nonsense")
        self.unchanged(server.directory, DAMAGED, "not as a store writes it.*restore")
        version.unlink()
        self.unchanged(server.directory, DAMAGED, "VERSION is missing")
        version.write_bytes(kept)
        server.start()

    def test_a_directory_or_files_of_somebody_else(self):
        require_root()
        binary = self.place / "postrider"
        shutil.copy(BINARY, binary)
        binary.chmod(0o755)
        server = self.made()
        self.write(server.directory)
        nobody = {"as_user": ["setpriv", "--reuid", "nobody", "--clear-groups"], "binary": binary}
        self.unchanged(server.directory, NOT_PERMITTED, "belongs to root, and this is nobody: run chown -R nobody", **nobody)
        # A start as root, by mistake, has left files of root's in a directory that is nobody's.
        user = pwd.getpwnam("nobody")
        for path in (server.directory, *server.directory.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        theirs = next((server.directory / "store/db").glob("MANIFEST*"))
        os.chown(theirs, 0, 0)
        theirs.chmod(0o600)
        self.unchanged(server.directory, NOT_PERMITTED, rf"{theirs.name} belongs to root, and this is nobody: run chown -R nobody", **nobody)
        self.write(self.place / "below" / "data")
        self.refused(NOT_PERMITTED, "cannot make the directory", **nobody)
        if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 25:
            return
        self.write(server.directory, port=25)
        self.refused(NOT_PERMITTED, "ports below 1024 need root", **nobody)

    def test_a_full_disk(self):
        require_root()
        disk = Disk(320)
        self.addCleanup(disk.remove)
        server = self.made(disk.path / "data")
        self.write(server.directory)
        filler = disk.fill()
        self.unchanged(server.directory, TRY_LATER, "is full.*make room on that disk and start again")
        self.write(disk.path / "another" / "data")
        self.refused(TRY_LATER, "make room on that disk")
        filler.unlink()
        server.start()
        with server.imap() as client:
            self.assertEqual(client.select("INBOX")[1], [b"1"])
