"""Checkpoints of a server under load: each is a whole store with everything that was acknowledged before it was asked for."""
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from disks import Disk, require_root
from harness import BINARY, Server
from load import USERS, Load, Verifier


def check(directory):
    return subprocess.run([str(BINARY), "store", "check", "--dir", str(directory)], capture_output=True, text=True, timeout=120)


class Checkpoint(unittest.TestCase):
    def under_load(self, place, rounds):
        with Server(users=USERS) as server, tempfile.TemporaryDirectory(dir=place or server.directory.parent) as copies:
            load = Load(server, senders=20).start()
            taken = []
            try:
                for number in range(rounds):
                    time.sleep(1)
                    with load.lock:
                        acknowledged = dict(load.acknowledged)
                    directory = Path(copies, f"monday-{number}")
                    server.cli("store", "checkpoint", str(directory))
                    taken.append((directory, acknowledged))
            finally:
                load.stop()
            self.assertGreater(len(taken[-1][1]), 100)
            self.assertEqual(load.refused, [], "nobody was refused meanwhile")
            for directory, acknowledged in taken:
                done = check(directory)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                with Server(directory=directory, users=USERS) as copy:
                    Verifier(copy).check(acknowledged)
                    self.assertEqual(copy.stop(), 0)
                self.assertEqual(check(directory).returncode, 0)
            # The copies share files with the store, and have been written to.
            Verifier(server).check(load.acknowledged)
            self.assertEqual(server.stop(), 0)
            server.store_check()

    def test_on_the_same_file_system(self):
        self.under_load(None, 3)

    def test_on_another_file_system(self):
        require_root()
        disk = Disk(1024)
        self.addCleanup(disk.remove)
        self.under_load(disk.path, 2)

    def test_a_disk_that_is_too_small_leaves_nothing(self):
        require_root()
        disk = Disk(300)
        self.addCleanup(disk.remove)
        with open(disk.path / "filler", "wb", buffering=0) as file:
            left = shutil.disk_usage(disk.path).free - (1 << 20)
            while left > 0:
                left -= file.write(b"\0" * min(left, 1 << 20))
        with Server(users=USERS) as server:
            load = Load(server, senders=10, sizes=(100_000, 200_000, 300_000, 1_000_000)).start()
            time.sleep(2)
            load.stop()
            done = server.cli("store", "checkpoint", str(disk.path / "copy"), check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "[Nn]o space")
            self.assertEqual([path.name for path in disk.path.iterdir()], ["filler"])
            self.assertIn("clean", server.store_check())
            Verifier(server).check(load.acknowledged)
