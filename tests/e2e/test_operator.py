"""What the operator does to a running server: looks at its sessions and ends some, asks for its health, stops it; and the
command line itself: its help, its completion, who may use the socket and what the log says of it."""
import json
import os
import re
import shutil
import smtplib
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, DOMAIN, NO_RESOLVER, PASSWORD, Server, ServerTest, message


def run(*arguments, **options):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


class Sessions(ServerTest):
    def sessions(self, *arguments):
        return json.loads(self.server.cli("sessions", "list", "--json", *arguments).stdout)["sessions"]

    def test_live_sessions_are_seen_with_user_state_and_bytes(self):
        with self.server.imap("u1") as ann, self.server.imap("u2") as bob, self.server.smtp() as stranger:
            ann.select("INBOX")
            stranger.ehlo()
            stranger.mail("x@elsewhere.test")
            rows = {row["user"] or row["protocol"]: row for row in self.sessions()}
            self.assertEqual(set(rows), {f"u1@{DOMAIN}", f"u2@{DOMAIN}", "smtp"})
            row = rows[f"u1@{DOMAIN}"]
            self.assertEqual((row["listener"], row["protocol"], row["peer"], row["state"], row["command"], row["tls"]),
                             ("imaps", "imaps", "127.0.0.1", "selected", "SELECT", True))
            self.assertEqual(row["port"], ann.sock.getsockname()[1])
            self.assertGreater(row["received"], 200)
            self.assertGreater(row["sent"], 1000)
            self.assertEqual((rows["smtp"]["state"], rows["smtp"]["command"], rows["smtp"]["tls"]), ("in transaction", "MAIL", False))
            self.assertRegex(self.server.log(), rf"session={row['id']} .*imap\.login|imap\.login.* session={row['id']} ")
            self.assertEqual([row["user"] for row in self.sessions("--user", f"u2@{DOMAIN}")], [f"u2@{DOMAIN}"])
            self.assertEqual(len(self.sessions("--protocol", "smtp")), 1)
            self.assertEqual(len(self.sessions("--address", "192.0.2.1")), 0)
            self.assertIn("in transaction", self.server.cli("sessions", "list").stdout)
            bob.logout()
            deadline = time.monotonic() + 10
            while len(self.sessions()) != 2:
                self.assertLess(time.monotonic(), deadline, "a session that has ended is no longer listed")

    def test_sessions_are_ended_with_a_word_of_their_protocol(self):
        ann, again, bob = self.server.imap("u1"), self.server.imap("u1"), self.server.imap("u2")
        idle = ann._new_tag()
        ann.send(idle + b" IDLE\r\n")
        self.assertTrue(ann.readline().startswith(b"+"))
        self.assertEqual(self.server.cli("sessions", "close", "--user", f"u1@{DOMAIN}").stdout, "2 sessions are closed\n")
        for client in (ann, again):
            self.assertEqual(client.readline(), b"* BYE The administrator has ended this session\r\n")
            self.assertEqual(client.readline(), b"")
        self.assertEqual(bob.noop()[0], "OK")
        stranger = self.server.smtp()
        stranger.ehlo()
        number = self.sessions("--protocol", "smtp")[0]["id"]
        self.server.cli("sessions", "close", number)
        self.assertRegex(stranger.getreply()[1].decode(), "administrator has ended this session")
        self.assertIn("by=", next(line for line in self.server.log().splitlines() if "admin.sessions.closed" in line))
        self.assertEqual(self.server.cli("sessions", "close", number, check=False).returncode, 1)
        self.assertEqual(self.server.cli("sessions", "close", check=False).returncode, 1)
        bob.logout()

    def test_a_session_in_the_middle_of_a_message_is_cut_after_the_grace(self):
        client = self.server.smtp()
        client.ehlo()
        client.mail("x@elsewhere.test")
        client.rcpt(f"u1@{DOMAIN}")
        client.docmd("DATA")
        client.send("Subject: half\r\n")
        begun = time.monotonic()
        done = json.loads(self.server.cli("sessions", "close", "--address", "127.0.0.1", "--grace", "1", "--json").stdout)
        self.assertEqual((done["closed"], done["cut"]), (1, 1))
        self.assertGreaterEqual(time.monotonic() - begun, 1)
        with self.assertRaises((smtplib.SMTPServerDisconnected, ConnectionError)):
            client.getreply()


class Health(ServerTest):
    configuration = NO_RESOLVER

    def test_health_is_for_eyes_and_for_programs(self):
        self.server.send(message(1))
        text = self.server.cli("health").stdout
        for word in (f"mail.{DOMAIN}: ok", "certificate default", "takes writes", "queue: ", "imaps"):
            self.assertIn(word, text)
        health = json.loads(self.server.cli("health", "--json").stdout)
        self.assertEqual((health["status"], health["pid"], health["problems"]), ("ok", self.server.pid, []))
        self.assertTrue(health["store"]["writes"])
        self.assertGreater(health["store"]["free_bytes"], health["store"]["min_free_bytes"])
        self.assertEqual([listener["failed_sessions"] for listener in health["listeners"]], [0] * len(health["listeners"]))

    def test_the_queue_is_listed_by_sender_recipient_and_age(self):
        with smtplib.SMTP("127.0.0.1", self.server.port("submission")) as client:
            client.login(f"u1@{DOMAIN}", PASSWORD)
            for to in ("ann@far.test", "bob@farther.test"):
                client.sendmail(f"u1@{DOMAIN}", [to], message(2).replace("From: sender@elsewhere.test", f"From: u1@{DOMAIN}"))

        def queue(*arguments):
            rows = json.loads(self.server.cli("queue", "list", "--json", *arguments).stdout)["queue"]
            return [row["recipients"][0] for row in rows]
        self.assertEqual(queue(), ["ann@far.test", "bob@farther.test"])
        self.assertEqual(queue("--recipient", "FARTHER"), ["bob@farther.test"])
        self.assertEqual(queue("--sender", "nobody"), [])
        self.assertEqual(queue("--sender", f"u1@{DOMAIN}", "--recipient", "ann@"), ["ann@far.test"])
        self.assertEqual(queue("--older", "1h"), [])
        time.sleep(1.1)
        self.assertEqual(len(queue("--older", "1s")), 2)
        self.assertEqual(self.server.cli("queue", "list", "--older", "soon", check=False).returncode, 1)
        self.assertEqual(json.loads(self.server.cli("health", "--json").stdout)["queue"]["messages"], 2)

    def test_mailboxes_are_listed_by_use_and_name(self):
        def names(*arguments):
            return [row["name"] for row in json.loads(self.server.cli("mailbox", "list", f"u1@{DOMAIN}", "--json", *arguments).stdout)["mailboxes"]]
        self.assertIn("INBOX", names())
        self.assertEqual(names("--role", "inbox"), ["INBOX"])
        self.assertEqual(names("--name", "inb"), ["INBOX"])
        self.assertEqual(names("--name", "no such"), [])


class Space(ServerTest):
    def test_what_takes_the_space_is_told_and_given_back(self):
        for number in range(30):
            self.server.send(message(number, 200_000))
        stats = json.loads(self.server.cli("store", "stats", "--json").stdout)
        tables = {row["table"]: row for row in stats["tables"]}
        self.assertEqual((tables["mail.email"]["records"], tables["store.blob"]["records"]), (30, 30))
        ann, bob = ({row["address"]: row for row in stats["accounts"]}[f"u{number}@{DOMAIN}"] for number in (1, 2))
        self.assertEqual((ann["messages"], bob["messages"]), (30, 0))
        self.assertGreater(ann["size"], 30 * 200_000)
        self.assertEqual({row["age"]: row["messages"] for row in stats["ages"]}["less than a day"], 30)
        self.assertEqual(sum(row["size"] for row in stats["ages"]) // 100_000, ann["size"] // 100_000)
        text = self.server.cli("store", "stats", "--account", f"u2@{DOMAIN}").stdout
        self.assertIn(f"u2@{DOMAIN}", text)
        self.assertNotIn(f"u1@{DOMAIN}", text)

        def on_disk():
            return sum(path.stat().st_size for path in (self.server.directory / "store/db").iterdir() if path.suffix in (".blob", ".sst"))
        self.assertRegex(self.server.cli("store", "compact").stdout, r"^the store is compacted: .* before, .* after\n$")
        full = on_disk()
        self.assertGreater(full, 100_000)
        with self.server.imap() as client:
            client.select("INBOX")
            client.store("2:30", "+FLAGS", "(\\Deleted)")
            client.expunge()
        done = json.loads(self.server.cli("store", "compact", "--json").stdout)
        self.assertLess(on_disk(), full / 5)
        self.assertGreater(done["before_bytes"], done["after_bytes"])
        with self.server.imap() as client:
            client.select("INBOX")
            self.assertEqual(client.fetch("1", "(BODY.PEEK[])")[0], "OK")
        self.assertIn("checked 1 message ", self.server.cli("store", "check").stdout)
        for word in ("admin.store.compacting", "admin.store.compacted"):
            self.assertRegex(self.server.log(), rf"{word} .*by=")


class Stop(unittest.TestCase):
    def test_stop_waits_until_the_server_is_gone_and_says_goodbye(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start()
        client = server.imap()
        done = server.cli("stop")
        self.assertEqual(done.stdout, "the server is stopping\n")
        self.assertEqual(server.process.wait(1), 0, "it was gone when the command returned")
        self.assertTrue(client.readline().startswith(b"* BYE"))
        server.stop()
        for command in (["stop"], ["health"], ["health", "--json"], ["sessions", "list"]):
            done = server.cli(*command, check=False)
            self.assertEqual(done.returncode, 69, f"{command}: {done.stderr}")
            self.assertIn("no server", done.stderr)
        server.start()
        self.assertEqual(server.cli("health").returncode, 0)

    def test_a_server_that_takes_its_time_is_told_of(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start()
        client = server.smtp()
        client.ehlo()
        client.mail("x@elsewhere.test")
        client.rcpt(f"u1@{DOMAIN}")
        client.docmd("DATA")  # finishes what is in flight, until timeouts.stop
        done = server.cli("stop", "--timeout", "1", check=False)
        self.assertEqual(done.returncode, 75)
        self.assertIn("still stopping", done.stderr)
        client.send("Subject: the last one\r\n\r\nhello\r\n.\r\n")
        self.assertEqual(client.getreply()[0], 250)
        self.assertEqual(server.process.wait(30), 0)
        server.stop()
        server.start()
        with server.imap() as reader:
            self.assertEqual(reader.select("INBOX")[1], [b"1"])


class WhoMayAsk(ServerTest):
    def test_every_change_is_logged_with_who_made_it(self):
        environment = {key: value for key, value in os.environ.items() if key != "SUDO_USER"}
        for user in ("ann", "x\ny" * 50):
            done = run("domain", "add", "audited.test", "--dir", self.server.directory, env={**environment, "SUDO_USER": user})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(run("domain", "remove", "audited.test", "--dir", self.server.directory, env=environment).returncode, 0)
        lines = [line for line in self.server.log().splitlines() if " admin.domain." in line and "audited.test" in line]
        me = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        self.assertIn("admin.domain.added", lines[0])
        for line in lines:
            self.assertIn(f"by={me}", line)
        self.assertIn("claims=ann", lines[0])
        self.assertNotIn("claims", lines[1])
        self.assertLess(len(lines[2]), 400)

    def test_another_user_is_refused_whatever_the_mode(self):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("to become another user needs root")
        binary = Path(tempfile.mkdtemp(prefix="postrider-other-"))
        self.addCleanup(shutil.rmtree, binary)
        shutil.copy(BINARY, binary / "postrider")
        binary.chmod(0o755)
        as_nobody = ["setpriv", "--reuid", "nobody", "--clear-groups", str(binary / "postrider")]

        def ask(*arguments):
            return subprocess.run([*as_nobody, *arguments, "--dir", str(self.server.directory)], capture_output=True, text=True, timeout=60)
        done = ask("domain", "list")
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertRegex(done.stderr, "only root and the server's user")
        socket = self.server.directory / "admin.sock"
        modes = [(path, path.stat().st_mode) for path in (self.server.directory, socket)]
        try:
            for path, _ in modes:
                path.chmod(0o777)
            done = ask("domain", "add", "stolen.test")
        finally:
            for path, mode in modes:
                path.chmod(mode & 0o7777)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("only root and the server's user", done.stderr)
        self.assertIn("admin.denied", self.server.log())
        self.assertNotIn("stolen.test", self.server.cli("domain", "list").stdout)


class CommandLine(unittest.TestCase):
    def commands(self, way=()):
        """All commands below a way, found by the help alone."""
        done = run(*way, "--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        _, _, rest = done.stdout.partition("Subcommands:\n")
        names = re.findall(r"^  (\S+)", rest, re.M)
        if not names:
            yield way, done.stdout
        for name in names:
            yield from self.commands((*way, name))

    def test_the_help_of_every_command_shows_an_example_of_it(self):
        found = list(self.commands())
        self.assertGreater(len(found), 25)
        for way, text in found:
            self.assertRegex(text, rf"Example: postrider {' '.join(way)}\b", way)

    CASES = ((["acc"], {"account"}), (["account", ""], {"add", "list", "remove"}), (["account", "li"], {"list"}), (["sessions", "close", "--a"], {"--address"}),
             (["store", "c"], {"check", "checkpoint", "compact"}), (["health", "--js"], {"--json"}), (["--dir", "/x", "queue", "l"], {"list"}))

    def test_bash_completes(self):
        script = run("completion", "bash").stdout
        for words, expected in self.CASES:
            line = " ".join(f"'{word}'" for word in ["postrider", *words])
            done = subprocess.run(["bash", "--norc", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _postrider; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            found = set(done.stdout.split())
            self.assertTrue(expected <= found if words[-1] == "" else expected == found, f"{words}: {found}")
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "alpha").mkdir()
            Path(directory, "beta.toml").touch()
            for words, expected in ((["health", "--dir", f"{directory}/"], {f"{directory}/alpha"}), (["serve", "--config", f"{directory}/b"], {f"{directory}/beta.toml"})):
                line = " ".join(f"'{word}'" for word in ["postrider", *words])
                done = subprocess.run(["bash", "--norc", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _postrider; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
                                      capture_output=True, text=True, timeout=20)
                self.assertEqual(set(done.stdout.split()), expected)

    def test_zsh_completes(self):
        if not shutil.which("zsh"):
            self.assertFalse(os.environ.get("CI"), "CI has zsh")
            self.skipTest("there is no zsh")
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "_postrider").write_text(run("completion", "zsh").stdout)
            # A whole interactive zsh in a terminal of its own, where TAB is pressed once: what is unique is completed in the line.
            for typed, expected in (("postrider acc", "postrider account "), ("postrider account li", "postrider account list "),
                                    ("postrider sessions close --ad", "postrider sessions close --address ")):
                driver = f"""
zmodload zsh/zpty
zpty shell 'ZDOTDIR={directory} zsh -f -i'
zpty -w shell 'PS1=; fpath=({directory} $fpath); autoload -Uz compinit; compinit -u -D; show() {{ print -r -- "<<$BUFFER>>"; exit }}; zle -N show; bindkey "^X" show; print -r -- re''ady'
zpty -r -m shell out '*ready*'
sleep 0.3
zpty -w -n shell $'{typed}\\t'
sleep 0.5
zpty -w -n shell $'\\x18'
zpty -r -m shell out '*>>*'
print -r -- "$out"
"""
                done = subprocess.run(["zsh", "-f", "-c", driver], capture_output=True, text=True, timeout=30, errors="replace")
                self.assertIn(f"<<{expected}>>", done.stdout, done.stderr)
