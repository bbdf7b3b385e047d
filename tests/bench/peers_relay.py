"""Mail from a relaying host through the queue to hosts that take everything (Postfix's smtp-sink), of postrider and of Postfix."""
import contextlib
import json
import os
import subprocess
import tempfile
import time

from measure import cpu_when_quiet, load, show

from bench import free_port
from harness import wait_for_port


@contextlib.contextmanager
def sinks(count):
    """The ports of so many smtp-sinks."""
    ports, running = [], []
    try:
        for _ in range(count):
            ports.append(free_port())
            running.append(subprocess.Popen(["smtp-sink", *(["-u", "nobody"] if os.geteuid() == 0 else []), f"127.0.0.1:{ports[-1]}", "1000"],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            wait_for_port(ports[-1])
        yield ports
    finally:
        for sink in running:
            sink.terminate()
            sink.wait()


def relay(side, roots, drained, destinations, seconds):
    """The time ends when the queue is empty; the CPU is the server's."""
    before, begin = cpu_when_quiet(roots), time.monotonic()
    count = load("smtp", "--port", side.port("smtp"), "--sessions", 10, "--size", 4096, "--milliseconds", int(seconds * 1000), "--domain",
                 "far.test", "--domains", destinations)["messages"]
    taken = time.monotonic() - begin
    drained()
    sent = time.monotonic() - begin
    cpu = cpu_when_quiet(roots) - before
    return {"messages": count, "taken/s": count / taken, "relayed/s": count / sent, "cpu_ms_each": cpu * 1000 / max(1, count)}


def compare_relay(seconds, server, peers):
    rows = []
    for destinations in (1, 20):
        with sinks(destinations) as ports, tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('[listener.smtp]\nprotocol = "smtp"\nrelay = "127.0.0.0/8"\n')
            for number, port in enumerate(ports):
                file.write(f'[route.d{number}]\nrecipients = "d{number}.far.test"\nby = "hosts"\nhosts = "127.0.0.1:{port}"\ntls = "none"\n')
            file.flush()
            ours = server(1)
            ours.arguments = ["--config", file.name]

            def empty():
                while json.loads(ours.cli("health", "--json").stdout)["queue"]["messages"]:
                    time.sleep(0.2)

            with ours:
                rows.append({"server": "postrider", "destinations": destinations, **relay(ours, [ours.pid], empty, destinations, seconds)})
            with peers(1, ports) as theirs:
                rows.append({"server": "Postfix", "destinations": destinations,
                             **relay(theirs, theirs.roots, theirs.drained, destinations, seconds)})
    show("SMTP to the queue to a sink, 4 KiB, 10 sessions", rows)
    return rows
