"""Every command of README.md is run as it stands there, and so are those of the documents that show some."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, TOP


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (TOP / path).read_text(), re.M | re.S)


def commands(block):
    return [line for line in block.replace("\\\n", " ").split("\n") if line.strip() and not line.startswith("#")]


class Readme(unittest.TestCase):
    def setUp(self):
        """A directory that looks like the clone, with this build, and with a dev-data of its own."""
        self.clone = Path(tempfile.mkdtemp(prefix="postrider-readme-"))
        self.addCleanup(shutil.rmtree, self.clone, ignore_errors=True)
        shutil.copytree(TOP / "scripts", self.clone / "scripts")
        (self.clone / "build").symlink_to(TOP / "build")

    def run_block(self, block):
        for command in commands(block):
            done = subprocess.run(["bash", "-c", command], cwd=self.clone, capture_output=True, text=True, timeout=120,
                                  stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
            yield command, done.stdout + done.stderr

    def test_the_five_minutes_of_a_new_user(self):
        shell = blocks("README.md", "sh")
        self.assertEqual(commands(shell[0]), ["scripts/run"])
        log = open(self.clone / "log", "w+")
        self.addCleanup(log.close)
        server = subprocess.Popen(["scripts/run"], cwd=self.clone, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            deadline = time.monotonic() + 60
            while "\nready\n" not in (text := Path(log.name).read_text()):
                self.assertTrue(server.poll() is None and time.monotonic() < deadline, text)
                time.sleep(0.2)
            tried = dict(self.run_block(shell[1]))
            self.assertIn("swaks", " ".join(tried))
            self.assertIn("This is a test mailing", tried[next(command for command in tried if command.startswith("curl"))])
            for block in shell[2:-1]:
                for command, out in self.run_block(block):
                    if "curl" in command:
                        self.assertIn("This is a test mailing", out)
                    if "account list" in command:
                        self.assertIn("anna@example.test", out)
            # What scripts/run offers to try works as well.
            offered = [line[26:].strip() for line in text.split("\n") if re.match(r"^(SMTP|submissions?|IMAPS?) ", line)]
            self.assertEqual(len(offered), 5, text)
            for command, _ in self.run_block("\n".join(offered)):
                pass
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(30)
        self.assertIn("store check", shell[-1])
        for _, out in self.run_block(shell[-1]):
            self.assertIn("clean", out)

    def test_the_configuration_that_it_shows_is_right(self):
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mail.example.org",
                            "-addext", "subjectAltName=DNS:mail.example.org", "-keyout", f"{directory}/privkey.pem", "-out",
                            f"{directory}/fullchain.pem"], check=True, capture_output=True)
            text = blocks("README.md", "toml")[0].replace("/etc/letsencrypt/live/mail.example.org", directory)
            text = text.replace("/var/lib/postrider", f"{directory}/data").replace('"postrider"', '"nobody"')
            config = Path(directory, "postrider.toml")
            config.write_text(text)
            done = subprocess.run([str(BINARY), "config", "check", "--config", str(config)], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
