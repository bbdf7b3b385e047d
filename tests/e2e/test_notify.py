"""One connection that hears of all mailboxes (RFC 5465), with notes and named searches (RFC 5464, RFC 5466)."""
import imaplib
import unittest

from harness import DOMAIN, PASSWORD, ServerTest, any_certificate

for verb in ("NOTIFY", "GETMETADATA", "SETMETADATA"):
    imaplib.Commands[verb] = ("AUTH", "SELECTED")


class Notify(ServerTest):
    configuration = """
[imap]
server_entries = ["/shared/comment = Welcome", "/shared/filters/values/orders = SUBJECT \\"an order\\""]
"""

    def imap(self, login="u1"):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate(), timeout=20)
        self.addCleanup(client.shutdown)
        client.login(f"{login}@{DOMAIN}", PASSWORD)
        return client

    def fine(self, client, verb, *arguments):
        kind, data = client._simple_command(verb, *arguments)
        self.assertEqual(kind, "OK", data)

    def test_mail_is_told_of_between_commands(self):
        one, two = self.imap(), self.imap()
        self.assertIn("NOTIFY", one.capabilities)
        one.select("Sent")
        self.fine(one, "NOTIFY", "SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))"
                  " (personal (MessageNew MessageExpunge MailboxName))")
        self.server.send("Subject: an order\r\n\r\nten boxes\r\n", to="u1", sender="customer@elsewhere.test")
        self.assertRegex(one.readline(), rb"^\* STATUS INBOX \(MESSAGES 1 UIDNEXT 2\)\r\n$")
        self.assertEqual(two.append("Sent", "", None, b"Subject: hello\r\n\r\nx\r\n")[0], "OK")
        self.assertEqual(one.readline(), b"* 1 EXISTS\r\n")
        self.assertEqual(one.readline(), b"* 1 RECENT\r\n")
        self.assertEqual(one.readline(), b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {18}\r\n")
        self.assertEqual([one.readline() for _ in range(3)], [b"Subject: hello\r\n", b"\r\n", b")\r\n"])
        self.assertEqual(two.create("Work")[0], "OK")
        self.assertEqual(one.readline(), b'* LIST (\\HasNoChildren) "/" Work\r\n')
        two.select("INBOX")
        self.assertEqual(two.search(None, "FILTER", "orders"), ("OK", [b"1"]))
        self.assertEqual(two.search(None, "NOT", "FILTER", "orders"), ("OK", [b""]))

    def test_notes_are_kept_with_the_mailbox_over_a_restart(self):
        one = self.imap("u2")
        self.fine(one, "GETMETADATA", '"" /shared/comment')
        self.assertEqual(one.response("METADATA")[1], [b'"" (/shared/comment "Welcome")'])
        self.fine(one, "SETMETADATA", 'INBOX (/private/comment "to be sorted")')
        one.noop()
        self.assertEqual(self.server.stop(), 0)
        self.assertIn("clean", self.server.cli("store", "check").stdout)
        self.server.start()
        again = self.imap("u2")
        self.fine(again, "GETMETADATA", "INBOX /private/comment")
        self.assertEqual(again.response("METADATA")[1], [b'INBOX (/private/comment "to be sorted")'])


if __name__ == "__main__":
    unittest.main()
