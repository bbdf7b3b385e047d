"""Logins with real clients, by every mechanism that they have: gsasl, msmtp, swaks, curl, imaplib, smtplib."""
import base64
import hashlib
import hmac
import json
import re
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from harness import DOMAIN, PASSWORD, TOP, ServerTest, any_certificate

ALL = '[auth]\nmechanisms = ["EXTERNAL", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"]\n'
# "test", as Courier keeps it for CRAM-MD5.
COURIER = "{HMAC-MD5PW}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6"


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


class Scram:
    """A client of SCRAM-SHA-256, written after RFC 5802 and 7677 and not after the server."""

    def __init__(self, user, password, binding=None):
        self.header = b"n,," if binding is None else b"p=tls-server-end-point,,"
        self.binding = binding or b""
        self.bare = f"n={user},r={base64.b64encode(hashlib.sha256(str(time.time_ns()).encode()).digest()).decode()}".encode()
        self.password = password.encode()
        self.step = 0
        self.verified = False

    def __call__(self, challenge):
        self.step += 1
        if self.step == 1:
            return self.header + self.bare
        if self.step == 2:
            fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
            without_proof = b"c=" + base64.b64encode(self.header + self.binding) + b",r=" + fields[b"r"]
            message = self.bare + b"," + challenge + b"," + without_proof
            salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields[b"s"]), int(fields[b"i"]))
            key = hmac.digest(salted, b"Client Key", "sha256")
            proof = xor(key, hmac.digest(hashlib.sha256(key).digest(), message, "sha256"))
            self.expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
            return without_proof + b",p=" + base64.b64encode(proof)
        self.verified = challenge == b"v=" + base64.b64encode(self.expected)
        return b""


def end_point(connection):
    """RFC 5929 §4.1 for a certificate that is signed with SHA-256."""
    return hashlib.sha256(connection.getpeercert(binary_form=True)).digest()


class Usual(ServerTest):
    """As it comes: SCRAM-SHA-256, PLAIN and LOGIN."""
    offered = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]

    def gsasl(self, protocol, mechanism, *arguments, password=PASSWORD, status=0):
        port = self.server.port("imap" if protocol == "--imap" else "submission")
        return self.run_client("gsasl", protocol, f"--connect=127.0.0.1:{port}", "-m", mechanism, "-a", f"u1@{DOMAIN}", "-z", "",
                               "-p", password, "--x509-ca-file=", "--verbose", *arguments, status=status, stdin=subprocess.DEVNULL)

    def test_gsasl_by_every_mechanism_with_tls_and_without(self):
        for protocol in ("--imap", "--smtp"):
            for mechanism in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"):
                with self.subTest(protocol=protocol, mechanism=mechanism):
                    out = self.gsasl(protocol, mechanism, *([] if "PLUS" in mechanism else ["--no-cb"]))
                    self.assertRegex(out, r"AUTHENTICATE completed|235 2\.7\.0")
            for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
                with self.subTest(protocol=protocol, mechanism=mechanism, tls=False):
                    self.gsasl(protocol, mechanism, "--no-starttls")

    def test_gsasl_with_a_wrong_password(self):
        for protocol in ("--imap", "--smtp"):
            for mechanism in ("SCRAM-SHA-256-PLUS", "PLAIN"):
                out = self.gsasl(protocol, mechanism, password="wrong", status=1)
                self.assertRegex(out, r"AUTHENTICATIONFAILED|535 5\.7\.8")

    def test_msmtp_by_scram(self):
        self.msmtp("scram-sha-256")

    def msmtp(self, method, user="u1", extra="", status=0):
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "msmtprc")
            config.write_text(f"account default\nhost 127.0.0.1\nport {self.server.port('submission')}\nfrom {user}@{DOMAIN}\nauth {method}\n"
                              f"user {user}@{DOMAIN}\npassword {PASSWORD}\ntls on\ntls_starttls on\ntls_certcheck off\n{extra}")
            config.chmod(0o600)
            return self.run_client("msmtp", "-C", config, f"u2@{DOMAIN}", input=f"Subject: by {method}\n\nhello\n", status=status)

    def test_imaplib_by_scram_with_the_servers_certificate_bound(self):
        import imaplib
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
            for password, good in ((PASSWORD, True), ("wrong", False)):
                with imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate()) as client:
                    self.assertIn(f"AUTH={mechanism}", client.capabilities)
                    binding = end_point(client.sock) if mechanism.endswith("PLUS") else None
                    scram = Scram(f"u1@{DOMAIN}", password, binding)
                    if good:
                        self.assertEqual(client.authenticate(mechanism, scram)[0], "OK")
                        self.assertTrue(scram.verified, "the server proves that it knows the password")
                        self.assertEqual(client.select()[0], "OK")
                    else:
                        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                            client.authenticate(mechanism, scram)

    def test_what_is_bound_to_another_certificate_is_refused(self):
        """Somebody in the middle, with a certificate of his own."""
        import imaplib
        with imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate()) as client:
            with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                client.authenticate("SCRAM-SHA-256-PLUS", Scram(f"u1@{DOMAIN}", PASSWORD, hashlib.sha256(b"another").digest()))

    def test_smtplib_by_scram_over_tls_1_2_and_1_3(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = any_certificate()
            context.minimum_version = context.maximum_version = version
            with self.server_submission() as client:
                client.starttls(context=context)
                client.ehlo()
                self.assertEqual(client.esmtp_features["auth"].split(), self.offered)
                client.user = f"u1@{DOMAIN}"
                scram = Scram(client.user, PASSWORD, end_point(client.sock))
                answer = lambda challenge=None: scram(challenge or b"").decode()
                self.assertEqual(client.auth("SCRAM-SHA-256-PLUS", answer, initial_response_ok=True)[0], 235)

    def server_submission(self):
        import smtplib
        return smtplib.SMTP("127.0.0.1", self.server.port("submission"), local_hostname="client.test", timeout=30)


class Every(Usual):
    """With what is off by default, and passwords that were brought along."""
    configuration = ALL
    offered = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bring({"courier": COURIER, "plain": "{PLAIN}" + PASSWORD,
                   "bcrypt": "{BLF-CRYPT}$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"})

    @classmethod
    def bring(cls, hashes):
        lines = [json.dumps({"address": f"{name}@{DOMAIN}", "hash": hashed}) for name, hashed in hashes.items()]
        cls.server.cli("account", "add", "--from-file", "-", input="\n".join(lines) + "\n")

    def test_the_hashes_of_the_documentation_are_brought_along(self):
        """Whatever scheme it is, the password is "secret"."""
        text = (TOP / "docs/operations.md").read_text()
        people, command = re.findall(r"^```(?:json|bash)\n(.*?)^```", text.partition("## Bring passwords along")[2], re.M | re.S)[:2]
        words = command.replace("people.jsonl", "-").replace("example.org", DOMAIN).split()
        self.server.cli(*words[1:], input=people.replace("example.org", DOMAIN))
        for line in people.splitlines():
            user = json.loads(line)["address"].partition("@")[0]
            with self.subTest(user):
                self.server.imap(user, "secret").logout()

    def test_gsasl_by_scram_sha_1(self):
        for protocol in ("--imap", "--smtp"):
            for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"):
                self.gsasl(protocol, mechanism, *([] if "PLUS" in mechanism else ["--no-cb"]))

    def test_msmtp_by_scram_sha_1_and_cram_md5(self):
        self.msmtp("scram-sha-1")
        self.msmtp("cram-md5", user="courier")
        self.msmtp("cram-md5", user="plain")

    def test_cram_md5_with_swaks_curl_imaplib_and_gsasl(self):
        import imaplib
        for user in ("courier", "plain"):
            address = f"{user}@{DOMAIN}"
            self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port('submission')}", "-tls", "-a", "CRAM-MD5", "-au", address,
                            "-ap", PASSWORD, "--from", address, "--to", f"u2@{DOMAIN}")
            self.run_client("curl", "-sS", "-k", f"imaps://127.0.0.1:{self.server.port('imaps')}/", "-u", f"{address}:{PASSWORD}",
                            "--login-options", "AUTH=CRAM-MD5")
            with imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate()) as client:
                self.assertEqual(client.login_cram_md5(address, PASSWORD)[0], "OK")

    def test_cram_md5_is_for_passwords_that_are_kept_for_it(self):
        out = self.run_client("swaks", "--server", f"127.0.0.1:{self.server.port('submission')}", "-tls", "-a", "CRAM-MD5", "-au",
                              f"u1@{DOMAIN}", "-ap", PASSWORD, "--from", f"u1@{DOMAIN}", "--to", f"u2@{DOMAIN}", status=28)
        self.assertIn("535", out)

    def test_a_password_that_was_brought_along_serves_scram_from_the_first_login_on(self):
        import imaplib

        def scram(password="secret"):
            with imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=any_certificate()) as client:
                client.authenticate("SCRAM-SHA-256", Scram(f"bcrypt@{DOMAIN}", password))

        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            scram()
        session = self.server.imap("bcrypt", "secret")
        deadline = time.monotonic() + 20
        while "directory.credential.renewed" not in self.server.log() and time.monotonic() < deadline:
            time.sleep(0.1)
        scram()
        self.assertEqual(session.select()[0], "OK", "the session that brought it about goes on")
        session.logout()


class ClientCertificates(ServerTest):
    """A listener that asks for certificates, and people who have one."""

    @classmethod
    def setUpClass(cls):
        held = tempfile.TemporaryDirectory()
        cls.addClassCleanup(held.cleanup)
        cls.keys = Path(held.name)
        cls.authority("ca")
        cls.certificate("u1", "ca", f"u1@{DOMAIN}")
        cls.authority("other")
        cls.certificate("stranger", "other", f"u1@{DOMAIN}")
        cls.configuration = "".join(f'[listener.{name}]\nclient_ca = "{cls.keys}/ca.pem"\n' for name in ("imaps", "submission", "imap"))
        super().setUpClass()

    @classmethod
    def openssl(cls, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=cls.keys, check=True, capture_output=True)

    @classmethod
    def authority(cls, name):
        cls.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                    f"{name}.pem", "-subj", f"/CN={name}", "-days", "2")

    @classmethod
    def certificate(cls, name, authority, address):
        cls.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                    "-subj", f"/CN={name}")
        (cls.keys / f"{name}.ext").write_text(f"subjectAltName=email:{address}\nextendedKeyUsage=clientAuth\n")
        cls.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2",
                    "-out", f"{name}.pem", "-extfile", f"{name}.ext")

    def imap(self, name=None):
        import imaplib
        context = any_certificate()
        if name:
            context.load_cert_chain(self.keys / f"{name}.pem", self.keys / f"{name}.key")
        return imaplib.IMAP4_SSL("127.0.0.1", self.server.port("imaps"), ssl_context=context)

    def test_imaplib_logs_in_by_certificate_alone(self):
        with self.imap("u1") as client:
            self.assertIn("AUTH=EXTERNAL", client.capabilities)
            self.assertEqual(client.authenticate("EXTERNAL", lambda _: b"")[0], "OK")
            self.assertEqual(client.select()[0], "OK")

    def test_the_certificate_is_for_its_own_address_only(self):
        import imaplib
        with self.imap("u1") as client, self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            client.authenticate("EXTERNAL", lambda _: f"u2@{DOMAIN}".encode())

    def test_who_has_no_certificate_logs_in_as_before(self):
        with self.imap() as client:
            self.assertNotIn("AUTH=EXTERNAL", client.capabilities)
            self.assertEqual(client.login(f"u1@{DOMAIN}", PASSWORD)[0], "OK")

    def test_a_certificate_of_another_authority_ends_the_connection(self):
        with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
            with self.imap("stranger") as client:
                client.noop()

    def test_msmtp_curl_and_gsasl_by_external(self):
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "msmtprc")
            config.write_text(f"account default\nhost 127.0.0.1\nport {self.server.port('submission')}\nfrom u1@{DOMAIN}\nauth external\n"
                              f"user u1@{DOMAIN}\ntls on\ntls_certcheck off\ntls_cert_file {self.keys}/u1.pem\n"
                              f"tls_key_file {self.keys}/u1.key\n")
            config.chmod(0o600)
            self.run_client("msmtp", "-C", config, f"u2@{DOMAIN}", input="Subject: by certificate\n\nhello\n")
        self.run_client("curl", "-sS", "-k", f"imaps://127.0.0.1:{self.server.port('imaps')}/", "--cert", self.keys / "u1.pem", "--key",
                        self.keys / "u1.key", "--login-options", "AUTH=EXTERNAL", "-u", f"u1@{DOMAIN}:")
        self.run_client("gsasl", "--imap", f"--connect=127.0.0.1:{self.server.port('imap')}", "-m", "EXTERNAL", "-z", f"u1@{DOMAIN}",
                        "--x509-ca-file=", f"--x509-cert-file={self.keys}/u1.pem", f"--x509-key-file={self.keys}/u1.key",
                        stdin=subprocess.DEVNULL)
