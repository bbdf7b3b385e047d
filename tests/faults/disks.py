"""Small file systems of their own for tests, as loop-mounted images; they need root."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path


def require_root():
    """CI has root, so there nothing may be skipped."""
    if os.geteuid() != 0:
        if os.environ.get("CI"):
            raise AssertionError("CI must run the tests that mount file systems, and needs root for it")
        raise unittest.SkipTest("mounting a file system needs root")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout}{done.stderr}")


class Disk:
    """An XFS image of `megabytes` (300 at least), mounted at .path."""

    def __init__(self, megabytes=512):
        self.directory = Path(tempfile.mkdtemp(prefix="postrider-disk-"))
        self.image = self.directory / "image"
        self.path = self.directory / "mount"
        self.path.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        run("mkfs.xfs", "-q", "-f", str(self.image))
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", str(self.image), str(self.path))

    def unmount(self):
        run("umount", str(self.path))

    def cut_power(self):
        """From here on all I/O fails, and what was not synced is gone for good."""
        run("xfs_io", "-x", "-c", "shutdown", str(self.path))

    def fill(self):
        """To the last byte, with a file whose path is returned."""
        filler = self.path / "filler"
        with open(filler, "wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while file.write(b"\0" * size) == size:
                        pass
                except OSError:
                    pass
        return filler

    def remove(self):
        subprocess.run(["umount", "-l", str(self.path)], capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)
