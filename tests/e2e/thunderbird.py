"""Thunderbird without a screen, driven by Marionette (the remote control that Mozilla's programs bring along): JSON over
TCP, each message with its length in front. Scripts run with the rights of Thunderbird itself, so they call what its
buttons call."""
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness import DOMAIN, PASSWORD

START = 60  # seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Thunderbird:
    """One account on `server`: IMAP by TLS or STARTTLS, submission the same. Use as a context manager."""

    def __init__(self, server, user="u1", implicit_tls=True):
        self.profile = Path(tempfile.mkdtemp(prefix="postrider-thunderbird-"))
        self.port = free_port()
        self.server = server
        self.user = f"{user}@{DOMAIN}"
        socket_type = 3 if implicit_tls else 2
        preferences = {
            "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False, "marionette.port": self.port,
            "mail.accountmanager.accounts": "account1", "mail.accountmanager.defaultaccount": "account1",
            "mail.account.account1.server": "server1", "mail.account.account1.identities": "id1",
            "mail.server.server1.type": "imap", "mail.server.server1.hostname": "localhost",
            "mail.server.server1.port": server.port("imaps" if implicit_tls else "imap"), "mail.server.server1.userName": self.user,
            "mail.server.server1.socketType": socket_type, "mail.server.server1.authMethod": 3, "mail.server.server1.login_at_startup": False,
            "mail.server.server1.name": "test", "mail.smtpservers": "smtp1", "mail.smtp.defaultserver": "smtp1",
            "mail.smtpserver.smtp1.hostname": "localhost",
            "mail.smtpserver.smtp1.port": server.port("submissions" if implicit_tls else "submission"),
            "mail.smtpserver.smtp1.username": self.user, "mail.smtpserver.smtp1.try_ssl": socket_type, "mail.smtpserver.smtp1.authMethod": 3,
            "mail.identity.id1.useremail": self.user, "mail.identity.id1.fullName": "A User", "mail.identity.id1.smtpServer": "smtp1",
            "mail.identity.id1.fcc_folder": f"imap://{self.user.replace('@', '%40')}@localhost/Sent", "mail.identity.id1.doFcc": True,
            "mail.shell.checkDefaultClient": False, "mail.spotlight.firstRunDone": True, "mail.provider.suppress_dialog_on_startup": True,
            "mailnews.start_page.enabled": False, "network.dns.disableIPv6": True, "toolkit.telemetry.reportingpolicy.firstRun": False,
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
        (self.profile / "user.js").write_text("".join(lines))
        self.process = self.connection = None
        self.commands = 0

    def __enter__(self):
        self.log = open(self.profile / "log", "wb")
        self.process = subprocess.Popen(["thunderbird", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", str(self.profile)],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
                                        env={"HOME": str(self.profile), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"})
        try:
            self.connect()
            self.prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.connection:
            self.connection.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def connect(self):
        deadline = time.monotonic() + START
        while True:
            try:
                self.connection = socket.create_connection(("127.0.0.1", self.port), 5)
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError(f"Thunderbird does not start:\n{(self.profile / 'log').read_text(errors='replace')[-3000:]}") from None
                time.sleep(0.2)
        self.connection.settimeout(120)
        self.stream = self.connection.makefile("rb")
        self.receive()  # its greeting
        self.command("WebDriver:NewSession", {})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": 60_000})

    def receive(self):
        length = b""
        while not length.endswith(b":"):
            byte = self.stream.read(1)
            assert byte, "Thunderbird has closed its remote control"
            length += byte
        return json.loads(self.stream.read(int(length[:-1])))

    def command(self, name, parameters):
        self.commands += 1
        text = json.dumps([0, self.commands, name, parameters]).encode()
        self.connection.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = self.receive()
        assert number == self.commands and not error, f"{name}: {error and error['message']}\n{error and error.get('stacktrace')}"
        return result

    def run(self, script, *arguments):
        """The body of an async function with `args`; what it returns."""
        wrapped = """
            const done = arguments[arguments.length - 1], args = Array.from(arguments).slice(0, -1);
            const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            const server = MailServices.accounts.accounts[0].incomingServer;
            const inbox = () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
            const folder = name => server.rootFolder.getChildNamed(name);
            const finished = start => new Promise((resolve, reject) => start({
              QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener", "nsIMsgSendListener"]),
              OnStartRunningUrl() {},
              OnStopRunningUrl(url, status) { status ? reject(new Error("status " + status.toString(16))) : resolve(); },
              onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
              onStopCopy(status) { status ? reject(new Error("status " + status.toString(16))) : resolve(); },
            }));
            const update = f => finished(l => f.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, l));
            const until = async (what, test) => {
              const end = Date.now() + 30000;
              while (!test()) {
                if (Date.now() > end) throw new Error("in vain: " + what);
                await new Promise(r => setTimeout(r, 50));
              }
            };
            const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
            const messages = f => Array.from(f.msgDatabase.enumerateMessages());
            (async () => {""" + script + """})().then(value => done({ value }), error => done({ error: String(error) + "\\n" + error.stack }));
        """
        result = self.command("WebDriver:ExecuteAsyncScript", {"script": wrapped, "args": list(arguments), "newSandbox": True})["value"]
        assert "error" not in result, result["error"]
        return result.get("value")

    def prepare(self):
        """The password, as a user has it kept; and the server's own certificate, as one accepts it."""
        ports = [self.server.port(name) for name in ("imap", "imaps", "submission", "submissions")]
        certificate = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port('imaps')}"], input=b"",
                                     capture_output=True).stdout.decode()
        lines = certificate[certificate.index("-----BEGIN CERTIFICATE-----"):certificate.index("-----END CERTIFICATE-----")].split("\n")[1:]
        self.run("""
            const [user, password, ports, certificate] = args;
            for (const scheme of ["imap", "smtp"]) {
              const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
              login.init(scheme + "://localhost", null, scheme + "://localhost", user, password, "", "");
              await Services.logins.addLoginAsync(login);
            }
            const x509 = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(certificate);
            const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
            for (const port of ports) overrides.rememberValidityOverride("localhost", port, {}, x509, true);
            server.rootFolder;  // as when the account is opened
        """, self.user, PASSWORD, ports, "".join(lines))

    def quit(self):
        self.command("Marionette:Quit", {"flags": ["eForceQuit"]})
        self.process.wait(30)
