"""IMAP of postrider and of Dovecot under the same loads: what mail programs ask for all day, logins over TLS, opening a mailbox of
20,000 messages, waiting sessions."""
import subprocess
import time

from measure import LOAD, cpu_when_quiet, descendants, load, mixed_load, select_load, show

from harness import DOMAIN, PASSWORD

USERS = 10
WAITING = 1000


def fill(side, messages, users):
    load("smtp", "--port", side.port("smtp"), "--sessions", 10, "--size", 4096, "--count", messages, "--users", users, "--domain", DOMAIN)


def pss_bytes(roots):
    """Memory of process trees; what several processes share is counted once."""
    total = 0
    for root in roots:
        for pid in descendants(root):
            try:
                with open(f"/proc/{pid}/smaps_rollup") as file:
                    total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
            except OSError:
                continue
    return total


def logins(side, roots, seconds):
    load("login", "--port", side.port("imaps"), "--users", USERS, "--domain", DOMAIN, "--milliseconds", 500)  # what is cached, is
    before = cpu_when_quiet(roots, quiet=0.5)
    result = load("login", "--port", side.port("imaps"), "--users", USERS, "--domain", DOMAIN, "--milliseconds", int(seconds * 500))
    cpu = cpu_when_quiet(roots, quiet=0.5) - before
    return {"logins/s": result["logins"] / result["seconds"], "cpu_ms_each": cpu * 1000 / max(1, result["logins"])}


def opening(side):
    port, user = side.port("imap"), f"u1@{DOMAIN}"
    warm = [select_load(port, "FETCH 1:* (FLAGS)", user, PASSWORD, "INBOX") for _ in range(7)]
    return {"SELECT ms": sorted(one["select"] for one in warm)[3], "all flags ms": sorted(one["command"] for one in warm)[3]}


def waiting(side, roots):
    """How soon a session in IDLE hears of a message, and then the memory of many of them over TLS."""
    told = load("exists", "--port", side.port("smtp"), "--imap-port", side.port("imap"), "--domain", DOMAIN, "--count", 20)
    time.sleep(10)  # what the messages took is given back
    before = pss_bytes(roots)
    holder = subprocess.Popen([str(LOAD), "idle", "--port", str(side.port("imaps")), "--connections", str(WAITING), "--users", str(USERS),
                               "--domain", DOMAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if not holder.stdout.readline():
        raise SystemExit("the idle connections failed")
    time.sleep(15)
    each = (pss_bytes(roots) - before) / WAITING / 1024
    holder.communicate("")
    return {"dot to EXISTS, median ms": told["median_ms"], "sessions": WAITING, "KiB each": each}


def compare_imap(seconds, server, peers):
    """`server` and `peers` make the two sides; returns the tables by name."""
    tables = {"mixed": [], "logins": [], "opening": [], "waiting": []}
    for who, start in (("postrider", server), ("Dovecot", peers)):
        with start(USERS) as side:
            roots = side.roots if hasattr(side, "roots") else [side.pid]
            drained = getattr(side, "drained", lambda: None)
            fill(side, 200 * USERS, USERS)
            drained()
            for number in range(USERS):  # Dovecot does not make it by itself
                user = f"u{number + 1}@{DOMAIN}"
                if who == "Dovecot":
                    load("imap", "--port", side.port("imap"), "--user", user, "--command", "CREATE Archive")
            tables["mixed"].append({"server": who, **mixed_load(side.port("imap"), roots, seconds, 20, USERS, DOMAIN)})
            tables["logins"].append({"server": who, **logins(side, roots, seconds)})
        with start(USERS) as side:
            tables["waiting"].append({"server": who, **waiting(side, side.roots if hasattr(side, "roots") else [side.pid])})
        with start(1) as side:
            fill(side, 20_000, 1)
            getattr(side, "drained", lambda: None)()
            tables["opening"].append({"server": who, **opening(side)})
    show("IMAP, mixed load of 20 clients (tests/bench/load_mixed.cc)", tables["mixed"])
    show("IMAP logins over TLS, each with a full handshake, 4 clients at once", tables["logins"])
    show("a mailbox of 20,000 messages, warm", tables["opening"])
    show("sessions in IDLE: a message of 4 KiB to one of them, and the PSS of many over TLS", tables["waiting"])
    return tables
