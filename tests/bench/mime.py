"""The MIME part of scripts/bench: our parser, GMime's and Python's on the same messages in one run, one after another for each."""
import base64
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import TOP, load, show

OURS = TOP / "build/release/tests/bench/postrider-mime-bench"
GMIME = TOP / "build/release/tests/bench/postrider-gmime-bench"
PYTHON = Path(__file__).resolve().parent / "mime_python.py"
HEADER = ("Return-Path: <ann@example.org>\r\n"
          "Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n\tby mail.example.net with ESMTPS id 4kQ1xw2\r\n"
          "\tfor <ben@example.net>; Sat, 21 Nov 2026 08:56:02 +0000 (UTC)\r\n"
          "Received: from [198.51.100.7] by mx.example.org with ESMTPSA; Sat, 21 Nov 2026 08:56:01 +0000\r\n"
          "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=k1;\r\n\th=from:to:subject:date; bh=" + "A" * 43 +
          "=;\r\n\tb=" + "B" * 68 + "\r\n\t" + "C" * 68 + "\r\n"
          "From: =?utf-8?Q?Ann_Gr=C3=BCn?= <ann@example.org>\r\nTo: Ben <ben@example.net>, Carl <carl@example.net>\r\n"
          "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from the road\r\nDate: Sat, 21 Nov 2026 08:56:00 +0000\r\n"
          "Message-ID: <1234.5678@example.org>\r\nMIME-Version: 1.0\r\n")
LINE = "The quick brown fox jumps over the lazy dog and writes mail to all.\r\n"


def multipart(subtype, parts, boundary="=_7c9e6679"):
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return HEADER + f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n{body}--{boundary}--\r\n'


def text(lines, subtype="plain"):
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + LINE * lines


def messages():
    attachment = base64.encodebytes(random.Random(1).randbytes(780_000)).decode().replace("\n", "\r\n")
    file = ('Content-Type: application/pdf; name="report.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
            'Content-Disposition: attachment; filename="report.pdf"\r\n\r\n' + attachment)
    yield "small, 4 KiB", multipart("alternative", [text(15), text(20, "html")])
    yield "attachment, 1 MiB", multipart("mixed", [text(10), file])
    yield "10,000 parts", multipart("mixed", [text(3)] * 10_000)
    yield "100,000 parts, 50 MiB", multipart("mixed", [text(6)] * 100_000)


def bench_mime(seconds):
    rows = []
    with tempfile.TemporaryDirectory(prefix="postrider-bench-") as directory:
        for name, message in messages():
            path = Path(directory) / "message"
            path.write_bytes(message.encode())
            milliseconds = int(min(seconds, 5) * 1000)
            row = {"MIME parse": name, "bytes": len(message)}
            runs = {"ours": load(path, milliseconds, program=OURS)}
            if GMIME.exists():
                runs["GMime"] = load(path, milliseconds, program=GMIME)
            done = subprocess.run([sys.executable, PYTHON, path, str(milliseconds)], capture_output=True, text=True, check=True)
            path.unlink()
            runs["Python"] = json.loads(done.stdout)
            for who in ("ours", "GMime", "Python"):
                run = runs.get(who)
                row[f"{who} MB/s"] = run["bytes"] / run["seconds"] / 1e6 if run else "-"
                row[f"{who} MB"] = run["rss_kib"] / 1024 if run else "-"
            if len({run["parts"] for run in runs.values()}) > 1:
                raise SystemExit(f"{name}: they found different numbers of parts: {runs}")
            rows.append(row)
    show("MIME parse, MB/s and the most memory of the process in MB" + ("" if GMIME.exists() else " (GMime is not installed: libgmime-3.0-dev)"),
         rows)
    return rows
