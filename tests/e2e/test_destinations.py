"""How the mail hosts of other domains are found and how safe the way there is, seen by `postrider destination test`: against
zones that Knot DNS signs, a second postrider as the host, and MTA-STS policies over HTTPS with a test CA (RFC 7672, 8461, 7505)."""
import hashlib
import http.server
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import BINARY, TOP, Server

KNOT = shutil.which("knotd") or "/usr/sbin/knotd"
KEYMGR = shutil.which("keymgr") or "/usr/sbin/keymgr"
HOSTS = ["mx1.net.test", "mx2.net.test", "mx3.net.test", "mta-sts.sts.net.test", "mta-sts.strict.net.test", "mta-sts.unlisted.net.test"]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, **options).stdout


def free_port():
    with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as udp:
        probe.bind(("127.0.0.1", 0))
        udp.bind(probe.getsockname())
        return probe.getsockname()[1]


def make_authority(directory):
    """A CA, and a certificate of it for HOSTS. Returns the digest of its public key, as TLSA has it with 3 1 1."""
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", "req", "-x509", *ec, "-days", "30", "-subj", "/CN=Test CA", "-keyout", directory / "ca.key", "-out", directory / "ca.pem")
    run("openssl", "req", *ec, "-subj", f"/CN={HOSTS[0]}", "-keyout", directory / "host.key", "-out", directory / "host.csr")
    names = directory / "names"
    names.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in HOSTS) + "\n")
    run("openssl", "x509", "-req", "-in", directory / "host.csr", "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
        "-CAcreateserial", "-days", "30", "-extfile", names, "-out", directory / "host.pem")
    pem = run("openssl", "x509", "-in", directory / "host.pem", "-noout", "-pubkey")
    return hashlib.sha256(run("openssl", "pkey", "-pubin", "-outform", "DER", input=pem)).hexdigest()


def zone_of(mail_port, digest):
    wrong = "00" * 32
    tlsa = f"_{mail_port}._tcp"
    return f"""$ORIGIN net.test.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
mx1 A 127.0.0.1
mx2 A 127.0.0.1
mx3 A 127.0.0.1
mx4 A 127.0.0.1
{tlsa}.mx1 TLSA 3 1 1 {digest}
{tlsa}.mx2 TLSA 3 1 1 {wrong}
dane MX 10 mx1
wrong MX 10 mx2
null MX 0 .
both MX 10 mx2
both MX 20 mx1
sts MX 10 mx3
_mta-sts.sts TXT "v=STSv1; id=1"
mta-sts.sts A 127.0.0.1
strict MX 10 mx4
_mta-sts.strict TXT "v=STSv1; id=1"
mta-sts.strict A 127.0.0.1
plain MX 10 mx4
"""


class Names:
    """Knot DNS with the signed zone net.test."""

    def __init__(self, directory, zone):
        self.directory, self.port = directory, free_port()
        (directory / "db").mkdir()
        (directory / "net.zone").write_text(zone)
        self.configuration = directory / "knot.conf"
        self.configuration.write_text(f"""server:
    listen: 127.0.0.1@{self.port}
    rundir: "{directory}"
log:
  - target: stderr
    any: info
database:
    storage: "{directory}/db"
policy:
  - id: test
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
  - domain: net.test
    file: "{directory}/net.zone"
    zonefile-sync: -1
    zonefile-load: whole
    dnssec-signing: on
    dnssec-policy: test
""")
        self.log = open(directory / "knot.log", "wb")
        self.process = subprocess.Popen([KNOT, "-c", str(self.configuration)], stdout=self.log, stderr=self.log)

    def anchor(self):
        """The DS records of the zone, once it is signed."""
        deadline = time.monotonic() + 20
        while True:
            done = subprocess.run([KEYMGR, "-c", str(self.configuration), "net.test", "ds"], capture_output=True, text=True)
            lines = [line for line in done.stdout.splitlines() if " DS " in line]
            if lines:
                return "\n".join(line.replace(" DS ", " IN DS ") for line in lines) + "\n"
            if time.monotonic() > deadline:
                raise AssertionError(done.stderr + Path(self.log.name).read_text(errors="replace"))
            time.sleep(0.1)

    def change(self, zone):
        """The zone as it is from now on; its serial number must have grown."""
        (self.directory / "net.zone").write_text(zone)
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


class Policies:
    """An HTTPS server with the same kind of policy for every domain; that of unlisted.net.test names another host."""

    def __init__(self, directory):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path == "/.well-known/mta-sts.txt"
                unlisted = self.headers.get("Host", "").startswith("mta-sts.unlisted.")
                mx = b"elsewhere.test" if unlisted else b"*.net.test"
                body = b"version: STSv1\nmode: enforce\nmx: " + mx + b"\nmax_age: 86400\n" if found else b""
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "host.pem", directory / "host.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@unittest.skipUnless(Path(KNOT).exists(), "knotd is not installed")
class Destinations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="postrider-names-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)
        digest = make_authority(cls.directory)
        theirs = cls.directory / "theirs.toml"
        theirs.write_text(f'hostname = "mx.net.test"\n[tls]\ncertificate = "{cls.directory}/host.pem"\nkey = "{cls.directory}/host.key"\n')
        cls.host = Server(arguments=["--config", str(theirs)]).start()
        cls.addClassCleanup(cls.host.remove)
        cls.policies = Policies(cls.directory)
        cls.addClassCleanup(cls.policies.stop)
        cls.names = Names(cls.directory, zone_of(cls.host.port("smtp"), digest))
        cls.addClassCleanup(cls.names.stop)
        (cls.directory / "anchor").write_text(cls.names.anchor())
        cls.server = cls.ours("anchor")

    @classmethod
    def ours(cls, anchor):
        """A postrider that asks our name server and trusts that anchor."""
        configuration = cls.directory / f"{anchor}.toml"
        configuration.write_text(f"""[dns]
servers = ["127.0.0.1:{cls.names.port}"]
special_names = ["test"]
trust_anchor = "{cls.directory / anchor}"
[outbound]
port = {cls.host.port("smtp")}
trusted_ca = "{cls.directory}/ca.pem"
mta_sts_port = {cls.policies.port}
""")
        server = Server(arguments=["--config", str(configuration)]).start()
        cls.addClassCleanup(server.remove)
        return server

    def look(self, domain, server=None):
        done = (server or self.server).cli("destination", "test", domain, "--json", check=False)
        reply = json.loads(done.stdout)
        return reply

    def only_host(self, domain):
        hosts = self.look(domain)["hosts"]
        self.assertEqual(len(hosts), 1, hosts)
        return hosts[0]

    def test_dane_verifies_the_right_key(self):
        view = self.look("someone@dane.net.test")
        self.assertTrue(view["validated"], view)
        host = view["hosts"][0]
        self.assertEqual(host["host"], "mx1.net.test")
        self.assertEqual(host["policy"], "DANE")
        self.assertTrue(host["usable"], host)
        self.assertTrue(host["tls"].endswith("(DANE)"), host)

    def test_dane_refuses_another_key(self):
        host = self.only_host("wrong.net.test")
        self.assertFalse(host["usable"], host)
        self.assertIn("cannot be verified (DANE)", host["problem"])

    def test_hosts_are_judged_one_by_one(self):
        hosts = self.look("both.net.test")["hosts"]
        self.assertEqual([(host["host"], host["usable"]) for host in hosts], [("mx2.net.test", False), ("mx1.net.test", True)])

    def test_mta_sts_verifies_the_name(self):
        host = self.only_host("sts.net.test")
        self.assertEqual(host["policy"], "MTA-STS (enforce)")
        self.assertTrue(host["tls"].endswith("(MTA-STS)"), host)

    def test_mta_sts_refuses_another_name(self):
        host = self.only_host("strict.net.test")
        self.assertFalse(host["usable"], host)
        self.assertIn("cannot be verified (MTA-STS)", host["problem"])

    def test_without_a_policy_tls_is_not_verified(self):
        host = self.only_host("plain.net.test")
        self.assertEqual(host["policy"], "none")
        self.assertTrue(host["usable"], host)
        self.assertTrue(host["tls"].endswith("(not verified)"), host)

    def test_null_mx_and_no_domain(self):
        self.assertIn("takes no mail", self.server.cli("destination", "test", "null.net.test", check=False).stderr)
        self.assertIn("does not exist", self.server.cli("destination", "test", "nothing.net.test", check=False).stderr)

    def test_a_zone_that_fails_validation_is_not_believed(self):
        (self.directory / "stranger").write_text(f"net.test. IN DS 1 13 2 {'ab' * 32}\n")
        done = self.ours("stranger").cli("destination", "test", "dane.net.test", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("DNSSEC", done.stderr)

    def test_a_report_of_another_host_is_read(self):
        report = TOP / "tests/fuzz/outbound_tls_report_fuzz/gzip"
        text = run(BINARY, "report", "tls", report).decode()
        self.assertIn("company-y.example (sts): 5326 connections were fine, 303 were not", text)

    def test_text_for_people(self):
        text = self.server.cli("destination", "test", "dane.net.test").stdout
        self.assertIn("HOST", text)
        self.assertIn("mx1.net.test", text)


if __name__ == "__main__":
    unittest.main()
