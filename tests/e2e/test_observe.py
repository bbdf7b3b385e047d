"""What can be seen of a running server: its log as it is followed, in the journal, and its metrics as Prometheus reads them."""
import base64
import imaplib
import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, DOMAIN, PASSWORD, ServerTest, any_certificate, message


def scrape(server):
    done = subprocess.run(["curl", "-sS", f"http://127.0.0.1:{server.port('metrics')}/metrics"], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def value(text, series):
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
    return float(found.group(1)) if found else None


class Follower:
    """`postrider log follow` beside the server."""

    def __init__(self, server, *arguments):
        self.process = subprocess.Popen([BINARY, "log", "follow", "--dir", server.directory, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []

    def until(self, word):
        """Reads to the line with this word, and returns it."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if word in line:
                return self.lines[-1]
        raise AssertionError(f"no line with {word}: {self.lines} {self.process.stderr.read()}")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)


class Observed(ServerTest):
    def test_the_metrics_are_what_prometheus_reads_and_count_what_happens(self):
        before = scrape(self.server)
        for number in range(3):
            self.server.send(message(number, 3000))
        with self.server.smtp() as client:
            client.ehlo()
            client.mail("x@elsewhere.test")
            self.assertEqual(client.rcpt(f"nobody@{DOMAIN}")[0], 550)
        with self.server.imap() as client:
            client.select("INBOX")
            client.fetch("1:*", "(BODY.PEEK[])")
        with self.assertRaises(imaplib.IMAP4.error):
            self.server.imap(password="wrong")
        after = scrape(self.server)
        for text in (before, after):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        for series, more in (('postrider_smtp_messages_total{service="mx",result="accepted"}', 3),
                             ('postrider_smtp_recipients_total{service="mx",result="refused"}', 1),
                             ('postrider_smtp_commands_total{service="mx",verb="DATA"}', 3),
                             ('postrider_delivery_recipients_total{result="filed"}', 3),
                             ("postrider_delivery_seconds_count", 3),
                             ('postrider_imap_logins_total{result="accepted"}', 1),
                             ('postrider_imap_logins_total{result="refused"}', 1),
                             ('postrider_imap_commands_total{verb="SELECT",result="ok"}', 1),
                             ('postrider_connections_total{listener="smtp"}', 4),
                             ('postrider_connections_total{listener="imaps"}', 2)):
            self.assertEqual(value(after, series) - value(before, series), more, series)
        for series in ('postrider_tls_handshakes_total{result="full"}', "postrider_store_commit_seconds_count", "postrider_imap_sent_bytes_total",
                       "postrider_store_group_writes_count", "process_cpu_seconds_total"):
            self.assertGreater(value(after, series), value(before, series) or 0, series)
        rss = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.server.pid}/status").read_text()).group(1)) * 1024
        self.assertAlmostEqual(value(after, "process_resident_memory_bytes") / rss, 1, delta=0.3)
        self.assertGreater(value(after, 'postrider_certificate_expiry_timestamp_seconds{certificate="default"}'), time.time())
        self.assertIsNotNone(value(after, 'postrider_loop_lag_seconds{loop="0"}'))

    def test_a_scraper_may_keep_its_connection_and_others_get_nothing_else(self):
        port = self.server.port("metrics")
        out = self.run_client("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n", f"http://127.0.0.1:{port}/metrics",
                              "-o", "/dev/null", f"http://127.0.0.1:{port}/metrics")
        self.assertEqual(out, "200 1\n200 0\n")
        self.assertTrue(self.run_client("curl", "-sS", "-I", f"http://127.0.0.1:{port}/metrics").startswith("HTTP/1.1 200 OK"))
        for more, status in (([f"http://127.0.0.1:{port}/"], "404"), (["-X", "POST", f"http://127.0.0.1:{port}/metrics"], "405"),
                             (["-H", f"X: {'x' * 20_000}", f"http://127.0.0.1:{port}/metrics"], "431")):
            self.assertEqual(self.run_client("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *more), status)
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            self.assertTrue(client.makefile("rb").readline().startswith(b"HTTP/1.1 400 "))

    def test_a_message_is_followed_through_the_log(self):
        follower = Follower(self.server, "--level", "debug")
        try:
            time.sleep(0.5)
            with smtplib.SMTP("127.0.0.1", self.server.port("submission")) as client:
                client.starttls(context=any_certificate())
                client.login(f"u1@{DOMAIN}", PASSWORD)
                client.sendmail(f"u1@{DOMAIN}", [f"u2@{DOMAIN}", "somebody@elsewhere.test"],
                                message(1).replace("From: sender@elsewhere.test", f"From: u1@{DOMAIN}"))
            accepted = follower.until("smtp.message.accepted")
            follower.until("net.connection.closed")
            session = re.search(r" session=(\d+)", accepted).group(1)
            mine = [line for line in follower.lines if f"session={session} " in line + " "]
            for event in ("net.connection.opened", "tls.handshake", "smtp.command", "smtp.auth", "delivery.queued", "smtp.message.accepted", "net.connection.closed"):
                self.assertTrue(any(f" {event} " in line for line in mine), f"{event} has no session={session}: {follower.lines}")
            queued = next(line for line in mine if " delivery.queued " in line)
            self.assertEqual(re.search(r" id=(\S+)", queued).group(1), re.search(r" id=(\S+)", accepted).group(1))
            self.assertIn(f"user=u1@{DOMAIN}", accepted)
            self.assertIn("tls=TLSv1.3", accepted)
            self.assertTrue(any(line.endswith(" verb=AUTH argument=PLAIN") for line in mine), mine)
            self.assertNotIn(base64.b64encode(f"\0u1@{DOMAIN}\0{PASSWORD}".encode()).decode(), "\n".join(follower.lines))
        finally:
            follower.end()
        # Nobody follows any more, and the server's own log has kept to its level.
        self.assertNotIn(" debug ", self.server.log())

    def test_a_follower_gets_json_and_only_what_it_asked_for(self):
        follower = Follower(self.server, "--json", "smtp.message.accepted")
        try:
            time.sleep(0.5)
            self.server.send(message(2))
            line = json.loads(follower.until("smtp.message.accepted"))
            self.assertEqual((line["event"], line["level"], line["to"]), ("smtp.message.accepted", "info", f"u1@{DOMAIN}"))
            self.assertEqual(len(follower.lines), 1)
        finally:
            follower.end()

    def test_the_level_changes_at_once_and_for_some_events(self):
        self.assertRegex(self.server.cli("log", "level").stdout, r"all +info")
        try:
            self.server.cli("log", "level", "debug", "smtp")
            self.server.send(message(3))
            self.assertIn(" debug smtp.command ", self.server.log())
            self.assertNotIn(" debug net.connection", self.server.log())
        finally:
            self.server.cli("log", "level", "info")
        self.assertEqual(json.loads(self.server.cli("log", "level", "--json").stdout), {"levels": [{"events": "all", "level": "info"}]})
        done = self.server.cli("log", "level", "loud", check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "postrider: a level is debug, info, warning or error\n"))

    def test_guessers_do_not_fill_the_log(self):
        with self.server.smtp() as client:
            client.ehlo()
            for _ in range(6):
                client.mail("x@elsewhere.test")
                for number in range(15):
                    client.rcpt(f"guess{number}@{DOMAIN}")
                client.close()
                client.connect("127.0.0.1", self.server.port("smtp"))
                client.ehlo()
        time.sleep(1.1)
        self.server.send(message(4))
        log = self.server.log()
        self.assertIn("event=smtp.rcpt.refused", log)
        told = sum(int(count) for count in re.findall(r"log.suppressed event=smtp.rcpt.refused count=(\d+)", log))
        self.assertEqual(told + len(re.findall(r"info smtp.rcpt.refused .*address=guess", log)), 90)


class InTheJournal(unittest.TestCase):
    def test_the_journal_gets_fields_when_standard_error_leads_there(self):
        if os.geteuid() != 0:
            self.assertFalse(os.environ.get("CI"), "CI has root")
            self.skipTest("a /run of one's own needs root")
        script = """
import os, queue, socket, subprocess, sys, threading
os.makedirs("/run/systemd/journal")
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
lines = queue.Queue()
def read():
    while True:
        lines.put(journal.recv(65536).decode())
threading.Thread(target=read, daemon=True).start()
error = os.fstat(2)
run = subprocess.Popen([sys.argv[1], "dev", "--dir", sys.argv[2], "--base-port", "21000"], stdout=subprocess.PIPE,
                       env={**os.environ, "JOURNAL_STREAM": f"{error.st_dev}:{error.st_ino}"})
try:
    assert run.stdout.readline() == b"ready\\n"
    first = lines.get(timeout=20)
    print(first)
    assert "PRIORITY=6\\nMESSAGE=app.start version=" in first and "\\nPOSTRIDER_HOSTNAME=mail.example.test\\n" in first
finally:
    run.terminate()
    assert run.wait(30) == 0
"""
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run(["unshare", "--mount", "--net", "bash", "-ec", 'mount -t tmpfs tmpfs /run; ip link set lo up; exec /usr/bin/python3 -c "$0" "$@"',
                                   script, str(BINARY), directory], capture_output=True, text=True, timeout=90)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
