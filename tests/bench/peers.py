"""scripts/bench-peers: Postfix and Dovecot beside postrider under the same loads in one run."""
import argparse
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from measure import TOP, fetch_load, load, show, smtp_load
from peers_imap import compare_imap
from peers_relay import compare_relay

from bench import FETCHES, USERS, server
from harness import DOMAIN, PASSWORD, free_base_port


class Peers:
    """Postfix receives and hands over by LMTP to Dovecot, which keeps Maildirs; each with its own configuration directory."""

    def __init__(self, users, sinks=()):
        """`sinks`: the ports that mail for d0.far.test, d1.far.test, … of hosts of this machine is sent on to."""
        self.directory = Path(tempfile.mkdtemp(prefix="peers-", dir="/var/tmp"))
        self.directory.chmod(0o755)
        self.base = free_base_port()
        self.users = users
        self.sinks = sinks
        self.processes = []

    def port(self, name):
        return self.base + {"smtp": 25, "imap": 143, "imaps": 993}[name]

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self):
        mail = self.directory / "mail"
        mail.mkdir()
        owner = pwd.getpwnam("nobody")
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        self.write("passwd", "".join(f"u{i + 1}@{DOMAIN}:{{PLAIN}}{PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::{mail}/u{i + 1}::\n"
                                     for i in range(self.users)))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                        f"/CN=mail.{DOMAIN}", "-keyout", self.directory / "tls.key", "-out", self.directory / "tls.pem"],
                       check=True, capture_output=True)
        dovecot = self.write("dovecot/dovecot.conf", f"""
base_dir = {self.directory}/run
state_dir = {self.directory}/state
log_path = {self.directory}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.directory}/tls.pem
ssl_key = <{self.directory}/tls.key
disable_plaintext_auth = no
mail_max_userip_connections = 10000
protocol imap {{
  mail_max_userip_connections = 10000
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_fsync = always
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
passdb {{
  driver = passwd-file
  args = {self.directory}/passwd
}}
userdb {{
  driver = passwd-file
  args = {self.directory}/passwd
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port('imap')}
  }}
  inet_listener imaps {{
    port = {self.port('imaps')}
    ssl = yes
  }}
  service_count = 0
  client_limit = 4000
  process_limit = 4
}}
service imap {{
  process_limit = 4000
}}
default_client_limit = 8000
service anvil {{
  chroot =
}}
service lmtp {{
  unix_listener {self.directory}/lmtp {{
    mode = 0666
  }}
}}
""")
        queue = self.directory / "queue"
        queue.mkdir()
        (self.directory / "data").mkdir()
        os.chown(self.directory / "data", pwd.getpwnam("postfix").pw_uid, -1)
        self.write("postfix/main.cf", f"""
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {self.directory}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.{DOMAIN}
mydestination =
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = regexp:{self.directory}/postfix/users
virtual_transport = lmtp:unix:{self.directory}/lmtp
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
transport_maps = regexp:{self.directory}/postfix/sinks
maillog_file_prefixes = {self.directory}
maillog_file = {self.directory}/postfix.log
import_environment = MAIL_CONFIG={self.directory}/postfix
smtputf8_enable = no
smtpd_client_connection_count_limit = 0
message_size_limit = 26214400
mailbox_size_limit = 0
virtual_mailbox_limit = 0
alias_maps =
""")
        self.write("postfix/users", f"/^u[0-9]+@{DOMAIN.replace('.', chr(92) + '.')}$/ ok\n")
        self.write("postfix/sinks", "".join(f"/@d{number}[.]far[.]test$/ smtp:[127.0.0.1]:{port}\n" for number, port in enumerate(self.sinks)))
        inet = f"127.0.0.1:{self.port('smtp')}"
        services = [f"{inet} inet n - n - 100 smtpd", "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
                    "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
                    "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify", "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap",
                    "lmtp unix - - n - - lmtp", "error unix - - n - - error", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache",
                    "tlsmgr unix - - n 1000? 1 tlsmgr", "postlog unix-dgram n - n - 1 postlogd", "showq unix n - n - - showq", "smtp unix - - n - - smtp"]
        self.write("postfix/master.cf", "\n".join(services) + "\n")
        self.processes.append(subprocess.Popen(["dovecot", "-F", "-c", str(dovecot)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        subprocess.run(["postfix", "-c", str(self.directory / "postfix"), "check"], capture_output=True)
        self.processes.append(subprocess.Popen(["postfix", "-c", str(self.directory / "postfix"), "start-fg"], stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + 30
        while True:
            try:
                load("smtp", "--port", self.port("smtp"), "--sessions", 1, "--count", 1, "--users", 1, "--domain", DOMAIN)
                load("imap", "--port", self.port("imap"), "--user", f"u1@{DOMAIN}", "--command", "NOOP")
                return self
            except SystemExit as error:
                if time.monotonic() > deadline:
                    logs = "".join(path.read_text()[-2000:] for path in self.directory.glob("*.log"))
                    raise SystemExit(f"{error}\n{logs}") from None
                time.sleep(0.5)

    @property
    def roots(self):
        return [process.pid for process in self.processes]

    def drained(self):
        """Waits until Postfix has handed over everything; what it acknowledged counts as work until then."""
        for _ in range(600):
            queue = self.directory / "queue"
            if not any(path.is_file() for name in ("incoming", "active", "deferred") for path in (queue / name).rglob("*")):
                return
            time.sleep(0.5)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        # What start-fg has started is no process of ours, and does not end with it.
        subprocess.run(["postfix", "-c", str(self.directory / "postfix"), "stop"], capture_output=True)
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    rows = []
    for size, sessions in ((4096, 1), (4096, 10), (4096, 50), (51_200, 10), (1 << 20, 10)):
        with server() as ours:
            row = smtp_load(ours.port("smtp"), [ours.pid], sessions, size, options.seconds, USERS, DOMAIN)
            rows.append({"SMTP": "postrider", "bytes": size, "sessions": sessions, **row})
        with Peers(USERS) as peers:
            row = smtp_load(peers.port("smtp"), peers.roots, sessions, size, options.seconds, USERS, DOMAIN)
            peers.drained()
            rows.append({"SMTP": "Postfix + Dovecot", "bytes": size, "sessions": sessions, **row})
    show("SMTP to mailbox", rows)

    fetches = []
    with server(users=1) as ours, Peers(1) as peers:
        sides = {"postrider": (ours, [ours.pid]), "Dovecot": (peers, peers.roots)}
        for side, _ in sides.values():
            load("smtp", "--port", side.port("smtp"), "--sessions", 10, "--size", 4096, "--count", 20_000, "--users", 1, "--domain", DOMAIN)
        peers.drained()
        for name, command, rounds in FETCHES:
            for who, (side, roots) in sides.items():
                load("imap", "--port", side.port("imap"), "--user", f"u1@{DOMAIN}", "--command", command)  # once to warm up
                fetches.append({"FETCH of 20,000": name, "server": who,
                                **fetch_load(side.port("imap"), roots, command, rounds, f"u1@{DOMAIN}", PASSWORD)})
    show("IMAP, a mailbox of 20,000 messages of 4 KiB, warm", fetches)
    relayed = compare_relay(options.seconds, server, Peers)
    mailboxes = compare_imap(options.seconds, server, Peers)
    path = TOP / "build/bench/peers.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"smtp": rows, "relay": relayed, "imap": fetches, **mailboxes}, indent=1) + "\n")
    print(f"\n{path.relative_to(TOP)}")


if __name__ == "__main__":
    main()
