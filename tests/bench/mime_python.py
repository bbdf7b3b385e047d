"""Python's email package on the message in FILE for MILLISECONDS, reported as mime_bench.cc does: mime_python.py FILE MILLISECONDS."""
import email
import json
import sys
import time
from pathlib import Path


def main():
    with open(sys.argv[1], "rb") as file:
        message = file.read()
    wanted, rounds, parts = int(sys.argv[2]) / 1000, 0, 0
    began = time.perf_counter()
    while True:
        parts = sum(1 for _ in email.message_from_bytes(message).walk())
        rounds += 1
        seconds = time.perf_counter() - began
        if seconds >= wanted:
            break
    print(json.dumps({"messages": rounds, "bytes": rounds * len(message), "seconds": seconds, "parts": parts,
                      "rss_kib": int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])}))


if __name__ == "__main__":
    main()
