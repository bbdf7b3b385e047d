"""scripts/bench: what the server does on this machine. Compare numbers of one run only."""
import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from mime import bench_mime
from measure import (LOAD, QUEUE_BENCH, STORE_BENCH, TOP, cpu_when_quiet, fetch_load, load, mixed_load, rss_bytes, select_load, show,
                     smtp_load)

from harness import DOMAIN, PASSWORD, Server, wait_for_port

USERS = 10
HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$YmVuY2htYXJrLXNhbHQtLQ$Reuc3kBx6GMGiQpM3xVx4amJS4JroXRvQcPrPw61/G8"  # of PASSWORD
FETCHES = [("flags", "FETCH 1:* (UID FLAGS RFC822.SIZE)", 5), ("envelope", "FETCH 1:* (ENVELOPE)", 5),
           ("bodystructure", "FETCH 1:* (BODYSTRUCTURE)", 5), ("headers", "FETCH 1:* (BODY.PEEK[HEADER])", 2),
           ("bodies", "FETCH 1:* (BODY.PEEK[])", 3)]


def bench_store(seconds):
    """Deliveries into the mail store against the bound of one file with one fdatasync for a group, alternately."""
    rows = []
    for size in (4096, 51_200):
        directory = tempfile.mkdtemp(prefix="postrider-bench-", dir=TOP / "build")
        try:
            rates = {"raw": [], "store": []}
            for _ in range(3):
                raw = load("group-commit", "--dir", directory, "--writers", 32, "--size", size, "--milliseconds", int(seconds * 1000 / 6))
                rates["raw"].append(raw["messages"] / raw["seconds"])
                kept = load("--dir", f"{directory}/store", "--writers", 32, "--size", size, "--milliseconds", int(seconds * 1000 / 6),
                            program=STORE_BENCH)
                rates["store"].append(kept["messages"] / kept["seconds"])
            raw, kept = (sorted(rates[name])[1] for name in ("raw", "store"))
            rows.append({"32 writers, bytes": size, "raw bound/s": raw, "mail store/s": kept, "share": kept / raw})
        finally:
            shutil.rmtree(directory)
    show("durable deliveries into the mail store (medians of three)", rows)
    return rows


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server(users=USERS):
    """On the disk that the build is on: /tmp may be in memory."""
    directory = tempfile.mkdtemp(prefix="postrider-bench-", dir=TOP / "build")
    found = Server(directory=directory, users=users)
    found.own_directory = True
    return found


def bench_smtp(seconds):
    rows = []
    for size in (4096, 51_200, 1 << 20):
        for sessions in (1, 10, 50):
            with server() as running:
                row = smtp_load(running.port("smtp"), [running.pid], sessions, size, seconds, USERS, DOMAIN)
                rows.append({"bytes": size, "sessions": sessions, **row, "rss_mb_after": rss_bytes(running.pid) / 1e6})
    show("SMTP to mailbox", rows)
    return rows


def bench_slow(seconds):
    """Ten fast senders alone, and beside 1,900 clients that are slow or silent."""
    rows = []
    with server() as running:
        for connections in (0, 1900):
            holder = None
            if connections:
                holder = subprocess.Popen([str(LOAD), "slow", "--port", str(running.port("smtp")), "--connections", str(connections),
                                           "--domain", DOMAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                if not holder.stdout.readline():
                    raise SystemExit(f"the slow clients failed:\n{running.log()[-2000:]}")
            before = rss_bytes(running.pid)
            row = smtp_load(running.port("smtp"), [running.pid], 10, 4096, seconds, USERS, DOMAIN)
            closed = json.loads(holder.communicate("")[0])["closed"] if holder else 0
            rows.append({"slow clients": connections, **row, "rss_mb_before": before / 1e6, "slow ones closed": closed})
    show("SMTP to mailbox, 10 sessions of 4 KiB beside slow clients", rows)
    return rows


def bench_imap(seconds):
    rows = []
    with server(users=1) as running:
        load("smtp", "--port", running.port("smtp"), "--sessions", 10, "--size", 4096, "--count", 20_000, "--users", 1, "--domain", DOMAIN)
        user = f"u1@{DOMAIN}"
        running.stop()
        running.start()
        for name, command, rounds in [("flags, first after start", *FETCHES[0][1:]), *FETCHES]:
            rows.append({"FETCH of 20,000": name, **fetch_load(running.port("imap"), [running.pid], command, rounds, user, PASSWORD)})
    show("IMAP, a mailbox of 20,000 messages of 4 KiB", rows)
    return rows


def drop_page_cache():
    """So that what comes next is read from the disk; as root only."""
    if os.geteuid() == 0:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3\n")


def bench_scale(seconds):
    """Mailboxes of 1,000 to 1,000,000 messages: opened first after a start, with nothing of them in memory (cold), and again
    (warm); the newest message's flags and those of all; and coming back with QRESYNC after ten changes."""
    del seconds
    rows = []
    sizes = [1_000, 20_000, 100_000, 1_000_000]
    with server(users=len(sizes)) as running:
        def cold():
            running.stop()
            drop_page_cache()
            running.start()

        load("smtp", "--port", running.port("smtp"), "--sessions", 8, "--size", 4096, "--count", 1000 * len(sizes), "--users", len(sizes),
             "--domain", DOMAIN)
        for number, size in enumerate(sizes):
            user, port, have = f"u{number + 1}@{DOMAIN}", running.port("imap"), 0
            load("imap", "--port", port, "--user", user, "--command", "CREATE Large")
            while have < size:  # with copies of the first, and then of itself
                source, count = ("INBOX", 900) if have == 0 else ("Large", min(have, size - have))
                load("imap", "--port", port, "--user", user, "--mailbox", source, "--command", f"COPY 1:{count} Large")
                have += count
            cold()
            before, begin = rss_bytes(running.pid), cpu_when_quiet([running.pid], quiet=0.5)
            first = select_load(port, "UID FETCH * (FLAGS)", user, PASSWORD, "Large")
            row = {"messages": size, "cold SELECT ms": first["select"], "and the newest's flags": first["command"],
                   "CPU ms": (cpu_when_quiet([running.pid], quiet=0.5) - begin) * 1000, "MB more": (rss_bytes(running.pid) - before) / 1e6}
            warm = [select_load(port, "UID FETCH 1:* (FLAGS)", user, PASSWORD, "Large", resync=10) for _ in range(3)]
            for name, key in (("warm SELECT ms", "select"), ("all flags ms", "command"), ("QRESYNC, 10 changed ms", "resync")):
                row[name] = sorted(one[key] for one in warm)[1]
            cold()
            again = select_load(port, "UID FETCH * (FLAGS)", user, PASSWORD, "Large")
            rows.append({**row, "cold again ms": again["select"] + again["command"]})
    show("opening mailboxes", rows)
    return rows


def bench_mixed(seconds):
    """What 20 mail programs ask for all day; tests/bench/load_mixed.cc has the mix."""
    with server() as running:
        load("smtp", "--port", running.port("smtp"), "--sessions", 10, "--size", 4096, "--count", 200 * USERS, "--users", USERS, "--domain", DOMAIN)
        row = mixed_load(running.port("imap"), [running.pid], seconds, 20, USERS, DOMAIN)
    show("IMAP, mixed load of 20 clients", [row])
    return [row]


IDLE_USERS = 200


def bench_idle(seconds):
    """10,000 sessions in IDLE over TLS of 200 users: memory of each, and how soon one of them hears of a message."""
    del seconds
    rows, holders = [], []
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write('[limits]\nconnections = 20000\nconnections_per_address = 20000\n')
        file.flush()
        running = server(users=IDLE_USERS)
        running.arguments = ["--config", file.name]
        with running:
            last = None
            for connections in (100, 9900):  # the first hundred warm up what is not per connection
                holders.append(subprocess.Popen([str(LOAD), "idle", "--port", str(running.port("imaps")), "--connections", str(connections),
                                                 "--users", str(IDLE_USERS), "--domain", DOMAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                text=True))
                if not holders[-1].stdout.readline():
                    raise SystemExit(f"the idle connections failed:\n{running.log()[-2000:]}")
                time.sleep(15)
                now = rss_bytes(running.pid)
                told = load("exists", "--port", running.port("smtp"), "--imap-port", running.port("imap"), "--domain", DOMAIN, "--count", 200)
                rows.append({"TLS sessions in IDLE": connections + (100 if last else 0), "RSS MB": now / 1e6,
                             "KiB each": (now - last) / connections / 1024 if last else 0.0, "dot to EXISTS, median ms": told["median_ms"],
                             "p99 ms": told["p99_ms"]})
                last = now
            for holder in holders:
                holder.communicate("")
    show("waiting sessions, and a message of 4 KiB to one of them", rows)
    return rows


def bench_login(seconds):
    """Each login is a TLS connection with a full handshake, the mechanism and LOGOUT."""
    rows = []
    with server() as running:
        for name, mechanism, arguments in [
                ("PLAIN, seen before", "PLAIN", []), ("LOGIN, seen before", "LOGIN", []), ("SCRAM-SHA-256", "SCRAM-SHA-256", []),
                ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS", []), ("PLAIN, wrong password", "PLAIN", ["--password", "wrong", "--expect", "NO"])]:
            before = cpu_when_quiet([running.pid], quiet=0.5)
            result = load("login", "--port", running.port("imaps"), "--mechanism", mechanism, "--users", USERS, "--domain", DOMAIN,
                          "--milliseconds", int(seconds * 200), *arguments)
            cpu = cpu_when_quiet([running.pid], quiet=0.5) - before
            rows.append({"IMAP login over TLS": name, "per_second": result["logins"] / result["seconds"],
                         "cpu_ms_each": cpu * 1000 / max(1, result["logins"])})
    show("logins, 4 clients at once", rows)
    return rows


def bench_memory(seconds):
    with server() as running:
        time.sleep(15)
        idle = rss_bytes(running.pid)
        load("smtp", "--port", running.port("smtp"), "--sessions", 10, "--size", 4096, "--milliseconds", int(min(seconds, 10) * 1000),
             "--users", USERS, "--domain", DOMAIN)
        time.sleep(20)
        after_load = rss_bytes(running.pid)
    with server() as running:
        time.sleep(10)
        rows = []
        for connections in (100, 1900):  # the first hundred warm up what is not per connection
            holder = subprocess.Popen([str(LOAD), "idle", "--port", str(running.port("imaps")), "--connections", str(connections), "--users",
                                       str(USERS), "--domain", DOMAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            rows.append(holder)
            if not holder.stdout.readline():
                raise SystemExit(f"the idle connections failed:\n{running.log()[-2000:]}")
            time.sleep(15)
            rows.append(rss_bytes(running.pid))
        for holder in rows[0::2]:
            holder.communicate("")
    result = [{"idle process MB": idle / 1e6, "after load MB": after_load / 1e6,
               "idle TLS session, logged in, IDLE, KiB": (rows[3] - rows[1]) / 1900 / 1024}]
    show("memory", result)
    return result


def bench_accounts(seconds):
    """What 100,000 accounts cost a server that has nothing to do: time to the first answer after a start, and memory."""
    del seconds
    rows = []
    for count in (0, 100_000):
        with server(users=1) as running:
            lines = "".join(json.dumps({"address": f"a{number}@{DOMAIN}", "hash": HASH}) + "\n" for number in range(count))
            begin = time.monotonic()
            if count:
                running.cli("account", "add", "--from-file", "-", input=lines)
            added = time.monotonic() - begin
            starts = []
            for _ in range(3):
                running.stop()
                begin = time.monotonic()
                running.start()
                starts.append(time.monotonic() - begin)
            time.sleep(15)
            rows.append({"accounts": count, "import s": added, "start ms": sorted(starts)[1] * 1000, "idle MB": rss_bytes(running.pid) / 1e6})
    show("start and memory with many accounts", rows)
    return rows


def bench_relay(seconds):
    """Messages of 4 KiB from a relaying host to a sink that takes everything (Postfix's smtp-sink): all to one destination, and
    to 20. The time ends when the queue is empty; the CPU is the server's."""
    rows = []
    for destinations in (1, 20):
        sink_port = free_port()
        sink = subprocess.Popen(["smtp-sink", *(["-u", "nobody"] if os.geteuid() == 0 else []), f"127.0.0.1:{sink_port}", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(sink_port)
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write('[listener.smtp]\nprotocol = "smtp"\nrelay = "127.0.0.0/8"\n')
                for number in range(destinations):
                    file.write(f'[route.d{number}]\nrecipients = "d{number}.far.test"\nby = "hosts"\nhosts = "127.0.0.1:{sink_port}"\ntls = "none"\n')
                file.flush()
                running = server(users=1)
                running.arguments = ["--config", file.name]
                with running:
                    before = cpu_when_quiet([running.pid])
                    begin = time.monotonic()
                    count = load("smtp", "--port", running.port("smtp"), "--sessions", 10, "--size", 4096, "--milliseconds", int(seconds * 1000),
                                 "--domain", "far.test", "--domains", destinations)["messages"]
                    taken = time.monotonic() - begin
                    while json.loads(running.cli("health", "--json").stdout)["queue"]["messages"]:
                        time.sleep(0.2)
                    sent = time.monotonic() - begin
                    cpu = cpu_when_quiet([running.pid]) - before
            rows.append({"destinations": destinations, "messages": count, "taken/s": count / taken, "relayed/s": count / sent,
                         "cpu_ms_each": cpu * 1000 / max(1, count)})
        finally:
            sink.terminate()
            sink.wait()
    show("SMTP to the queue to a sink, 4 KiB", rows)
    return rows


def bench_queue(seconds):
    """200,000 messages for 1,000 domains of which 100 do not answer, over hosts that are part of the program: no network."""
    del seconds
    directory = tempfile.mkdtemp(prefix="postrider-bench-", dir=TOP / "build")
    try:
        row = load("--dir", directory, program=QUEUE_BENCH)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    show("a queue of 200,000 messages for 1,000 destinations, 100 of them dead", [row])
    return [row]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("parts", nargs="*", default=[])
    options = parser.parse_args()
    parts = {"mime": bench_mime, "store": bench_store, "smtp": bench_smtp, "slow": bench_slow, "imap": bench_imap, "scale": bench_scale, "mixed": bench_mixed, "idle": bench_idle, "login": bench_login,
             "memory": bench_memory, "accounts": bench_accounts, "queue": bench_queue, "relay": bench_relay}
    results = {name: parts[name](options.seconds) for name in options.parts or parts}
    path = TOP / "build/bench/result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{path.relative_to(TOP)}")


if __name__ == "__main__":
    main()
