"""Messages that are put together from what is kept (RFC 4469), and messages that others may read by their URL (RFC
4467), with imaplib as the client and Python's email as the judge of what comes out."""
import email
import email.policy
import imaplib
import os
import smtplib
import urllib.parse
from email.message import EmailMessage

from harness import DOMAIN, PASSWORD, ServerTest, any_certificate


class Client(imaplib.IMAP4_SSL):
    """imaplib, with commands that it does not know."""

    def __init__(self, test, user):
        super().__init__("127.0.0.1", test.server.port("imaps"), ssl_context=any_certificate())
        self.test = test
        self.login(f"{user}@{DOMAIN}", PASSWORD)

    def say(self, command):
        """All that comes up to the tagged reply, and that."""
        tag = self._new_tag()
        self.send(tag + b" " + command + b"\r\n")
        answer = b""
        while not (line := self.readline()).startswith(tag):
            answer += line
        return answer, line[len(tag) + 1:].decode().strip()

    def whole(self, uid, section=b""):
        status, data = self.uid("FETCH", str(uid), f"(BODY.PEEK[{section.decode()}])")
        self.test.assertEqual(status, "OK")
        return data[0][1]


def literal(text):
    return b"{%d+}\r\n%s" % (len(text), text)


class Urls(ServerTest):
    users = 3
    configuration = f'[imap]\nsubmission_accounts = "u3@{DOMAIN}"\n'

    def setUp(self):
        self.picture = os.urandom(700_000)
        kept = EmailMessage()
        kept["From"], kept["To"], kept["Subject"] = "sender@elsewhere.test", f"u1@{DOMAIN}", "A picture"
        kept.set_content("Here it is.\n")
        kept.add_attachment(self.picture, maintype="image", subtype="png", filename="ü.png")
        with smtplib.SMTP("127.0.0.1", self.server.port("smtp")) as smtp:
            smtp.send_message(kept)
        self.client = Client(self, "u1")
        self.addCleanup(self.client.shutdown)
        self.client.select("INBOX")
        self.uid = int(self.client.uid("SEARCH", "ALL")[1][0].split()[-1])

    def url(self, section="", access=""):
        user = urllib.parse.quote(f"u1@{DOMAIN}", safe="")
        return f"imap://{user}@mail.{DOMAIN}/INBOX/;UID={self.uid}{section}{access}"

    def test_an_attachment_goes_on_in_a_new_message(self):
        head = ("From: u1@example.test\r\nTo: friend@elsewhere.test\r\nSubject: Fwd: A picture\r\nMIME-Version: 1.0\r\n"
                'Content-Type: multipart/mixed; boundary="next"\r\n\r\n--next\r\n'
                "Content-Type: text/plain; charset=utf-8\r\n\r\nLook at that, Jörg!\r\n\r\n--next\r\n").encode()
        part = f"/INBOX/;UID={self.uid}/;SECTION=2".encode()
        command = (b"APPEND Drafts (\\Draft) CATENATE (TEXT " + literal(head) + b' URL "' + part + b'.MIME" URL "' + part +
                   b'" TEXT ' + literal(b"\r\n--next--\r\n") + b")")
        answer, status = self.client.say(command)
        self.assertRegex(status, r"^OK \[APPENDUID \d+ \d+\]")
        self.client.select("Drafts", readonly=True)
        text = self.client.whole(status.split()[3].rstrip("]"))
        made = email.message_from_bytes(text, policy=email.policy.default)
        self.assertEqual(made["Subject"], "Fwd: A picture")
        self.assertFalse(made.defects)
        note, picture = made.iter_parts()
        self.assertEqual(note.get_content().strip(), "Look at that, Jörg!")
        self.assertEqual((picture.get_content_type(), picture.get_filename()), ("image/png", "ü.png"))
        self.assertEqual(picture.get_content(), self.picture)
        # The kept message is as it was, and unseen.
        self.client.select("INBOX")
        self.assertNotIn(b"\\Seen", self.client.uid("FETCH", str(self.uid), "(FLAGS)")[1][0])

    def test_a_bad_url_is_named_and_nothing_is_kept(self):
        before = self.client.status("Drafts", "(MESSAGES)")[1]
        _, status = self.client.say(b'APPEND Drafts CATENATE (TEXT ' + literal(b"A: b\r\n\r\n") + b' URL "/INBOX/;UID=99999")')
        self.assertTrue(status.startswith("NO [BADURL /INBOX/;UID=99999] "), status)
        self.assertEqual(self.client.status("Drafts", "(MESSAGES)")[1], before)

    def test_curl_reads_what_was_put_together(self):
        text = b"/INBOX/;UID=%d/;SECTION=1" % self.uid
        _, status = self.client.say(b'APPEND Archive CATENATE (TEXT ' + literal(b"Subject: x\r\n\r\n") + b' URL "' + text + b'")')
        uid = status.split()[3].rstrip("]")
        shown = self.run_client("curl", "-sS", "-k", "-u", f"u1@{DOMAIN}:{PASSWORD}",
                                f"imaps://127.0.0.1:{self.server.port('imaps')}/Archive;UID={uid}")
        self.assertEqual(shown.split(), ["Subject:", "x", "Here", "it", "is."])

    def authorised(self, section, access):
        rump = self.url(section, f";URLAUTH={access}")
        answer, status = self.client.say(f'GENURLAUTH "{rump}" INTERNAL'.encode())
        self.assertTrue(status.startswith("OK"), status)
        self.assertRegex(answer.decode(), r'^\* GENURLAUTH "' + ".*" + r':internal:[0-9a-f]{32,}"\r\n$')
        return answer.decode().split('"')[1]

    def fetched(self, user, url):
        client = Client(self, user)
        try:
            answer, status = client.say(f'URLFETCH "{url}"'.encode())
        finally:
            client.shutdown()
        self.assertTrue(status.startswith("OK"), status)
        head, _, data = answer.partition(b"\r\n")
        prefix = f'* URLFETCH "{url}" '.encode()
        self.assertTrue(head.startswith(prefix), head)
        if head == prefix + b"NIL":
            return None
        return data[:int(head[len(prefix) + 1:-1])]

    def test_another_user_reads_a_part_until_the_key_is_new(self):
        url = self.authorised("/;SECTION=2", f"user+u2%40{DOMAIN}")
        self.assertEqual(self.fetched("u2", url), self.client.whole(self.uid, b"2"))
        self.assertIsNone(self.fetched("u3", url))
        self.assertIsNone(self.fetched("u2", url.replace("SECTION=2", "SECTION=1")))
        self.assertEqual(self.client.say(b"RESETKEY INBOX")[1], "OK [URLMECH INTERNAL] RESETKEY completed")
        self.assertIsNone(self.fetched("u2", url))

    def test_a_submission_server_fetches_the_message(self):
        url = self.authorised("", f"submit+u1%40{DOMAIN}")
        self.assertEqual(self.fetched("u3", url), self.client.whole(self.uid))
        self.assertIsNone(self.fetched("u2", url))

    def test_keys_outlive_the_server(self):
        url = self.authorised("/;SECTION=1", "authuser")
        self.server.stop()
        self.server.store_check()
        self.server.start()
        self.assertEqual(self.fetched("u2", url).split(), [b"Here", b"it", b"is."])
