"""The commands of docs/operations.md as they stand there: on the real ports and paths, as root, within a mount and a network
namespace of their own, so that nothing of the machine is touched."""
import os
import re
import subprocess
import tempfile
import textwrap
import unittest
from pathlib import Path

from harness import BINARY, TOP

PRELUDE = """
set -euo pipefail
scratch=$1
mount -t tmpfs tmpfs "$scratch"
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/bin"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$scratch/upper,workdir=$scratch/work" /etc
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /run
ip link set lo up
cp "$2" "$scratch/bin/postrider"
chmod 755 "$scratch" "$scratch/bin" "$scratch/bin/postrider"
export PATH=$scratch/bin:$PATH
mkdir -p /run/secrets /etc/letsencrypt/live/mail.example.org
echo bobs-password > /run/secrets/bob
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mail.example.org -addext subjectAltName=DNS:mail.example.org \\
  -keyout /etc/letsencrypt/live/mail.example.org/privkey.pem -out /etc/letsencrypt/live/mail.example.org/fullchain.pem 2>/dev/null
chmod 600 /etc/letsencrypt/live/mail.example.org/privkey.pem
"""
WAIT = """
for _ in $(seq 100); do postrider health >/dev/null 2>&1 && break; sleep 0.1; done
postrider health
[ "$(stat -c %U "/proc/$server")" = postrider ] || { echo "the server has not dropped root"; exit 1; }
"""
# Mail flows on the real ports, and then the server ends in order.
FLOW = """
swaks --server 127.0.0.1:25 --to info@example.org --body "hello to both" >/dev/null
curl -sS --cacert /etc/letsencrypt/live/mail.example.org/fullchain.pem --resolve mail.example.org:993:127.0.0.1 \\
  "imaps://mail.example.org/INBOX;UID=1" -u ann@example.org:anns-password | grep "hello to both"
postrider queue list
postrider store check
kill -HUP "$server"
kill -TERM "$server"
wait "$server"
postrider store check
"""


class Operations(unittest.TestCase):
    def test_the_first_start_and_the_first_people(self):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("mount and network namespaces need root")
        first, people, *more = re.findall(r"^```sh\n(.*?)^```", (TOP / "docs/operations.md").read_text(), re.M | re.S)
        self.assertTrue(first.endswith("postrider serve\n"))
        first = first.removesuffix("postrider serve\n") + "postrider serve & server=$!\n"
        people = re.sub(r"^(postrider account add ann\S+ [^#\n]*).*$", r"printf 'anns-password\\nanns-password\\n' | \1", people, flags=re.M)
        people = re.sub(r"^(postrider account password [^#\n]*).*$", r"printf 'anns-password\\nanns-password\\n' | \1", people, flags=re.M)
        removal = re.search(r"^postrider account remove.*\n", people, re.M).group(0)
        script = PRELUDE + first + WAIT + people.replace(removal, "") + "cd \"$scratch\"\n" + "".join(more) + FLOW.replace("kill -HUP", removal + "kill -HUP", 1)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "script")
            path.write_text(textwrap.dedent(script))
            mount = Path(scratch, "mount")
            mount.mkdir()
            done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", str(path), str(mount), str(BINARY)], capture_output=True,
                                  text=True, timeout=120, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
            self.assertIn("hello to both", done.stdout)
