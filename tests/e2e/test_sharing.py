"""Mailboxes that several people use: a mail program shares its own, and a group reads what is nobody's (RFC 4314)."""
import imaplib
import subprocess
import tempfile
from pathlib import Path

from harness import DOMAIN, PASSWORD, ServerTest, any_certificate

INFO, STAFF = f"info@{DOMAIN}", f"staff@{DOMAIN}"
TEXT = "Subject: an order\r\n\r\nten boxes, please\r\n"


class Sharing(ServerTest):
    def imap(self, login):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate(), timeout=30)
        self.addCleanup(client.shutdown)
        client.login(login, PASSWORD)
        return client

    def fine(self, answer):
        self.assertEqual(answer[0], "OK", answer)
        return answer[1]

    def test_a_person_shares_a_mailbox_and_takes_it_back(self):
        owner, guest = self.imap(f"u1@{DOMAIN}"), self.imap(f"u2@{DOMAIN}")
        self.assertIn("ACL", owner.capabilities)
        self.fine(owner.create("Projects"))
        self.fine(owner.append("Projects", "", None, TEXT.encode()))
        self.fine(owner.setacl("Projects", f"u2@{DOMAIN}", "lrs"))
        self.assertIn(f"u2@{DOMAIN} lrs".encode(), self.fine(owner.getacl("Projects"))[0])
        there = f'"Other Users/u1@{DOMAIN}/Projects"'
        self.assertTrue(any(there.encode() in line for line in self.fine(guest.list('""', "*"))))
        self.assertIn(b'(("Other Users/" "/"))', self.fine(guest.namespace())[0])
        self.assertIn(b" lrs", self.fine(guest.myrights(there))[0])
        self.assertEqual(self.fine(guest.select(there)), [b"1"])
        self.assertIn(b"ten boxes", self.fine(guest.fetch("1", "(BODY[])"))[0][1])
        self.assertIn(b"\\Seen", self.fine(guest.fetch("1", "(FLAGS)"))[0])
        self.assertEqual(guest.store("1", "+FLAGS", "\\Deleted")[0], "NO")
        self.fine(guest.copy("1", "INBOX"))
        self.assertEqual(guest.append(there, "", None, TEXT.encode())[0], "NO")
        self.fine(owner.deleteacl("Projects", f"u2@{DOMAIN}"))
        with self.assertRaises(imaplib.IMAP4.abort):
            guest.noop()
            guest.noop()
        again = self.imap(f"u2@{DOMAIN}")
        self.assertEqual(again.select(there)[0], "NO")
        self.assertEqual(self.fine(again.select("INBOX")), [b"1"])

    def test_a_group_reads_the_mail_of_nobody(self):
        self.server.cli("account", "add", INFO, "--shared")
        self.server.cli("group", "add", STAFF, f"u1@{DOMAIN}", f"u2@{DOMAIN}")
        self.server.cli("mailbox", "share", INFO, STAFF, "write", "--all")
        self.server.cli("mailbox", "share", INFO, f"u2@{DOMAIN}", "te", "--withhold")
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(INFO)
        self.server.send(TEXT, to="info", sender="customer@elsewhere.test")
        one, two = self.imap(f"u1@{DOMAIN}"), self.imap(f"u2@{DOMAIN}")
        inbox = f"Shared/{INFO}/INBOX"
        self.assertEqual(self.fine(one.select(inbox)), [b"1"])
        self.assertEqual(self.fine(two.select(inbox)), [b"1"])
        self.assertEqual(two.store("1", "+FLAGS", "\\Deleted")[0], "NO")
        self.fine(two.store("1", "+FLAGS", "\\Flagged"))
        self.fine(one.noop())
        self.assertIn(b"\\Flagged", self.fine(one.fetch("1", "(FLAGS)"))[0])
        # What one reads is unread for the other, until the team wants it otherwise.
        self.fine(one.fetch("1", "(BODY[])"))
        self.assertEqual(self.fine(two.search(None, "UNSEEN")), [b"1"])
        self.assertIn(b"UNSEEN 0", self.fine(one.status(inbox, "(UNSEEN)"))[0])
        self.assertIn(b"UNSEEN 1", self.fine(two.status(inbox, "(UNSEEN)"))[0])
        self.server.cli("mailbox", "seen", INFO, "shared", "--all")
        self.fine(two.store("1", "+FLAGS", "\\Seen"))
        self.assertEqual(self.fine(one.search(None, "UNSEEN")), [b""])
        self.server.cli("mailbox", "seen", INFO, "own", "--all")
        self.assertEqual(self.fine(two.search(None, "UNSEEN")), [b"1"])
        self.fine(one.uid("MOVE", "1", f"Shared/{INFO}/Archive"))
        self.assertEqual(self.fine(two.noop()) and self.fine(two.select(inbox)), [b"0"])
        self.mirror()
        shown = self.server.cli("mailbox", "rights", INFO).stdout
        self.assertIn(STAFF, shown)
        # Who leaves the group loses them.
        self.server.cli("group", "set", STAFF, "--remove", f"u1@{DOMAIN}")
        with self.assertRaises(imaplib.IMAP4.abort):
            one.noop()
            one.noop()
        # An account that had rights of its own is removed, and the lists that name it are in order.
        self.server.cli("account", "add", f"temp@{DOMAIN}", "--password", PASSWORD)
        self.server.cli("mailbox", "share", f"u2@{DOMAIN}", f"temp@{DOMAIN}", "read")
        self.assertEqual(self.fine(self.imap(f"temp@{DOMAIN}").select(f'"Other Users/u2@{DOMAIN}/INBOX"')), [b"0"])
        self.server.cli("account", "remove", f"temp@{DOMAIN}")
        self.assertNotIn("temp@", self.server.cli("mailbox", "rights", f"u2@{DOMAIN}").stdout)
        self.server.cli("account", "remove", INFO)
        self.assertEqual(self.fine(self.imap(f"u2@{DOMAIN}").list('""', '"Shared/*"')), [None])
        self.server.stop()
        self.assertIn("clean", self.server.store_check())
        self.server.start()

    def mirror(self):
        """mbsync fetches what is shared."""
        with tempfile.TemporaryDirectory() as scratch:
            config = Path(scratch, "mbsyncrc")
            config.write_text(f"""IMAPStore far
Host 127.0.0.1
Port {self.server.port("imap")}
User u1@{DOMAIN}
Pass {PASSWORD}
SSLType None
AuthMechs PLAIN

MaildirStore near
Path {scratch}/mail/
Inbox {scratch}/inbox
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns "Shared/*"
Create Near
SyncState *
Expunge None
""")
            Path(scratch, "mail", "Shared", INFO).mkdir(parents=True)
            done = subprocess.run(["mbsync", "-c", config, "all"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stderr)
            found = [path for path in Path(scratch, "mail", "Shared", INFO, "Archive").glob("*/*") if path.is_file()]
            self.assertTrue(any("ten boxes" in path.read_text() for path in found), done.stderr)


if __name__ == "__main__":
    import unittest
    unittest.main()
