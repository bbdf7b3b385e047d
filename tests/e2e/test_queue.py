"""The queue of a running server: what its commands show and change, and reports as a mail program reads them."""
import email
import email.policy
import json
import smtplib
import time
import unittest

from harness import DOMAIN, PASSWORD, ServerTest

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

    def sends(self):
        if "queue.start" not in self.server.log():
            self.skipTest("nothing sends in this build")

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
        self.sends()
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
        self.sends()
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
