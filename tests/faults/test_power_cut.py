"""A power cut loses nothing that was answered 250 or OK; and this test notices a build whose syncs do nothing."""
import random
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from disks import Disk, require_root
from harness import FULL, Server
from load import USERS, Load, Verifier

ROUNDS = 50 if FULL else 4


class PowerCut(unittest.TestCase):
    def setUp(self):
        require_root()
        self.disk = Disk(2048)
        self.addCleanup(self.disk.remove)

    def cut_rounds(self, rounds, arguments=()):
        """Cuts the power under load, again and again; returns how many messages were acknowledged."""
        server = Server(directory=self.disk.path / "data", users=USERS, arguments=arguments)
        self.addCleanup(server.remove)
        server.start()
        verifier, first, total = Verifier(server), 0, 0
        for _ in range(rounds):
            load = Load(server, first_number=first).start()
            time.sleep(random.uniform(1.0, 3.0))
            # At a power cut the server stops with the disk. Were it to go on, an fsync that the shutdown overtakes within
            # the kernel would tell it that all is well.
            server.freeze()
            self.disk.cut_power()
            load.stopping.set()
            server.kill()
            load.stop()
            first = next(load.numbers)
            self.disk.unmount()
            self.disk.mount()
            server.store_check()
            server.start()
            verifier.check(load.acknowledged)
            total += len(load.acknowledged)
        server.kill()
        return total

    def test_nothing_acknowledged_is_lost(self):
        total = self.cut_rounds(ROUNDS)
        print(f"      {ROUNDS} power cuts, {total} acknowledged messages")
        self.assertGreater(total, 50 * ROUNDS)

    def test_a_build_whose_syncs_do_nothing_is_noticed(self):
        with self.assertRaises(AssertionError) as caught:
            self.cut_rounds(3, ["--unsafe-no-sync"])
        self.assertRegex(str(caught.exception), "lost|did not become ready|store check")
