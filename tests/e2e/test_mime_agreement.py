"""Python's email package and our parser on the same generated messages: structure, types, parameters, header texts, addresses,
dates, decoded bodies. They agree, but for what RULES names and explains; a rule that nothing needs any more is an error too.

POSTRIDER_SEED=N makes other messages than those of every day; POSTRIDER_FULL=1 makes ten times as many."""
import base64
import datetime
import email
import email.header
import email.utils
import json
import os
import quopri
import random
import subprocess
import unittest

from harness import FULL, TOP

DUMP = TOP / "build/release/tests/tools/postrider-mime-dump"
MESSAGES = 30_000 if FULL else 3_000
WORDS = "the quick brown fox jumps over a lazy dog and writes mail to everyone it knows about RFC 5322".split()
FOREIGN = {"utf-8": ["Grüße", "日本語", "Привет", "😀", "naïve"], "iso-8859-1": ["Grüße", "naïve", "señor"], "iso-8859-15": ["10 €", "œuvre"],
           "windows-1252": ["“quoted”", "10 €"], "koi8-r": ["Привет", "мир"], "windows-1251": ["Привет", "мир"],
           "iso-2022-jp": ["日本語", "テスト"], "shift_jis": ["日本語"], "euc-jp": ["日本語"], "gb2312": ["你好", "中文"], "gb18030": ["你好"],
           "big5": ["中文"], "euc-kr": ["안녕", "한국"], "iso-8859-2": ["Łódź"], "iso-8859-7": ["Ελλάδα"], "utf-7": ["Grüße"]}
JUNK = b"this line is no field"


class Maker:
    """Messages of all kinds, well-formed and less so, from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.boundaries = 0

    def chance(self, share):
        return self.random.random() < share

    def words(self, least=1, most=8):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(least, most)))

    def foreign(self):
        charset = self.random.choice(list(FOREIGN))
        return charset, " ".join(self.random.choices(FOREIGN[charset], k=self.random.randint(1, 3)))

    def encoded_word(self):
        charset, text = self.foreign()
        raw = text.encode(charset)
        if self.chance(0.5):
            payload, kind = base64.b64encode(raw).decode(), "B"
        else:
            payload, kind = "".join(chr(b) if chr(b).isalnum() and b < 128 else "_" if b == 32 else f"={b:02X}" for b in raw), "Q"
        return f"=?{self.random.choice([charset, charset.upper()])}?{self.random.choice([kind, kind.lower()])}?{payload}?="

    def text(self):
        """The body of a text field."""
        pieces = [self.encoded_word() if self.chance(0.4) else self.words(1, 4) for _ in range(self.random.randint(1, 5))]
        return self.random.choice([" ", "\r\n ", "\r\n\t", "  "]).join(pieces)

    def phrase(self):
        kind = self.random.randrange(5)
        if kind == 0:
            return self.words(1, 3)
        if kind == 1:
            return f'"{self.words(1, 2)}, {self.words(1, 1)} \\"x\\""'
        if kind == 2:
            return self.encoded_word()
        return self.words(1, 1).capitalize() + (" J. Fox" if kind == 3 else " (a comment)")

    def address(self):
        spec = f"{self.random.choice(WORDS)}{self.random.randrange(99)}@{self.random.choice(['example.org', 'a.example', '[192.0.2.1]'])}"
        kind = self.random.randrange(6)
        if kind == 0:
            return spec
        if kind == 1:
            return f"{spec} ({self.words(1, 2)})"
        if kind == 2:
            return f"<{spec}>"
        if kind == 3:
            return '"two words"@example.org'
        return f"{self.phrase()} <{spec}>"

    def addresses(self):
        items = [self.address() for _ in range(self.random.randint(1, 4))]
        if self.chance(0.15):
            items.append(f"A group:{self.address()}, {self.address()};")
        return self.random.choice([", ", ",", ",\r\n "]).join(items)

    def date(self):
        r = self.random
        day, month, year = r.randint(1, 28), r.choice("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()), r.randint(1990, 2030)
        time = f"{r.randint(0, 23):02}:{r.randint(0, 59):02}" + (f":{r.randint(0, 59):02}" if self.chance(0.9) else "")
        zone = r.choice(["+0000", "-0500", "+0130", "GMT", "EST", "UT", "-0000", "+0100 (CET)", "CEST", "Z"])
        kind = r.randrange(8)
        if kind == 0:
            return f"{day} {month} {year % 100:02} {time} {zone}"
        if kind == 1:
            return f"Mon {month} {day} {time} {year}"
        if kind == 2:
            return r.choice(["", "yesterday", f"32 {month} {year} {time} {zone}", f"{day} Foo {year} {time}", "99:99"])
        return f"{r.choice(['Mon, ', 'Fri,', ''])}{day} {month} {year} {time} {zone}"

    def parameter(self, name):
        kind = self.random.randrange(6)
        value = self.words(1, 3)
        if kind == 0:
            return f'{name}="{value}"'
        if kind == 1:
            return f"{name}={self.random.choice(WORDS)}.txt"
        if kind == 2:
            charset, text = self.foreign()
            coded = "".join(f"%{b:02X}" for b in text.encode(charset))
            return f"{name}*={charset}'en'{coded}"
        if kind == 3:
            return f'{name}*0="{value} "; {name}*1="{self.words(1, 1)}"'
        if kind == 4:
            coded = "".join(f"%{b:02x}" for b in "Grüße".encode())
            return f"{name}*0*=utf-8''{coded[:12]};\r\n {name}*1*={coded[12:]};\r\n\t{name}*2=.txt"
        return f'{name.upper()} = "quote \\" and ; semicolon"'

    def leaf(self):
        """Content fields and a body, which ends without a line end."""
        r = self.random
        head, eight = [], False
        kind = r.choice(["text/plain", "text/plain", "text/html", "application/octet-stream", "image/PNG", "x-a/x-b", ""])
        text = "\r\n".join(self.words(0, 9) for _ in range(r.randint(0, 6)))
        raw = text.encode()
        if kind.startswith("text"):
            charset, some = self.foreign()
            raw, eight = f"{text}\r\n{some}".encode(charset), True
            kind += f"{r.choice(['; ', ';', ';' + chr(13) + chr(10) + ' '])}charset={r.choice([charset, chr(34) + charset + chr(34)])}"
        elif kind:
            raw = r.randbytes(r.randint(0, 200))
            eight = True
            if self.chance(0.5):
                kind += "; " + self.parameter("name")
        if kind:
            head.append(f"Content-Type: {kind}")
        if self.chance(0.3):
            head.append(f"Content-Disposition: {r.choice(['attachment', 'INLINE'])}; {self.parameter('filename')}")
        coding = r.choice(["base64", "quoted-printable"] if eight else ["", "7bit", "base64", "quoted-printable"])
        if eight and kind.startswith("text") and "utf-7" not in kind and self.chance(0.3):
            coding = "8bit"
        if coding:
            head.append(f"Content-Transfer-Encoding: {r.choice([coding, coding.upper(), ' ' + coding])}")
        if coding == "base64":
            raw = base64.encodebytes(raw).replace(b"\n", b"\r\n")
            if self.chance(0.1) and raw:
                raw = raw.replace(b"\r\n", b"\r\n!-\r\n", 1)
            raw = raw.rstrip(b"\r\n")
        elif coding == "quoted-printable":
            raw = quopri.encodestring(raw.replace(b"\r\n", b"\n") if kind.startswith("text") or not kind else raw)
            raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"=0D").replace(b"\n", b"\r\n")
            if self.chance(0.1):
                raw += b"=zz=4"
        return head, raw

    def entity(self, depth):
        """Content fields and body of any kind."""
        r = self.random
        if depth > 3 or self.chance(0.45):
            return self.leaf()
        if self.chance(0.15):
            head, raw = self.message(depth + 1)
            return ["Content-Type: message/rfc822"] + (["Content-Transfer-Encoding: base64"] if self.chance(0.05) else []), head + raw
        self.boundaries += 1
        boundary = f"{r.choice(['b', '=_', '----=_Part '])}{self.boundaries}.{r.randrange(10**6)}"
        shown = f'"{boundary}"' if not boundary.startswith("b") or self.chance(0.5) else boundary
        if self.chance(0.03):
            shown = '"never seen"'
        head = [f"Content-Type: multipart/{r.choice(['mixed', 'alternative', 'Related', 'digest', 'x-own'])};{r.choice([' ', chr(13) + chr(10) + ' '])}"
                f"{r.choice(['boundary', 'BOUNDARY'])}={shown}"]
        if self.chance(0.02):
            head = ["Content-Type: multipart/mixed"]
        out = [b"preamble\r\n"] if self.chance(0.3) else []
        for _ in range(r.randint(1, 4)):
            part_head, part = self.entity(depth + 1)
            junk = [JUNK.decode()] if part_head and self.chance(0.02) else []
            fields = "".join(line + "\r\n" for line in part_head + junk).encode("utf-8")
            out.append(f"--{boundary}{r.choice(['', '', ' '])}\r\n".encode() + fields + b"\r\n" + part + b"\r\n")
        if not self.chance(0.05):
            out.append(f"--{boundary}--\r\n".encode())
            if self.chance(0.3):
                out.append(b"epilogue\r\n")
        return head, b"".join(out).removesuffix(b"\r\n")

    def message(self, depth=0):
        head, raw = self.entity(depth)
        fields = [f"Subject: {self.text()}", f"From: {self.address()}", f"To: {self.addresses()}", f"Date: {self.date()}", "MIME-Version: 1.0"]
        if self.chance(0.05):
            fields[0] = "Subject: raw Grüße"
        fields += head
        self.random.shuffle(fields)
        return "".join(f + "\r\n" for f in fields).encode("utf-8") + b"\r\n", raw

    def whole(self):
        head, raw = self.message()
        if self.chance(0.3):
            raw += b"\r\n"
        if self.chance(0.2):
            return (head + raw).replace(b"\r\n", b"\n")
        return head + raw


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")).decode()


def header_text(value):
    if value is None:
        return ""
    out = str(email.header.make_header(email.header.decode_header(str(value).replace("\r", "").replace("\n", ""))))
    return out.strip(" \t")


def theirs(raw):
    """What Python's email makes of it, in the form of postrider-mime-dump."""
    message = email.message_from_bytes(raw)
    parts = []

    def parameters(part, field, rest):
        out = {}
        for name, value in (part.get_params(header=field) or [])[rest:]:
            out.setdefault(name, b64(email.utils.collapse_rfc2231_value(value, errors="replace")))
        return out

    def walk(part, parent):
        index = len(parts)
        kind = part.get_content_type()
        entry = {"type": kind, "parent": parent, "parameters": parameters(part, "content-type", 1) if "content-type" in part else {},
                 "disposition": (part.get_content_disposition() or ""),
                 "disposition_parameters": parameters(part, "content-disposition", 1)}
        parts.append(entry)
        if part.is_multipart():
            for child in part.get_payload():
                walk(child, index)
            return
        body = part.get_payload(decode=True)
        entry["body"] = b64(body)
        if kind.startswith("text/") and kind != "text/html":
            entry["text"] = body.decode(part.get_content_charset("us-ascii"), "replace")

    walk(message, -1)
    try:
        moment = email.utils.parsedate_to_datetime(message["date"])  # without a zone where it is "-0000" or none
        date = int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp())
    except (TypeError, ValueError, OverflowError):
        date = None
    lists = {}
    for name in ("from", "to"):
        lists[name] = []
        for display, address in email.utils.getaddresses([str(message[name] or "").replace("\r", "").replace("\n", "")]):
            local, _, domain = address.rpartition("@")
            lists[name].append([header_text(display), b64(local), b64(domain)])
    return {"subject": header_text(message["subject"]), **lists, "date": date, "parts": parts}


def differences(ours, python):
    """(what, ours, theirs) for each place where the two differ."""
    for name in ("subject", "date"):
        if ours[name] != python[name]:
            yield name, ours[name], python[name]
    for name in ("from", "to"):
        if len(ours[name]) != len(python[name]):
            yield "mailboxes", ours[name], python[name]
        else:
            yield from (("mailbox", mine, other) for mine, other in zip(ours[name], python[name]) if mine != other)
    shape = [[(p["type"], p["parent"]) for p in side["parts"]] for side in (ours, python)]
    if shape[0] != shape[1]:
        yield "structure", *shape
        return
    for mine, other in zip(ours["parts"], python["parts"]):
        for name in ("parameters", "disposition", "disposition_parameters", "body", "text"):
            if mine.get(name) != other.get(name):
                yield name, mine.get(name), other.get(name)


def ask(messages):
    """What our parser makes of each."""
    stdin = b"".join(b"%d\n" % len(m) + m for m in messages)
    done = subprocess.run([DUMP], input=stdin, stdout=subprocess.PIPE, timeout=300, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def unbase(entry):
    return base64.b64decode(entry).decode("utf-8", "replace")


def leaves(shape):
    """The types of the parts that have no children."""
    parents = {parent for _, parent in shape}
    return [kind for index, (kind, _) in enumerate(shape) if index not in parents]


def plain(what, value):
    return base64.b64decode(value or "").decode("latin-1") if what == "body" else value or ""


def ends_with(what, longer, shorter):
    """Whether one text is the end of the other."""
    return plain(what, longer).endswith(plain(what, shorter))


def line_end_more(what, longer, shorter):
    """Whether one text is the other with a line end behind it."""
    return plain(what, longer) in (plain(what, shorter) + "\r\n", plain(what, shorter) + "\n")


# (name, why the two differ there, whether it is the reason)
RULES = [
    ("comment in a name", "RFC 5322 §3.2.2: a comment within a phrase is not part of the name; Python leaves it there.",
     lambda what, mine, other, raw: what == "mailbox" and mine[1:] == other[1:] and "(" in other[0]),
    ("quoted local part", "Ours is what the quotes say; Python's has the quotes in it.",
     lambda what, mine, other, raw: what == "mailbox" and unbase(other[1]) == f'"{unbase(mine[1])}"'),
    ("domain literal", "Debian's Python gives up a mailbox with [192.0.2.1] between angle brackets.",
     lambda what, mine, other, raw: what == "mailbox" and other == ["", "", ""] and unbase(mine[2]).startswith("[")),
    ("raw bytes in a header", "We read them as UTF-8 where they are; Python has a sign for what is unknown.",
     lambda what, mine, other, raw: what == "subject" and mine == "raw Grüße" and "\ufffd" in other),
    ("a line that is no field", "It belongs to the field before, as does a line that lost its folding; to Python the body begins there.",
     lambda what, mine, other, raw: JUNK in raw and what != "date"),
    ("text for a header", "What a digest holds is messages, so a text in it is a header up to its blank line; to Python it is a body.",
     lambda what, mine, other, raw: what in ("body", "text") and b"digest" in raw and ends_with(what, other, mine)),
    ("message in base64", "RFC 2046 §5.2.1: it may not be encoded, so its bytes have no offsets to show; Python reads what stands there.",
     lambda what, mine, other, raw: what == "structure" and "message/rfc822" in leaves(mine)),
    ("line end of a multipart", "The line end before a delimiter belongs to it, also behind a multipart in which no delimiter was found.",
     lambda what, mine, other, raw: what == "body" and line_end_more(what, other, mine)),
    ("no close-delimiter", "Where no delimiter ends it, a part has all bytes up to the end; Python takes its last line end off.",
     lambda what, mine, other, raw: what in ("body", "text") and line_end_more(what, mine, other)),
]


class MimeAgreement(unittest.TestCase):
    def test_generated_messages(self):
        seed = int(os.environ.get("POSTRIDER_SEED", "5322"))
        print(f"seed {seed}, {MESSAGES} messages")
        maker = Maker(seed)
        messages = [maker.whole() for _ in range(MESSAGES)]
        seen, unexplained, compared = dict.fromkeys((rule[0] for rule in RULES), 0), [], 0
        for raw, ours in zip(messages, ask(messages), strict=True):
            for what, mine, other in differences(ours, theirs(raw)):
                for name, _, applies in RULES:
                    if applies(what, mine, other, raw):
                        seen[name] += 1
                        break
                else:
                    unexplained.append((what, mine, other, raw))
            compared += len(ours["parts"])
        for what, mine, other, raw in unexplained[:5]:
            print(f"== {what}\nours   {mine!r}\ntheirs {other!r}\n{raw[:3000]!r}")
        print(f"{compared} parts compared; disagreements that are explained: {seen}")
        self.assertEqual(len(unexplained), 0, "places where the two differ without an explanation")
        if "POSTRIDER_SEED" not in os.environ:
            self.assertEqual([name for name, count in seen.items() if count == 0], [], "rules that nothing needs any more")


if __name__ == "__main__":
    unittest.main()
