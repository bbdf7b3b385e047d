"""A full disk and failing syncs: a clear refusal, reads go on, and recovery without help."""
import smtplib
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from disks import Disk, require_root
from harness import DOMAIN, Server, message
from load import USERS, Load, Verifier


def try_to_send(server, number, size=4_000):
    """The code that the server answered."""
    try:
        server.send(message(number, size))
        return 250
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    except smtplib.SMTPRecipientsRefused as error:
        return list(error.recipients.values())[0][0]


class FullDisk(unittest.TestCase):
    def setUp(self):
        require_root()
        self.disk = Disk(320)
        self.addCleanup(self.disk.remove)

    def story(self, arguments=()):
        server = Server(directory=self.disk.path / "data", arguments=arguments)
        self.addCleanup(server.remove)
        server.start()
        self.assertEqual(try_to_send(server, 1), 250)
        filler = self.disk.fill()
        accepted, codes = 1, []
        for number in range(2, 400):
            code = try_to_send(server, number, 200_000 if number % 2 else 4_000)
            codes.append(code)
            accepted += code == 250
            if codes[-5:] == [452] * 5:
                break
        self.assertEqual(codes[-5:], [452] * 5, "a full disk is answered 452")
        with server.imap() as client:
            self.assertEqual(client.select("INBOX")[1], [str(accepted).encode()], "reads go on")
            self.assertEqual(client.fetch(f"1:{accepted}", "(BODY.PEEK[])")[0], "OK")
            self.assertEqual(client.append("INBOX", "", None, message(9).encode())[0], "NO")
        filler.unlink()
        deadline = time.monotonic() + 30
        while try_to_send(server, 1000) != 250:
            self.assertLess(time.monotonic(), deadline, f"no recovery:\n{server.log()[-3000:]}")
            time.sleep(0.5)
        with server.imap() as client:
            self.assertGreaterEqual(int(client.select("INBOX")[1][0]), accepted + 1)
            _, data = client.fetch(f"1:{accepted}", "(BODY.PEEK[])")
            self.assertEqual(sum(isinstance(item, tuple) for item in data), accepted)
        self.assertEqual(server.stop(), 0)
        server.store_check()

    def test_the_floor_of_free_space_refuses_and_recovers(self):
        self.story()

    def test_a_disk_that_is_full_to_the_last_byte_refuses_and_recovers(self):
        config = self.disk.directory / "config.toml"
        config.write_text("[store]\nmin_free = 0\n")
        self.story(["--config", str(config)])


class FailingSync(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_when_syncs_fail(self):
        failing = ["fiu-run", "-x", "-c", "enable_random name=posix/io/sync/fdatasync,probability=0.02"]
        server = Server(users=USERS)
        self.addCleanup(server.remove)
        server.start()
        server.stop()
        server.wrapper = failing
        server.start(timeout=60)
        load = Load(server, senders=20).start()
        time.sleep(8)
        load.stop()
        server.kill()
        refused = [code for code, _ in load.refused if isinstance(code, int)]
        self.assertTrue(refused, "the faults were met")
        self.assertLessEqual(set(refused), {451, 452, 421}, load.refused[:5])
        self.assertGreater(len(load.acknowledged), 20)
        server.wrapper = []
        server.store_check()
        server.start()
        Verifier(server).check(load.acknowledged)
        self.assertEqual(server.stop(), 0)
        server.store_check()
        print(f"      {len(load.acknowledged)} acknowledged and {len(refused)} refused messages of {DOMAIN}")
