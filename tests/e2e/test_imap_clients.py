"""Mailboxes with real clients: curl, mbsync, offlineimap3, mutt, imaplib."""
import imaplib
import json
import os
import pty
import select
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import DOMAIN, PASSWORD, Server, ServerTest, any_certificate, body_is_whole, message


class Curl(ServerTest):
    def curl(self, path, *arguments, status=0):
        return self.run_client("curl", "-sS", "-k", f"imaps://127.0.0.1:{self.server.port('imaps')}{path}", "-u",
                               f"u1@{DOMAIN}:{PASSWORD}", *arguments, status=status)

    def test_the_first_mail_comes_back(self):
        self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port('smtp')}", "--to", f"u1@{DOMAIN}", "--body", "first mail")
        self.assertIn("BODY[]", self.curl("/INBOX", "-X", "FETCH 1 BODY[]", "-v"))
        self.assertIn("first mail", self.curl("/INBOX;UID=1"))
        listing = self.curl("/")
        for name in ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"):
            self.assertIn(name, listing)

    def test_append_and_read_back(self):
        with tempfile.NamedTemporaryFile("w", newline="") as file:
            file.write(message(7, 300_000))
            file.flush()
            self.curl("/Archive", "-T", file.name)
        self.assertTrue(body_is_whole(self.curl("/Archive;UID=1").replace("\r\n", "\n").replace("\n", "\r\n")))

    def test_a_wrong_password_is_refused(self):
        self.run_client("curl", "-sS", "-k", f"imaps://127.0.0.1:{self.server.port('imaps')}/INBOX", "-u", f"u1@{DOMAIN}:wrong",
                        status=67)


class Maildir:
    """The messages and folders of a Maildir tree as mbsync and offlineimap keep it."""

    def __init__(self, root):
        self.root = Path(root)

    def messages(self, folder):
        base = self.root / folder
        return [path for sub in ("cur", "new") for path in (base / sub).iterdir()] if base.exists() else []

    def add(self, folder, text, flags="S"):
        for sub in ("cur", "new", "tmp"):
            (self.root / folder / sub).mkdir(parents=True, exist_ok=True)
        name = self.root / folder / "cur" / f"{time.time_ns()}.{os.getpid()}.client:2,{flags}"
        name.write_text(text, newline="")


class Synchronising(ServerTest):
    """Subclasses sync one Maildir tree; the story is the same for each client."""
    users = 4
    user = None
    made = "Here/Made"  # the folder that the client makes

    def sync(self):
        raise NotImplementedError

    def story(self):
        with tempfile.TemporaryDirectory() as directory:
            self.directory = Path(directory)
            self.local = Maildir(self.directory / "mail")
            for number in range(20):
                self.server.send(message(number), to=self.user)
            self.sync()
            self.assertEqual(len(self.local.messages("INBOX")), 20, "new mail comes down")

            for number in range(5):
                self.local.add("INBOX", message(100 + number))
            self.sync()
            with self.server.imap(self.user) as client:
                client.select("INBOX")
                self.assertEqual(len(client.uid("SEARCH", "ALL")[1][0].split()), 25, "new mail goes up")
                self.assertEqual(len(client.uid("SEARCH", "SEEN")[1][0].split()), 5, "with its flags")
                client.uid("STORE", "1:10", "+FLAGS.SILENT", "(\\Flagged)")
                client.uid("STORE", "11:12", "+FLAGS.SILENT", "(\\Deleted)")
                client.expunge()
                client.create("Work/Projects")
                client.append("Work/Projects", "", imaplib.Time2Internaldate(1_700_000_000), message(500).encode())
                client.subscribe("Work/Projects")
            self.sync()
            inbox = self.local.messages("INBOX")
            self.assertEqual(len(inbox), 23, "deletions come down")
            self.assertEqual(sum("F" in path.name.rpartition(":2,")[2] for path in inbox), 10, "flags come down")
            self.assertEqual(len(self.local.messages("Work/Projects")), 1, "new folders come down")

            victim = next(path for path in inbox if "F" in path.name.rpartition(":2,")[2])
            victim.unlink()
            other = next(path for path in self.local.messages("INBOX") if not path.name.rpartition(":2,")[2])
            target = other.parent.parent / "cur" / (other.name.partition(":2,")[0] + ":2,RS")
            other.rename(target)
            self.local.add(self.made, message(600))
            self.sync()
            with self.server.imap(self.user) as client:
                client.select("INBOX")
                self.assertEqual(len(client.uid("SEARCH", "ALL")[1][0].split()), 22, "deletions go up")
                self.assertEqual(len(client.uid("SEARCH", "ANSWERED")[1][0].split()), 1, "flags go up")
                self.assertEqual(client.select(f'"{self.made}"')[1], [b"1"], "new folders go up")
                _, data = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
                self.assertTrue(body_is_whole(data[0][1]))
            self.sync()
            self.assertEqual(len(self.local.messages("INBOX")), 22, "and then it is quiet")


class Mbsync(Synchronising):
    user = "u1"

    def sync(self):
        config = self.directory / "mbsyncrc"
        (self.directory / "mail").mkdir(exist_ok=True)
        config.write_text(f"""
IMAPAccount server
Host 127.0.0.1
Port {self.server.port('imap')}
User {self.user}@{DOMAIN}
Pass {PASSWORD}
SSLType None
AuthMechs PLAIN

IMAPStore far
Account server

MaildirStore near
Path {self.directory}/mail/
Inbox {self.directory}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")
        self.run_client("mbsync", "-c", config, "-a")

    def test_mbsync_syncs_both_ways(self):
        self.story()


class Offlineimap(Synchronising):
    user = "u2"
    made = "Made"  # it cannot make a folder below one that is no Maildir

    def sync(self):
        config = self.directory / "offlineimaprc"
        config.write_text(f"""
[general]
accounts = test
metadata = {self.directory}/meta
ui = basic

[Account test]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {self.directory}/mail
sep = /

[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = {self.server.port('imap')}
remoteuser = {self.user}@{DOMAIN}
remotepass = {PASSWORD}
ssl = no
starttls = no
auth_mechanisms = PLAIN
""")
        self.run_client("offlineimap", "-c", config, "-o", timeout=120)

    def test_offlineimap_syncs_both_ways(self):
        self.story()


class Mutt(ServerTest):
    def run_in_terminal(self, command, environment, timeout=60):
        """A program that wants a terminal: its own one, whose screen is read until the program ends."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, environment)
        screen, deadline = b"", time.monotonic() + timeout
        try:
            while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                try:
                    screen += os.read(terminal, 65536)
                except OSError:  # EIO: the other end is closed, the program has ended
                    break
            else:
                os.kill(pid, signal.SIGKILL)
                self.fail(f"{command[0]} did not end within {timeout} s; its screen: {screen[-3000:]!r}")
        finally:
            os.close(terminal)
            status = os.waitpid(pid, 0)[1]
        self.assertEqual(status, 0, screen[-3000:])

    def mutt(self, directory, keys, settings="", *options):
        port = self.server.port("imaps")
        config = Path(directory, "muttrc")
        config.write_text(f"""
set folder="imaps://127.0.0.1:{port}/"
set imap_user="u1@{DOMAIN}"
set imap_pass="{PASSWORD}"
set ssl_verify_host=no
set ssl_verify_dates=no
set certificate_file="{directory}/certs"
set delete=yes
set confirmappend=no
set confirmcreate=no
set move=no
{settings}
push "{keys}"
""")
        certificate = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], input=b"", capture_output=True).stdout
        pem = certificate[certificate.index(b"-----BEGIN"):certificate.index(b"-----END CERTIFICATE-----") + 26]
        Path(directory, "certs").write_bytes(pem)
        self.run_in_terminal(["mutt", "-n", *options, "-F", str(config), "-f", f"imaps://127.0.0.1:{port}/INBOX"],
                             {**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "80", "HOME": directory})

    def test_mutt_reads_and_saves(self):
        self.server.send(message(1, subject="for mutt"))
        with tempfile.TemporaryDirectory() as directory:
            self.mutt(directory, "<save-message>=Archive<enter><sync-mailbox><quit>", 'set header_cache=""')
        with self.server.imap() as client:
            client.select("Archive")
            self.assertNotEqual(client.search(None, "SUBJECT", '"for mutt"')[1], [b""], self.server.log()[-1000:])
            self.assertEqual(client.select("INBOX")[1], [b"0"])

    def test_mutt_comes_back_with_qresync(self):
        """It keeps what it knows, and the second time asks for what has changed and gone: RFC 7162 §3.2.6."""
        for number in range(4):
            self.server.send(message(number, subject=f"kept {number}"))
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "cache").mkdir()
            settings = f'set header_cache="{directory}/cache"\nset imap_qresync'
            self.mutt(directory, "<quit>", settings, "-d", "3")
            with self.server.imap() as client:
                client.select("INBOX")
                client.store("2", "+FLAGS", "(\\Deleted)")
                client.expunge()
                client.store("1", "+FLAGS", "(\\Flagged)")
            self.server.send(message(9, subject="kept 9"))
            self.mutt(directory, "<tag-pattern>~A<enter><tag-prefix><save-message>=Archive<enter><sync-mailbox><quit>", settings,
                      "-d", "3")
            talk = Path(directory, ".muttdebug0").read_text(errors="replace")
            self.assertRegex(talk, r"UID FETCH 1:\d+ \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)")
            self.assertIn("VANISHED (EARLIER) 2", talk)
        with self.server.imap() as client:
            client.select("Archive")
            self.assertEqual(client.search(None, "SUBJECT", '"kept"')[1], [b"1 2 3 4"])
            self.assertEqual(client.search(None, "SUBJECT", '"kept 1"')[1], [b""])
            self.assertEqual(client.search(None, "FLAGGED")[1], [b"1"])
            self.assertEqual(client.select("INBOX")[1], [b"0"])


class Imaplib(ServerTest):
    users = 6

    def test_a_day_with_a_mailbox(self):
        with self.server.imap() as client:
            self.assertIn("IMAP4REV1", client.capabilities)
            self.assertIn("IMAP4REV2", client.capabilities)
            for number in range(10):
                self.assertEqual(client.append("INBOX", "(\\Seen $Label1)" if number % 2 else "", None, message(number).encode())[0], "OK")
            self.assertEqual(client.select("INBOX")[1], [b"10"])
            self.assertEqual(client.search(None, "UNSEEN")[1], [b"1 3 5 7 9"])
            self.assertEqual(client.search(None, "KEYWORD", "$Label1")[1], [b"2 4 6 8 10"])
            self.assertEqual(client.search(None, "SUBJECT", '"TEST 3"')[1], [b"4"])
            self.assertEqual(client.search(None, "NOT", "1:9", "OR", "SEEN", "DELETED")[1], [b"10"])
            _, data = client.fetch("3", "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)")
            self.assertIn(b'"test 2"', data[0] if isinstance(data[0], bytes) else data[0][0])
            _, data = client.fetch("3", "(BODY.PEEK[]<10.20>)")
            self.assertEqual(data[0][1], message(2).encode()[10:30])
            client.copy("1:3", "Archive")
            client.uid("MOVE", "4", "Trash")
            self.assertEqual(client.response("EXPUNGE")[1], [b"4"])
            client.store("1", "+FLAGS", "(\\Deleted)")
            self.assertEqual(client.expunge()[1], [b"1"])
            self.assertEqual(client.select("INBOX")[1], [b"8"])
            self.assertEqual(client.status("Archive", "(MESSAGES UIDNEXT UNSEEN)")[1], [b'Archive (MESSAGES 3 UIDNEXT 4 UNSEEN 2)'])
            self.assertEqual(client.rename("Archive", "Old/Archive")[0], "OK")
            self.assertEqual(client.select('"Old/Archive"')[1], [b"3"])
            self.assertEqual(client.delete("Old/Archive")[0], "OK")
            self.assertEqual(client.select('"Old/Archive"')[0], "NO")

    def test_two_sessions_see_each_other(self):
        with self.server.imap("u2") as one, self.server.imap("u2") as two:
            one.select("INBOX")
            two.select("INBOX")
            self.server.send(message(1), to="u2")
            for client in (one, two):
                client.noop()
                self.assertIn(b"1", client.response("EXISTS")[1])
            one.store("1", "+FLAGS", "(\\Flagged)")
            two.noop()
            self.assertIn(b"\\Flagged", b"".join(filter(None, two.response("FETCH")[1])))
            two.store("1", "+FLAGS", "(\\Deleted)")
            two.expunge()
            one.noop()
            self.assertEqual(one.response("EXPUNGE")[1], [b"1"])

    def test_order_threads_and_quota(self):
        with self.server.imap("u6") as client:
            self.assertEqual(client.enable("CONDSTORE")[0], "OK")
            for number, (subject, more) in enumerate((("Plan", ""), ("Apples", ""), ("Re: Plan", "References: <0@plan>\r\n"))):
                text = f"Subject: {subject}\r\nMessage-ID: <{number}@plan>\r\n{more}\r\nText.\r\n"
                self.assertEqual(client.append("INBOX", "", None, text.encode())[0], "OK")
            client.select("INBOX")
            self.assertEqual(client.sort("(SUBJECT)", "UTF-8", "ALL")[1], [b"2 1 3"])
            self.assertEqual(client.uid("SORT", "(REVERSE SIZE)", "UTF-8", "NOT", "2")[1], [b"3 1"])
            self.assertEqual(client.thread("REFERENCES", "UTF-8", "ALL")[1], [b"(1 3)(2)"])
            self.assertEqual(client.getquotaroot("INBOX")[0], "OK")
            self.assertIn(b"MODSEQ (", client.store("1", "+FLAGS", "(\\Seen)")[1][0])
            _, data = client.fetch("1:3", "(PREVIEW EMAILID THREADID SAVEDATE)")
            self.assertIn(b'PREVIEW "Text."', data[0])

    def test_idle_is_told_within_moments(self):
        with self.server.imap("u3") as client:
            client.select("INBOX")
            client.send(b"x1 IDLE\r\n")
            self.assertTrue(client.readline().startswith(b"+"))
            waited = []

            def wait():
                line = client.readline()
                waited.append((line, time.monotonic()))
            reader = threading.Thread(target=wait)
            reader.start()
            self.server.send(message(1), to="u3")
            sent = time.monotonic()
            reader.join(10)
            self.assertIn(b"1 EXISTS", waited[0][0])
            self.assertLess(waited[0][1] - sent, 1)
            client.send(b"DONE\r\n")
            while not client.readline().startswith(b"x1 OK"):
                pass

    def test_a_large_mailbox_and_a_large_message(self):
        text = message(9, 20 << 20).encode()
        with self.server.imap("u4") as client:
            self.assertEqual(client.append("INBOX", "", None, text)[0], "OK")
            client.select("INBOX")
            _, data = client.fetch("1", "(BODY.PEEK[])")
            self.assertTrue(body_is_whole(data[0][1]))
            self.assertEqual(client.append("INBOX", "", None, b"x" * (26 << 20))[0], "NO")

    def test_a_quota_that_is_full_refuses_and_loses_nothing(self):
        self.server.cli("account", "add", f"small@{DOMAIN}", "--password", PASSWORD, "--quota", "50000")
        with self.server.imap("small") as client:
            self.assertEqual(client.append("INBOX", "", None, message(1, 30_000).encode())[0], "OK")
            answer, text = client.append("INBOX", "", None, message(2, 30_000).encode())
            self.assertEqual(answer, "NO")
            self.assertIn(b"OVERQUOTA", text[0])
            self.assertEqual(client.select("INBOX")[1], [b"1"])

    def test_a_limit_of_messages_holds_for_mail_and_copies(self):
        self.server.cli("account", "add", f"few@{DOMAIN}", "--password", PASSWORD, "--quota", "none", "--quota-messages", "2")
        with self.server.imap("few") as client:
            self.assertEqual(client.append("INBOX", "", None, message(1).encode())[0], "OK")
            client.select("INBOX")
            self.assertEqual(client.copy("1", "Archive")[0], "OK")
            self.assertEqual(client.getquotaroot("INBOX")[1][1], [b'"" (MESSAGE 2 2 MAILBOX 6 10000)'])
            for answer, text in (client.append("INBOX", "", None, message(2).encode()), client.copy("1", "Archive")):
                self.assertEqual(answer, "NO")
                self.assertIn(b"OVERQUOTA", text[0])
            with self.server.smtp() as smtp:
                smtp.ehlo()
                smtp.mail("ann@elsewhere.test")
                self.assertEqual(smtp.rcpt(f"few@{DOMAIN}")[0], 452)
            row = json.loads(self.server.cli("account", "show", f"few@{DOMAIN}", "--json").stdout)
            self.assertEqual([row[key] for key in ("quota_messages", "messages", "copies")], [2, 1, 1])
            self.server.cli("account", "set", f"few@{DOMAIN}", "--quota-messages", "none")
            self.assertEqual(client.append("INBOX", "", None, message(2).encode())[0], "OK")
        shown = self.server.cli("account", "set", f"few@{DOMAIN}", "--quota-messages", "several", check=False)
        self.assertIn("--quota-messages must be a whole number or none", shown.stderr)

    def test_lines_that_end_in_a_bare_line_feed_are_taken(self):
        import socket
        with socket.create_connection(("127.0.0.1", self.server.port("imap")), 10) as connection:
            stream = connection.makefile("rwb")
            stream.readline()
            stream.write(b"a LOGIN u5@example.test test\nb SELECT INBOX\nc LOGOUT\n")
            stream.flush()
            answer = stream.read()
            for tag in (b"a OK", b"b OK", b"c OK"):
                self.assertIn(tag, answer)


class WithoutTrust(ServerTest):
    """As on the internet: no listener trusts loopback."""
    configuration = '[listener.imap]\nprotocol = "imap"\ntrusted = []\nplaintext_auth = false\n'

    def test_a_login_needs_tls_and_works_after_starttls(self):
        client = imaplib.IMAP4("127.0.0.1", self.server.port("imap"))
        self.assertIn("LOGINDISABLED", client.capabilities)
        self.assertNotIn("AUTH=PLAIN", client.capabilities)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "PRIVACYREQUIRED"):
            client.login(f"u1@{DOMAIN}", PASSWORD)
        client.starttls(any_certificate())
        self.assertNotIn("LOGINDISABLED", client.capabilities)
        self.assertEqual(client.login(f"u1@{DOMAIN}", PASSWORD)[0], "OK")
        self.assertEqual(client.select("INBOX")[0], "OK")
        client.logout()

    def test_what_came_in_clear_before_starttls_is_not_obeyed(self):
        import socket
        import ssl
        with socket.create_connection(("127.0.0.1", self.server.port("imap")), 10) as connection:
            connection.recv(1000)
            connection.sendall(b"a STARTTLS\r\nb CREATE Injected\r\nc LOGIN u1@example.test test\r\n")
            text = b""
            while b"a OK" not in text and (piece := connection.recv(4000)):
                text += piece
            try:
                with any_certificate().wrap_socket(connection) as secure:
                    secure.sendall(b"d NOOP\r\n")
                    self.assertTrue(secure.recv(1000).startswith(b"d OK"))
            except (ssl.SSLError, ConnectionError):
                pass  # refusing the handshake of such a client is right as well


class Restart(ServerTest):
    def test_everything_is_there_again_after_a_stop_and_after_a_kill(self):
        server = self.server
        with server.imap() as client:
            client.create("Kept")
            client.append("Kept", "(\\Flagged mine)", None, message(1, 400_000).encode())
        self.assertEqual(server.stop(), 0)
        server.store_check()
        server.start()
        server.send(message(2))
        server.kill()
        server.store_check()
        server.start()
        with server.imap() as client:
            self.assertEqual(client.select("Kept")[1], [b"1"])
            _, data = client.fetch("1", "(FLAGS BODY.PEEK[])")
            self.assertIn(b"mine", data[0][0] + data[1])
            self.assertTrue(body_is_whole(data[0][1]))
            self.assertEqual(client.select("INBOX")[1], [b"1"])
        with server.imap() as idle:
            idle.select("INBOX")
            self.assertEqual(server.stop(timeout=20), 0)
        server.start()


class SecondServer(ServerTest):
    def test_a_second_server_on_the_same_directory_is_refused_in_words(self):
        second = Server(directory=self.server.directory)
        try:
            with self.assertRaises(AssertionError) as caught:
                second.start()
            self.assertRegex(str(caught.exception), "another|in use")
        finally:
            second.remove()
