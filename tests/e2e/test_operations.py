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
        first, people = re.findall(r"^```sh\n(.*?)^```", (TOP / "docs/operations.md").read_text(), re.M | re.S)[:2]
        self.assertTrue(first.endswith("postrider serve\n"))
        first = first.removesuffix("postrider serve\n") + "postrider serve & server=$!\n"
        people = re.sub(r"^(postrider account add ann\S+ [^#\n]*).*$", r"printf 'anns-password\\nanns-password\\n' | \1", people, flags=re.M)
        people = re.sub(r"^(postrider account password [^#\n]*).*$", r"printf 'anns-password\\nanns-password\\n' | \1", people, flags=re.M)
        removal = re.search(r"^postrider account remove.*\n", people, re.M).group(0)
        script = PRELUDE + first + WAIT + people.replace(removal, "") + FLOW.replace("kill -HUP", removal + "kill -HUP", 1)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "script")
            path.write_text(textwrap.dedent(script))
            mount = Path(scratch, "mount")
            mount.mkdir()
            done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", str(path), str(mount), str(BINARY)], capture_output=True,
                                  text=True, timeout=120, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
            self.assertIn("hello to both", done.stdout)

    def test_looking_at_the_server_backup_and_restore(self):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("mount and network namespaces need root")
        page = (TOP / "docs/operations.md").read_text()

        def block(heading):
            return re.search(rf"^## {heading}\n.*?^```sh\n(.*?)^```", page, re.M | re.S).group(1)
        first = block("First start")
        self.assertTrue(first.endswith("postrider serve\n"))
        first = first.removesuffix("postrider serve\n") + "postrider serve & server=$!\n"
        people = """
postrider domain add example.org
printf 'anns-password\\nanns-password\\n' | postrider account add ann@example.org
swaks --server 127.0.0.1:25 --to ann@example.org --body "before the backup" >/dev/null
"""
        # The session that is to be closed, and the stop that the next block begins with.
        looking = block("Sessions, health, stop").replace("postrider stop ", ": ")
        session = """
coproc CLIENT { openssl s_client -quiet -connect 127.0.0.1:993 2>/dev/null; }
exec 7<&${CLIENT[0]} 8>&${CLIENT[1]}
echo "a LOGIN ann@example.org anns-password" >&8
read -r greeting <&7
read -r login <&7
"""
        bye = """
timeout 20 cat <&7 | grep "BYE The administrator"
"""
        restore = block("Backup and restore").replace("postrider stop\n", """
swaks --server 127.0.0.1:25 --to ann@example.org --body "after the backup" >/dev/null
postrider stop
[ -d /proc/$server ] && ! grep -q Z /proc/$server/stat && { echo "stop returned too early"; exit 1; }
wait "$server"
""")
        again = """
postrider serve & server=$!
""" + WAIT + """
curl -sS --cacert /etc/letsencrypt/live/mail.example.org/fullchain.pem --resolve mail.example.org:993:127.0.0.1 \\
  "imaps://mail.example.org/INBOX" -u ann@example.org:anns-password -X "STATUS INBOX (MESSAGES)" | grep "MESSAGES 1)"
postrider stop
wait "$server"
"""
        script = PRELUDE + first + WAIT + people + session + looking + bye + restore + again
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "script")
            path.write_text(script)
            mount = Path(scratch, "mount")
            mount.mkdir()
            done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", str(path), str(mount), str(BINARY)], capture_output=True,
                                  text=True, timeout=180, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
            for word in ("mail.example.org: ok", "1 session is closed", "the server is stopping", "MESSAGES 1)"):
                self.assertIn(word, done.stdout)
            self.assertEqual(done.stdout.count("all records: clean"), 2, done.stdout[-3000:])
