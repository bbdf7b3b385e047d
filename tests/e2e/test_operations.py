"""The commands of docs/operations.md as they stand there: on the real ports and paths, as root, within a mount and a network
namespace of their own, so that nothing of the machine is touched."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import textwrap
import unittest
from pathlib import Path

from harness import BINARY, DOMAIN, TOP, ServerTest, message

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
child=$(pgrep -P "$server")
[ "$(stat -c %U "/proc/$child")" = postrider ] || { echo "the server has not dropped root"; exit 1; }
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


def examples(section):
    """The shell examples of one section of the page."""
    page = (TOP / "docs/operations.md").read_text()
    text = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", page, re.M | re.S).group(1)
    return re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)


def in_background(first):
    assert first.endswith("postrider serve\n"), first
    return first.removesuffix("postrider serve\n") + "postrider serve & server=$!\n"


class Operations(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("mount and network namespaces need root")

    def run_script(self, script):
        """What it prints on standard output and, behind that, on standard error."""
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "script")
            path.write_text(textwrap.dedent(script))
            mount = Path(scratch, "mount")
            mount.mkdir()
            done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", str(path), str(mount), str(BINARY)],
                                  capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
            return done.stdout + done.stderr

    def test_the_configuration_is_changed_while_the_server_runs(self):
        (first,), (change, container) = examples("First start"), examples("Changing the configuration")
        script = PRELUDE + in_background(first) + WAIT + change + """
            swaks --server 127.0.0.1:2587 --quit-after EHLO | grep -F 'SIZE 52428800'
            swaks --server 127.0.0.1:25 --quit-after EHLO | grep -F 'SIZE 52428800'
            (exec 3<>/dev/tcp/127.0.0.1/143) 2>/dev/null && { echo "the listener is still there"; exit 1; }
            echo 'mesage_size = 5' >> /etc/postrider/conf.d/10-limits.toml
            postrider reload 2>&1 && exit 1
            postrider health
            sed -i 's/2587/2588/' /etc/postrider/conf.d/20-lab.toml
            sed -i '/mesage/d' /etc/postrider/conf.d/10-limits.toml
            postrider reload
            kill -TERM "$server"
            wait "$server"
            rm -r /etc/postrider
        """ + container
        said = self.run_script(script)
        for words in ('changed: limits.message_size = "50 MiB"', "changed: listener.lab added", "changed: listener.imap removed",
                      "10-limits.toml:3: unknown key limits.mesage_size; the nearest known one is limits.message_size",
                      "changed: listener.lab.port = 2588", "port = 2525"):
            self.assertIn(words, said)

    def test_certificates_and_units(self):
        (first,), (certificates,), (units,) = examples("First start"), examples("Certificates"), examples("systemd")
        script = PRELUDE + in_background(first) + WAIT + certificates + f"""
            kill -TERM "$server"
            wait "$server"
            mount -t tmpfs tmpfs /usr/local/bin
            cp "$2" /usr/local/bin/postrider
            chmod 755 /usr/local/bin/postrider
            mkdir -p /etc/systemd/system
            cd "{TOP}"
        """ + (units if shutil.which("systemd-analyze") else "")
        said = self.run_script(script)
        self.assertRegex(said, "subject=CN ?= ?mail.example.net")
        self.assertIn("certificate net /etc/postrider/tls/net: expiring, valid until", said)

    def test_the_first_start_and_the_first_people(self):
        (first,), (people, *more) = examples("First start"), examples("Domain, people, aliases")
        first = in_background(first)
        people = re.sub(r"^(postrider account add ann\S+ [^#\n]*).*$", r"printf 'anns-password\\nanns-password\\n' | \1", people, flags=re.M)
        people = re.sub(r"^(postrider account password [^#\n]*).*$", r"printf 'anns-password\\nanns-password\\n' | \1", people, flags=re.M)
        removal = re.search(r"^postrider account remove.*\n", people, re.M).group(0)
        script = PRELUDE + first + WAIT + people.replace(removal, "") + "cd \"$scratch\"\n" + "".join(more) + FLOW.replace("kill -HUP", removal + "kill -HUP", 1)
        self.assertIn("hello to both", self.run_script(script))

    def test_looking_at_the_server_backup_and_restore(self):
        (first,), (looking,), (backup,) = (examples(section) for section in ("First start", "Sessions, health, stop", "Backup and restore"))
        first = in_background(first)
        people = """
postrider domain add example.org
printf 'anns-password\\nanns-password\\n' | postrider account add ann@example.org
swaks --server 127.0.0.1:25 --to ann@example.org --body "before the backup" >/dev/null
"""
        # The session that is to be closed, and the stop that the next block begins with.
        looking = looking.replace("postrider stop ", ": ")
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
        restore = backup.replace("postrider stop\n", """
swaks --server 127.0.0.1:25 --to ann@example.org --body "after the backup" >/dev/null
postrider stop
[ -d /proc/$child ] && ! grep -q Z /proc/$child/stat && { echo "stop returned too early"; exit 1; }
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
        said = self.run_script(script)
        for word in ("mail.example.org: ok", "1 session is closed", "the server is stopping", "MESSAGES 1)"):
            self.assertIn(word, said)
        self.assertEqual(said.count("all records: clean"), 2, said[-3000:])


class Sending(ServerTest):
    """The section of this name; its configuration is read by a unit test, as all are."""

    def test_the_commands_do_what_they_say(self):
        (block,) = examples("Sending")
        said = {}
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            self.assertEqual(words.pop(0), "postrider")
            said[words[1]] = self.run_client(BINARY, *words, "--dir", self.server.directory)
        self.assertEqual(said["list"], '{"queue":[]}\n')
        self.assertIn("0 messages, 0 B; recipients: 0 active", said["stats"])
        self.assertEqual(said["remove"], "0 messages, 0 recipients removed\n")

    def test_traces_tell_what_happened(self):
        self.server.send("Message-ID: <20261126.1@example.org>\r\nSubject: traced\r\n\r\ntext\r\n", sender="ann@example.org")
        (block,) = examples("Trace")
        for line in block.splitlines():
            words = shlex.split(line)
            self.assertEqual(words.pop(0), "postrider")
            said = self.run_client(BINARY, *words, "--dir", self.server.directory)
            self.assertRegex(said, r"accepted +ann@example\.org .*from client\.test \(\[127\.0\.0\.1\]\) by mail")
            self.assertRegex(said, rf"filed +u1@{DOMAIN}")
        self.run_client(BINARY, "trace", "nobody@example.net", "--dir", self.server.directory, status=1)


class LogsAndMetrics(ServerTest):
    """The sections of these names."""

    def blocks(self, section, language):
        text = re.search(rf"^## {section}\n(.*?)(?=^## )", (TOP / "docs/operations.md").read_text(), re.M | re.S).group(1)
        return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)

    def test_the_configurations_are_right(self):
        for block in self.blocks("Logs", "toml") + self.blocks("Metrics", "toml"):
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write('hostname = "mail.example.org"\n' + block)
                file.flush()
                self.assertIn("no mistakes", self.run_client(BINARY, "config", "check", file.name))
        (scrape,) = self.blocks("Metrics", "yaml")
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(scrape)
            file.flush()
            self.run_client("promtool", "check", "config", file.name)

    def test_the_commands_do_what_they_say(self):
        self.server.send(message(1))
        (block,) = self.blocks("Logs", "sh")
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            self.assertEqual(words.pop(0), "postrider")
            command = [BINARY, *words, "--dir", self.server.directory]
            if words[:2] == ["log", "follow"]:
                # It goes on for ever: 124 is what timeout says when it had to end it.
                self.run_client("timeout", "1", *command, status=124)
            else:
                self.assertIn("all     info", self.run_client(*command))
        (block,) = self.blocks("Metrics", "sh")
        shown = self.run_client("bash", "-c", block.replace("9464", str(self.server.port("metrics"))))
        self.assertIn('postrider_smtp_messages_total{service="mx",result="accepted"} 1\n', shown)


class LimitsAndBans(ServerTest):
    """The section of that name."""

    def blocks(self, language):
        text = re.search(r"^## Limits and bans\n(.*?)(?=^## )", (TOP / "docs/operations.md").read_text(), re.M | re.S).group(1)
        return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)

    def test_the_configurations_are_right(self):
        rates, policies = self.blocks("toml")
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('hostname = "mail.example.org"\n' + rates + policies)
            file.flush()
            self.assertIn("no mistakes", self.run_client(BINARY, "config", "check", file.name))

    def test_the_commands_do_what_they_say(self):
        self.server.cli("domain", "add", "example.org")
        self.server.cli("account", "add", "ann@example.org", "--password", "anns-password")
        said = ""
        for line in "".join(self.blocks("sh")).splitlines():
            words = shlex.split(line, comments=True)
            self.assertEqual(words.pop(0), "postrider")
            said += self.run_client(BINARY, *words, "--dir", self.server.directory)
        for words in ("of 20000 messages, any number of new recipients", "192.0.2.0/24 is banned until ", "2001:db8:bad::/48 is banned until it is removed",
                      '"reason":"dictionary attack"', "192.0.2.0/24 is no longer banned"):
            self.assertIn(words, said)
        self.assertNotIn("192.0.2.0/24", self.server.cli("ban", "list").stdout)
