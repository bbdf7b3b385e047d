"""Two postriders that mail each other over verified TLS: one is protected by DANE, the other by MTA-STS. What must not be sent is held
back, its sender is told, and the domains hear of it by TLS-RPT (RFC 7672, 8461, 8460, 3464)."""
import datetime
import email
import email.policy
import imaplib
import json
import shutil
import smtplib
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import Server, any_certificate
from test_certificates import until
from test_destinations import KNOT, Names, Policies, make_authority

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
BOB, ANN = "bob@sts.net.test", "ann@dane.net.test"
HELD = {"ann@wrong.net.test": "cannot be verified (DANE)", "x@strict.net.test": "cannot be verified (MTA-STS)",
        "x@unlisted.net.test": "policy"}


def zone(port, digest, serial, wrong):
    """mx1 is the server that DANE protects, mx3 the other; mx2 and mx4 are where no mail may be sent. Nothing is kept for long."""
    held = "\n".join(f'_smtp._tls.{domain} TXT "v=TLSRPTv1; rua=mailto:{ANN}"' for domain in ("wrong", "strict", "unlisted"))
    return f"""$ORIGIN net.test.
$TTL 1
@ SOA ns hostmaster {serial} 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
mx1 A 127.0.0.1
mx2 A 127.0.0.1
mx3 A 127.0.0.1
mx4 A 127.0.0.1
_{port}._tcp.mx1 TLSA 3 1 1 {digest}
_{port}._tcp.mx2 TLSA 3 1 1 {wrong}
dane MX 10 mx1
wrong MX 10 mx2
sts MX 10 mx3
strict MX 10 mx4
unlisted MX 10 mx4
_mta-sts.sts TXT "v=STSv1; id=1"
_mta-sts.strict TXT "v=STSv1; id=1"
_mta-sts.unlisted TXT "v=STSv1; id=1"
mta-sts.sts A 127.0.0.1
mta-sts.strict A 127.0.0.1
mta-sts.unlisted A 127.0.0.1
{held}
"""


class Side:
    """A server with one account, and its user."""

    def __init__(self, test, hostname, address):
        self.test, self.hostname, self.address = test, hostname, address
        self.configuration = test.directory / f"{hostname}.toml"
        self.configuration.write_text("")
        self.server = Server(users=0, arguments=["--config", str(self.configuration)])
        test.addCleanup(self.server.remove)

    def start(self, port_of_the_other, names, policies):
        directory = self.test.directory
        self.configuration.write_text(f"""hostname = "{self.hostname}"
[tls]
certificate = "{directory}/host.pem"
key = "{directory}/host.key"
[dns]
servers = ["127.0.0.1:{names.port}"]
special_names = ["test"]
trust_anchor = "{directory}/anchor"
[outbound]
port = {port_of_the_other}
trusted_ca = "{directory}/ca.pem"
mta_sts_port = {policies.port}
[queue]
retry = ["10s"]
warn = "1s"
expire = "1h"
""")
        self.server.start()
        self.server.cli("domain", "add", self.address.partition("@")[2])
        self.server.cli("account", "add", self.address, "--password", "password-of-the-user")

    def submit(self, to, subject):
        with smtplib.SMTP_SSL("127.0.0.1", self.server.port("submissions"), context=any_certificate()) as client:
            client.login(self.address, "password-of-the-user")
            client.sendmail(self.address, [to], f"From: {self.address}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nhello\r\n")

    def messages(self):
        with imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate()) as client:
            client.login(self.address, "password-of-the-user")
            client.select("INBOX")
            data = client.fetch("1:*", "(BODY.PEEK[])")[1] if client.search(None, "ALL")[1][0] else []
            return [email.message_from_bytes(part[1], policy=email.policy.default) for part in data if isinstance(part, tuple)]

    def has(self, subject):
        return any(one["Subject"] == subject for one in self.messages())

    def until(self, what, timeout=20):
        until(what, self.server.log, timeout)

    def queued(self):
        """Recipients that wait, and why."""
        waiting = {}
        for entry in json.loads(self.server.cli("queue", "list", "--json").stdout)["queue"]:
            for one in json.loads(self.server.cli("queue", "show", entry["id"], "--json").stdout)["recipients"]:
                waiting[one["address"]] = one
        return waiting

    def reports(self, action):
        """The delivery reports of that action, by recipient: the machine's part and the whole."""
        found = {}
        for message in self.messages():
            if message.get_content_type() != "multipart/report":
                continue
            status = message.get_payload(1)
            for fields in status.get_payload()[1:]:
                if fields["Action"] == action:
                    found[fields["Final-Recipient"].partition("; ")[2]] = (fields, message)
        return found


@unittest.skipUnless(Path(KNOT).exists() and FAKETIME, "knotd or faketime is not installed")
class TwoServers(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="postrider-two-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.digest = make_authority(self.directory)
        self.policies = Policies(self.directory)
        self.addCleanup(self.policies.stop)
        self.bob, self.ann = Side(self, "mx3.net.test", BOB), Side(self, "mx1.net.test", ANN)
        port = self.ann.server.port("smtp")
        self.zone = lambda serial, wrong: zone(port, self.digest, serial, wrong)
        self.names = Names(self.directory, self.zone(1, "00" * 32))
        self.addCleanup(self.names.stop)
        (self.directory / "anchor").write_text(self.names.anchor())
        self.bob.start(port, self.names, self.policies)
        self.ann.start(self.bob.server.port("smtp"), self.names, self.policies)
        self.ann.server.cli("domain", "add", "wrong.net.test", "--alias-of", "dane.net.test")

    def check_report(self, fields, message, recipient, action, subject):
        """RFC 3464, as Python's parser sees it."""
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(message.get_param("report-type"), "delivery-status")
        self.assertEqual(message["Return-Path"], "<>")
        self.assertEqual([part.get_content_type() for part in message.iter_parts()][:2], ["text/plain", "message/delivery-status"])
        self.assertEqual(fields["Action"], action)
        self.assertRegex(fields["Status"], r"^4\.")
        about = message.get_payload(1).get_payload(0)
        self.assertEqual(about["Reporting-MTA"], "dns; mx3.net.test")
        self.assertIn(recipient, message.get_payload(0).get_content())
        returned = message.get_payload(2)
        if returned.get_content_type() == "text/rfc822-headers":
            returned = email.message_from_bytes(returned.get_payload(decode=True), policy=email.policy.default)
        else:
            self.assertEqual(returned.get_content_type(), "message/rfc822")
            returned = returned.get_payload(0)
        self.assertEqual(returned["Subject"], subject)

    def test_mail_goes_over_verified_tls_or_not_at_all(self):
        bob, ann = self.bob, self.ann
        bob.submit(ANN, "over DANE")
        ann.until(lambda: ann.has("over DANE"))
        ann.submit(BOB, "over MTA-STS")
        bob.until(lambda: bob.has("over MTA-STS"))
        self.assertIn("(DANE)", bob.server.cli("trace", ANN).stdout)
        self.assertIn("(MTA-STS)", ann.server.cli("trace", BOB).stdout)

        # What must not be sent is held back, and says why.
        for number, recipient in enumerate(HELD):
            bob.submit(recipient, f"held {number}")
        bob.until(lambda: sum(one["tries"] > 0 for one in bob.queued().values()) == len(HELD))
        for recipient, why in HELD.items():
            self.assertIn(why, bob.queued()[recipient]["reason"])
            self.assertIn(bob.queued()[recipient]["state"], ("waiting", "active", "ready"))
        self.assertEqual(sum(one["Subject"].startswith("held") for one in ann.messages()), 0)

        # Its sender is told that it takes longer.
        bob.until(lambda: set(bob.reports("delayed")) == set(HELD), 60)
        for number, recipient in enumerate(HELD):
            fields, message = bob.reports("delayed")[recipient]
            self.check_report(fields, message, recipient, "delayed", f"held {number}")
            self.assertTrue(fields["Will-Retry-Until"])

        # Mended, it arrives by itself.
        self.names.change(self.zone(2, self.digest))
        ann.until(lambda: ann.has("held 0"), 60)
        self.assertIn("(DANE)", bob.server.cli("trace", "ann@wrong.net.test").stdout)

        # A day later what could not be sent goes back, and the domains get their reports.
        bob.server.stop()
        noon = datetime.datetime.now(datetime.UTC).replace(hour=12, minute=0, second=0) + datetime.timedelta(days=1)
        seconds = int((noon - datetime.datetime.now(datetime.UTC)).total_seconds())
        bob.server.environment |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"+{seconds}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        bob.server.start()
        bob.until(lambda: len(bob.reports("failed")) == 2, 90)
        for number, recipient in list(enumerate(HELD))[1:]:
            fields, message = bob.reports("failed")[recipient]
            self.check_report(fields, message, recipient, "failed", f"held {number}")
            self.assertEqual(fields["Status"], "4.4.7")
        self.assertEqual(bob.queued(), {})

        def reported():
            rows = {}
            for row in json.loads(ann.server.cli("report", "list", ANN, "--json").stdout)["reports"]:
                rows.setdefault(row["domain"], []).append(row)
            return rows
        ann.until(lambda: set(reported()) >= {"wrong.net.test", "strict.net.test", "unlisted.net.test"}, 120)
        rows = reported()
        self.assertEqual({domain: {row["policy"] for row in some} for domain, some in rows.items()},
                         {"wrong.net.test": {"tlsa"}, "strict.net.test": {"sts"}, "unlisted.net.test": {"sts"}})
        # Its policy before and behind the change.
        self.assertEqual([(row["failed"] > 0, row["successful"] > 0) for row in sorted(rows["wrong.net.test"], key=lambda row: row["successful"])],
                         [(True, False), (False, True)])
        for domain, kind in (("strict.net.test", "certificate-host-mismatch"), ("unlisted.net.test", "validation-failure")):
            self.assertEqual({failure["type"] for row in rows[domain] for failure in row["failures"]}, {kind})
        text = ann.server.cli("report", "list", ANN).stdout
        self.assertRegex(text, r"strict\.net\.test +sts +0 +\d+ +\d+ certificate-host-mismatch at mx4\.net\.test")
        for side in (bob, ann):
            side.server.stop()
            self.assertIn("clean", side.server.store_check())


if __name__ == "__main__":
    unittest.main()
