"""The queue of a running server: what its commands show and change, and reports as a mail program reads them."""
import collections
import contextlib
import email
import email.policy
import json
import smtplib
import socketserver
import threading
import time
import unittest

from harness import DOMAIN, PASSWORD, Server, ServerTest

ROUTES = """
[queue]
retry = ["10s"]

[route.refused]
recipients = "refused.test"
by = "refuse"
text = "nobody is there"

[route.nowhere]
recipients = ["waits.test", "waits2.test"]
by = "hosts"
hosts = "127.0.0.1:1"

[route.thrown]
recipients = "thrown.test"
by = "discard"
"""


class Sink(socketserver.ThreadingTCPServer):
    """A host that takes every message, a moment after its end, and keeps the subjects."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, delay=0.0):
        super().__init__(("127.0.0.1", 0), Take)
        self.taken, self.lock, self.delay = collections.Counter(), threading.Lock(), delay
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Take(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        with contextlib.suppress(OSError):
            self.say("220 sink.test ESMTP")
            for line in self.rfile:
                word = line[:4].upper()
                if word == b"DATA":
                    self.say("354 go on")
                    subject = None
                    for part in iter(self.rfile.readline, b".\r\n"):
                        if not part:
                            return
                        if part.startswith(b"Subject: ") and subject is None:
                            subject = part[9:].strip().decode()
                    time.sleep(self.server.delay)
                    with self.server.lock:
                        self.server.taken[subject] += 1
                    self.say("250 2.0.0 taken")
                elif word == b"QUIT":
                    return self.say("221 bye")
                elif word == b"EHLO":
                    self.say("250 sink.test")
                else:
                    self.say("250 2.0.0 fine")


class Crash(unittest.TestCase):
    def test_after_kill_9_everybody_gets_the_message_and_few_get_it_twice(self):
        count, at_once = 400, 5
        sink = Sink(delay=0.03)
        self.addCleanup(sink.server_close)
        self.addCleanup(sink.shutdown)
        server = Server()
        self.addCleanup(server.remove)
        config = server.directory.with_suffix(".toml")
        config.write_text(f'[queue]\ndestination_deliveries = {at_once}\n[route.sink]\nrecipients = "far.test"\nby = "hosts"\nhosts = "127.0.0.1:{sink.port}"\ntls = "none"\n')
        self.addCleanup(config.unlink)
        server.arguments = ["--config", str(config)]
        server.start()
        with smtplib.SMTP("127.0.0.1", server.port("submission")) as client:
            client.login(f"u1@{DOMAIN}", PASSWORD)
            for number in range(count):
                client.sendmail(f"u1@{DOMAIN}", ["who@far.test"], f"Subject: {number}\r\n\r\ntext\r\n")
        kills = 0
        deadline = time.monotonic() + 90
        while json.loads(server.cli("queue", "list", "--json").stdout)["queue"]:
            self.assertLess(time.monotonic(), deadline, server.log()[-3000:])
            if kills < 4:
                time.sleep(0.2)
                server.kill()
                server.start()
                kills += 1
        self.assertGreaterEqual(kills, 3)
        self.assertEqual(len(sink.taken), count)
        twice = sum(sink.taken.values()) - count
        self.assertLessEqual(twice, kills * at_once, sink.taken.most_common(5))
        self.assertIn("clean", server.cli("store", "check").stdout)


class Queue(ServerTest):
    configuration = ROUTES

    def submit(self, *recipients, content=None, mail_options=(), rcpt_options=()):
        with smtplib.SMTP("127.0.0.1", self.server.port("submission")) as client:
            client.login(f"u1@{DOMAIN}", PASSWORD)
            client.sendmail(f"u1@{DOMAIN}", recipients, content or "Subject: hello\r\n\r\nthe text\r\n", mail_options, rcpt_options)

    def listed(self, *arguments):
        return json.loads(self.server.cli("queue", "list", "--json", *arguments).stdout)["queue"]

    def wait_for(self, condition, what, timeout=20):
        deadline = time.monotonic() + timeout
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"{what}\n{self.server.log()[-3000:]}")
            time.sleep(0.1)

    def inbox(self):
        with self.server.imap() as imap:
            imap.select("INBOX")
            count = int(imap.select("INBOX")[1][0])
            return [email.message_from_bytes(imap.fetch(str(n), "(BODY.PEEK[])")[1][0][1], policy=email.policy.default) for n in range(1, count + 1)]

    def test_commands_find_hold_release_and_remove(self):
        self.submit("ann@waits.test", "bob@waits2.test")
        self.submit("carl@waits.test")
        mine = self.listed("--domain", "waits.test")
        self.assertEqual([entry["recipients"] for entry in mine], [["ann@waits.test"], ["carl@waits.test"]])
        self.assertEqual(self.listed("--domain", "waits2.test")[0]["id"], mine[0]["id"])
        shown = json.loads(self.server.cli("queue", "show", mine[0]["id"], "--json").stdout)
        self.assertEqual([one["address"] for one in shown["recipients"]], ["ann@waits.test", "bob@waits2.test"])
        self.assertEqual(shown["submitter"], f"u1@{DOMAIN}")
        self.assertIn("ann@waits.test", self.server.cli("queue", "show", mine[0]["id"]).stdout)
        self.assertEqual(self.server.cli("queue", "show", "5", check=False).returncode, 1)
        held = self.server.cli("queue", "hold", "--domain", "waits.test").stdout
        self.assertEqual(held, "2 messages, 2 recipients held\n")
        self.assertEqual({entry["state"] for entry in self.listed("--domain", "waits.test")}, {"held"})
        self.assertEqual(len(self.listed("--state", "held")), 2)
        stats = json.loads(self.server.cli("queue", "stats", "--json").stdout)
        self.assertEqual((stats["held"], stats["messages"] >= 2), (2, True))
        self.server.cli("queue", "release", "--state", "held")
        self.assertEqual(self.listed("--state", "held"), [])
        self.server.cli("queue", "retry", mine[1]["id"])
        self.assertEqual(self.server.cli("queue", "remove", check=False).returncode, 1)
        self.server.cli("queue", "remove", mine[0]["id"], mine[1]["id"])
        self.assertEqual(self.listed("--domain", "waits.test"), [])
        self.assertIn("clean", self.server.cli("store", "check").stdout)

    def test_a_bounce_parses_and_says_what_happened(self):
        before = len(self.inbox())
        self.submit("who@refused.test", mail_options=["ENVID=abc+2B1", "RET=HDRS"], rcpt_options=["NOTIFY=FAILURE", "ORCPT=rfc822;Who@refused.test"])
        self.wait_for(lambda: len(self.inbox()) > before, "no report came")
        report = self.inbox()[-1]
        self.assertEqual(report.defects, [])
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        self.assertEqual(report["Return-Path"], "<>")
        self.assertEqual(report["Auto-Submitted"], "auto-replied")
        human, status, returned = report.get_payload()
        self.assertIn("nobody is there", human.get_content())
        self.assertEqual(status.get_content_type(), "message/delivery-status")
        about, who = status.get_payload()
        self.assertEqual(about["Reporting-MTA"], f"dns; mail.{DOMAIN}")
        self.assertEqual(about["Original-Envelope-Id"], "abc+1")
        self.assertEqual((who["Action"], who["Status"]), ("failed", "5.7.1"))
        self.assertEqual(who["Final-Recipient"], "rfc822; who@refused.test")
        self.assertEqual(who["Original-Recipient"], "rfc822; Who@refused.test")
        self.assertEqual(returned.get_content_type(), "text/rfc822-headers")
        self.assertIn("hello", returned.get_content())
        self.wait_for(lambda: not self.listed("--domain", "refused.test"), "it is still queued")

    def test_what_fails_for_now_is_tried_again_and_what_is_thrown_away_is_gone(self):
        self.submit("x@thrown.test", "y@waits.test")
        self.wait_for(lambda: self.listed("--recipient", "y@waits.test") and self.listed("--recipient", "y@waits.test")[0]["tries"] >= 2, "it was not tried twice", 60)
        entry = self.listed("--recipient", "y@waits.test")[0]
        self.assertEqual((entry["recipients"], entry["state"]), (["y@waits.test"], "waiting"))
        self.server.cli("queue", "remove", "--recipient", "y@waits.test")

    def test_what_was_queued_is_there_after_kill_9(self):
        self.submit("kept@waits.test")
        self.server.kill()
        self.server.start()
        self.assertEqual([entry["recipients"] for entry in self.listed("--recipient", "kept@")], [["kept@waits.test"]])
        self.server.cli("queue", "remove", "--recipient", "kept@")
        self.assertIn("clean", self.server.cli("store", "check").stdout)


if __name__ == "__main__":
    unittest.main()
