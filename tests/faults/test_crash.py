"""kill -9 at any moment loses nothing that was answered 250 or OK and leaves a clean store."""
import random
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import FULL, Server
from load import USERS, Load, Verifier

ROUNDS = 300 if FULL else 12


class Kill(unittest.TestCase):
    def test_kill_under_fifty_senders(self):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        server = Server(users=USERS)
        self.addCleanup(server.remove)
        server.start()
        verifier, first, total = Verifier(server), 0, 0
        for round_number in range(ROUNDS):
            load = Load(server, first_number=first).start()
            time.sleep(chance.uniform(0.05, 2.0))
            server.kill()
            load.stop()
            first = next(load.numbers)
            server.store_check()
            server.start()
            with self.subTest(round=round_number, seed=seed):
                verifier.check(load.acknowledged)
            total += len(load.acknowledged)
        print(f"      {ROUNDS} kills, {total} acknowledged messages, seed {seed}")
        self.assertGreater(total, 100 * ROUNDS / 2)
        self.assertEqual(server.stop(), 0)
        server.store_check()
