"""What scripts/bench and scripts/bench-peers share: CPU time and memory of process trees, the load generators, tables."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
LOAD = TOP / "build/release/tests/bench/postrider-load"
STORE_BENCH = TOP / "build/release/tests/bench/postrider-store-bench"
QUEUE_BENCH = TOP / "build/release/tests/bench/postrider-queue-bench"
TICK = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    text = Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()


def descendants(root):
    """The process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int(stat_fields(entry.name)[1]), []).append(int(entry.name))
            except OSError:
                continue
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def cpu_seconds(roots):
    """User and system time of the trees, with the children that have ended."""
    total = 0
    for root in roots:
        for pid in descendants(root):
            try:
                total += sum(int(field) for field in stat_fields(pid)[11:15])
            except OSError:
                continue
    return total / TICK


def cpu_when_quiet(roots, quiet=2.0, limit=120):
    """cpu_seconds() once it has not grown by more than 20 ms for `quiet` seconds: flushes and compactions are in it."""
    deadline, last, since = time.monotonic() + limit, cpu_seconds(roots), time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.25)
        now = cpu_seconds(roots)
        if now - last > 0.02:
            last, since = now, time.monotonic()
        elif time.monotonic() - since >= quiet:
            break
    return cpu_seconds(roots)


def rss_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def load(*arguments, program=LOAD):
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{program} {arguments}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def smtp_load(port, roots, sessions, size, seconds, users, domain):
    """Deliveries for `seconds` or until 2 GB have moved; rate, and server CPU per message until the server is quiet."""
    before = cpu_when_quiet(roots)
    result = load("smtp", "--port", port, "--sessions", sessions, "--size", size, "--milliseconds", int(seconds * 1000),
                  "--count", max(1, (2 << 30) // size), "--users", users, "--domain", domain)
    cpu = cpu_when_quiet(roots) - before
    count = max(1, result["messages"])
    return {"messages": result["messages"], "per_second": result["messages"] / result["seconds"], "cpu_ms_each": cpu * 1000 / count}


def fetch_load(port, roots, command, rounds, user, password, mailbox="INBOX"):
    before = cpu_when_quiet(roots, quiet=0.5)
    result = load("imap", "--port", port, "--user", user, "--password", password, "--mailbox", mailbox, "--command", command,
                  "--rounds", rounds)
    cpu = cpu_when_quiet(roots, quiet=0.5) - before
    return {"seconds": result["seconds"] / rounds, "select_ms": result["select_seconds"] * 1000,
            "mb_per_second": result["bytes"] / result["seconds"] / 1e6, "cpu_ms": cpu * 1000 / rounds,
            "responses": result["responses"] // rounds}


def select_load(port, command, user, password, mailbox, resync=0):
    """SELECT of a mailbox, a command on it, and with `resync` SELECT (QRESYNC …) after so many changes."""
    result = load("imap", "--port", port, "--user", user, "--password", password, "--mailbox", mailbox, "--command", command,
                  "--resync", resync)
    return {"select": result["select_seconds"] * 1000, "command": result["seconds"] * 1000, "resync": result["resync_seconds"] * 1000}


def mixed_load(port, roots, seconds, sessions, users, domain):
    before = cpu_when_quiet(roots, quiet=0.5)
    result = load("mixed", "--port", port, "--sessions", sessions, "--users", users, "--domain", domain, "--milliseconds", int(seconds * 1000))
    cpu = cpu_when_quiet(roots, quiet=0.5) - before
    count = max(1, result["commands"])
    return {"commands/s": result["commands"] / result["seconds"], "cpu_ms_each": cpu * 1000 / count}


def show(title, rows):
    """A table of dictionaries with the same keys."""
    print(f"\n{title}")
    cells = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    heads = list(rows[0])
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
    for line in [heads, *cells]:
        print("  " + "  ".join(text.rjust(width) if i else text.ljust(width) for i, (text, width) in enumerate(zip(line, widths))))
    sys.stdout.flush()
