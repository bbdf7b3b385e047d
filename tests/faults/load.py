"""Senders that remember what was acknowledged, and the check that all of it is there."""
import contextlib
import imaplib
import itertools
import re
import smtplib
import threading

from harness import DOMAIN, PASSWORD, body_is_whole, message

USERS = 5


class Load:
    """`senders` threads that deliver over SMTP and, one in five of them, APPEND, flag and move over IMAP, until stop() or
    until the server is gone. What was answered 250 or OK stands in `acknowledged`."""

    def __init__(self, server, senders=50, first_number=0, sizes=(300, 2_000, 4_000, 300_000)):
        self.server = server
        self.numbers = itertools.count(first_number)
        self.sizes = sizes
        self.stopping = threading.Event()
        self.acknowledged = {}  # Message-ID -> (user, whether it must be flagged)
        self.refused = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.append if i % 5 == 4 else self.send, args=(f"u{i % USERS + 1}", i), daemon=True)
                        for i in range(senders)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a sender hangs"

    def next_message(self):
        with self.lock:
            number = next(self.numbers)
        # One in twenty is large, so that bodies in chunks are under way as well.
        text = message(number, self.sizes[3] if number % 20 == 0 else self.sizes[number % 3])
        return text, re.search(r"Message-ID: (<[^>]+>)", text).group(1)

    def remember(self, message_id, user, flagged=False):
        with self.lock:
            self.acknowledged[message_id] = (user, flagged)

    def send(self, user, index):
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, smtplib.SMTPException):
                with smtplib.SMTP("127.0.0.1", self.server.port("smtp"), local_hostname="c.test", timeout=60) as client:
                    while not self.stopping.is_set():
                        text, message_id = self.next_message()
                        try:
                            client.sendmail("s@elsewhere.test", [f"{user}@{DOMAIN}"], text)
                        except smtplib.SMTPResponseException as error:
                            self.refused.append((error.smtp_code, error.smtp_error))
                            self.stopping.wait(0.1)
                            break
                        except smtplib.SMTPRecipientsRefused as error:
                            self.refused.extend(error.recipients.values())
                            self.stopping.wait(0.1)
                            break
                        self.remember(message_id, user)
            self.stopping.wait(0.05)

    def append(self, user, index):
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                client = imaplib.IMAP4("127.0.0.1", self.server.port("imap"), timeout=60)
                try:
                    client.login(f"{user}@{DOMAIN}", PASSWORD)
                    client.select("INBOX")
                    while not self.stopping.is_set():
                        text, message_id = self.next_message()
                        answer, data = client.append("INBOX", "", None, text.encode())
                        if answer != "OK":
                            self.refused.append((answer, data[0]))
                            self.stopping.wait(0.1)
                            continue
                        self.remember(message_id, user)
                        uid = re.search(rb"APPENDUID \d+ (\d+)", data[0]).group(1).decode()
                        client.noop()
                        if client.uid("STORE", uid, "+FLAGS.SILENT", "(\\Flagged)")[0] == "OK":
                            self.remember(message_id, user, flagged=True)
                        if index % 2 and client.uid("MOVE", uid, "Archive")[0] != "OK":
                            self.refused.append(("MOVE", uid))
                finally:
                    client.shutdown()
            self.stopping.wait(0.05)


class Verifier:
    """Checks after each restart that what was acknowledged is there, whole and once per acknowledgement at least; it looks only
    at what came since the last time."""

    def __init__(self, server):
        self.server = server
        self.next_uid = {}

    def found(self, user):
        """Message-ID -> (number of whole copies, whether one is flagged)."""
        copies = {}
        with self.server.imap(user) as client:
            for mailbox in ("INBOX", "Archive"):
                client.select(mailbox, readonly=True)
                first = self.next_uid.get((user, mailbox), 1)
                self.next_uid[user, mailbox] = int(client.response("UIDNEXT")[1][0])
                _, data = client.uid("FETCH", f"{first}:*", "(FLAGS BODY.PEEK[])")
                for item in data:
                    if not isinstance(item, tuple):
                        continue
                    text = item[1].decode()
                    text = text[text.index("From: sender@"):]  # without the fields that the server put in front
                    assert body_is_whole(text), f"a message of {user} in {mailbox} is damaged: {text[:200]}"
                    message_id = re.search(r"Message-ID: (<[^>]+>)", text).group(1)
                    count, flagged = copies.get(message_id, (0, False))
                    copies[message_id] = (count + 1, flagged or b"\\Flagged" in item[0])
        return copies

    def check(self, acknowledged):
        copies = {f"u{i + 1}": self.found(f"u{i + 1}") for i in range(USERS)}
        lost = [message_id for message_id, (user, _) in acknowledged.items() if message_id not in copies[user]]
        assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged messages are lost, the first {lost[0]}"
        unflagged = [m for m, (user, flagged) in acknowledged.items() if flagged and not copies[user][m][1]]
        assert not unflagged, f"{len(unflagged)} acknowledged flags are lost, the first of {unflagged[0]}"
