#include "mime/message.h"

#include <doctest/doctest.h>

#include "mime/imap_form.h"
#include "mime/invariants.h"

namespace {

// Messages are written with bare LF and sent with CRLF.
std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::string_view body(const mime::Message& m, std::size_t part, std::string_view bytes) {
  const mime::Part& p = m.parts.at(part);
  return bytes.substr(p.body_begin, p.end - p.body_begin);
}

std::string types(const mime::Message& m) {
  std::string out;
  for (const mime::Part& p : m.parts) out += (out.empty() ? "" : " ") + p.type + "/" + p.subtype;
  return out;
}

mime::Message parse_checked(const std::string& bytes, mime::Limits limits = {}) {
  mime::Message m = mime::parse(bytes, limits);
  CHECK_MESSAGE(mime::check_message(m, bytes, limits) == "", bytes);
  for (const std::size_t step : {1UL, 2UL, 3UL, 7UL, 64UL}) {
    mime::Parser parser(limits);
    for (std::size_t at = 0; at < bytes.size(); at += step) parser.feed(std::string_view(bytes).substr(at, step));
    const bool same = parser.finish() == m;
    CHECK_MESSAGE(same, "in chunks of " << step << ": " << bytes);
  }
  for (const bool extended : {false, true}) {
    CHECK(mime::check_imap_body(mime::imap_body(m, extended), extended) == "");
  }
  return m;
}

// RFC 2046 §5.1.1.
const std::string kSimpleBoundary = crlf(R"(From: Nathaniel Borenstein <nsb@bellcore.com>
To: Ned Freed <ned@innosoft.com>
Date: Sun, 21 Mar 1993 23:56:48 -0800 (PST)
Subject: Sample message
MIME-Version: 1.0
Content-type: multipart/mixed; boundary="simple boundary"

This is the preamble.  It is to be ignored, though it
is a handy place for composition agents to include an
explanatory note to non-MIME conformant readers.

--simple boundary

This is implicitly typed plain US-ASCII text.
It does NOT end with a linebreak.
--simple boundary
Content-type: text/plain; charset=us-ascii

This is explicitly typed plain US-ASCII text.
It DOES end with a linebreak.

--simple boundary--

This is the epilogue.  It is also to be ignored.
)");

}  // namespace

TEST_CASE("RFC 2046 §5.1.1: the sample message, its line ends where the standard says") {
  const mime::Message m = parse_checked(kSimpleBoundary);
  CHECK(types(m) == "multipart/mixed text/plain text/plain");
  CHECK(body(m, 1, kSimpleBoundary) ==
        "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.");
  CHECK(m.parts[1].lines == 1);
  CHECK(body(m, 2, kSimpleBoundary) ==
        "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n");
  CHECK(m.parts[2].lines == 2);
  CHECK(m.parameter(m.parts[2], "CHARSET") == "us-ascii");
  CHECK(m.envelopes[0].subject == "Sample message");
  CHECK_FALSE(m.eight_bit);
  CHECK_FALSE(m.bare_cr_or_lf);
}

TEST_CASE("RFC 2046 §5.1.5: a digest holds messages unless it says otherwise") {
  const std::string bytes = crlf(R"(Subject: Internet Digest, volume 42
Content-Type: multipart/digest; boundary="---- next message ----"

------ next message ----

From: someone-else
Subject: my opinion

...body goes here ...

------ next message ----
Content-Type: text/plain

not a message
------ next message ------
)");
  const mime::Message m = parse_checked(bytes);
  CHECK(types(m) == "multipart/digest message/rfc822 text/plain text/plain");
  REQUIRE(m.envelopes.size() == 2);
  CHECK(m.envelopes[1].subject == "my opinion");
  CHECK(m.parts[2].parent == 1);
  CHECK(body(m, 2, bytes) == "...body goes here ...\r\n");
  CHECK(body(m, 3, bytes) == "not a message");
}

TEST_CASE("RFC 2046 §5.1.2: an outer delimiter ends everything inside, however deep and however cut off") {
  const std::string bytes = crlf(R"(Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: message/rfc822

Subject: forwarded
Content-Type: multipart/mixed; boundary=deep

--deep

never closed
--outer

after
--outer--
--deep
this is epilogue
)");
  const mime::Message m = parse_checked(bytes);
  CHECK(types(m) == "multipart/mixed multipart/alternative message/rfc822 multipart/mixed text/plain text/plain");
  CHECK(body(m, 4, bytes) == "never closed");
  CHECK(m.parts[1].end == m.parts[4].end);
  CHECK(body(m, 5, bytes) == "after");
}

TEST_CASE("a nested part may use the boundary of the part around it, or one that begins like it") {
  const std::string same = crlf(R"(Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/mixed; boundary=b

--b

inner
--b--
--b

outer
--b--
)");
  mime::Message m = parse_checked(same);
  CHECK(types(m) == "multipart/mixed multipart/mixed text/plain text/plain");
  CHECK(m.parts[3].parent == 0);

  const std::string prefix = crlf(R"(Content-Type: multipart/mixed; boundary=bound

--bound
Content-Type: multipart/mixed; boundary=bound--

--bound--

inner
--bound----
--bound

outer
--bound--
)");
  m = parse_checked(prefix);
  CHECK(types(m) == "multipart/mixed multipart/mixed text/plain text/plain");
  CHECK(body(m, 2, prefix) == "inner");
  CHECK(body(m, 3, prefix) == "outer");
}

TEST_CASE("lines that only look like delimiters are text") {
  const std::string bytes = crlf(
      "Content-Type: multipart/mixed; boundary=\"-\"\n\n---\n\n-----Original Message-----\n--\n-- \n"
      " ---\nx---\n" +
      std::string(2000, '-') + "\n---" + std::string(300, ' ') + "\n\nsecond\n-----\n");
  const mime::Message m = parse_checked(bytes);
  CHECK(types(m) == "multipart/mixed text/plain text/plain");
  CHECK(m.parts[1].lines == 5);  // the sixth line end belongs to the delimiter
  CHECK(body(m, 2, bytes) == "second");
}

TEST_CASE("empty parts, parts without headers' end, and delimiters at the very end keep their order") {
  for (const std::string_view text : {
           "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b\nContent-Type: text/html\n--b--",
           "Content-Type: multipart/mixed; boundary=b\n\n--b",
           "Content-Type: multipart/mixed; boundary=b\n\n--b--",
           "Content-Type: multipart/mixed; boundary=b\n--b\n\nx\n--b--\n",
           "Content-Type: multipart/digest; boundary=b\n\n--b\n--b\n\n--b\n\n\n--b--",
           "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822",
           "Content-Type: multipart/mixed; boundary=b",
           "\n",
           "",
           "\r",
           "--b\n",
           ":\n \n: x\n\n",
       }) {
    parse_checked(std::string(text));
    parse_checked(crlf(text));
  }
}

TEST_CASE("a blank line right before a delimiter is the end of the header and no body") {
  const std::string bytes =
      crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n--b--\n");
  const mime::Message m = parse_checked(bytes);
  REQUIRE(m.parts.size() == 2);
  CHECK(m.parts[1].subtype == "html");
  CHECK(body(m, 1, bytes).empty());
  CHECK(bytes.substr(m.parts[1].header_begin, m.parts[1].body_begin - m.parts[1].header_begin) ==
        "Content-Type: text/html\r\n\r\n");
}

TEST_CASE("a message in base64 and a multipart without a boundary are leaves") {
  mime::Message m =
      parse_checked(crlf("Content-Type: message/rfc822\nContent-Transfer-Encoding: BASE64\n\nU3ViamVjdDogeA==\n"));
  CHECK(types(m) == "message/rfc822");
  CHECK(m.parts[0].leaf());
  m = parse_checked(crlf("Content-Type: multipart/mixed\n\n--x\n\ntext\n--x--\n"));
  CHECK(types(m) == "multipart/mixed");
  CHECK(m.parts[0].lines == 4);
  m = parse_checked(crlf("Content-Type: multipart/mixed; boundary=\"" + std::string(201, 'b') + "\"\n\n--x\n"));
  CHECK(m.parts[0].leaf());
}

TEST_CASE("what was sent is noted: bytes above 127, NUL, bare CR and LF, Received fields") {
  CHECK(mime::parse("Subject: x\r\n\r\nbody\r\n").bare_cr_or_lf == false);
  for (const std::string_view bare : {"a\nb", "a\rb", "a\r\n\n", "a\r\r\n", "a\r", "\n", "\r"}) {
    CHECK(parse_checked(std::string(bare)).bare_cr_or_lf);
  }
  CHECK(parse_checked("a: b\r\n\r\n\xC3\xA9").eight_bit);
  CHECK(parse_checked(std::string("a: b\r\n\r\nx\0y", 11)).nul);
  const std::string looping = crlf(R"(Received: from a by b; Sat, 21 Nov 2026 08:56:02 +0000
received: from b
	by c; Sat, 21 Nov 2026 08:56:03 +0000
Received : from c by d
Content-Type: message/rfc822

Received: by someone else
)");
  CHECK(parse_checked(looping).received_fields == 3);
}

TEST_CASE("limits leave the rest undescribed and never refuse") {
  std::string nested;
  for (int i = 0; i < 80; ++i) {
    nested += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\n\n--b" + std::to_string(i) + "\n";
  }
  mime::Message m = parse_checked(crlf(nested));
  CHECK(m.parts.size() == 51);
  CHECK(m.parts.back().multipart());
  CHECK(m.parts.back().leaf());

  std::string many = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 20; ++i) many += "--b\n\npart\n";
  m = parse_checked(crlf(many), {.parts = 5});
  CHECK(m.parts.size() == 5);
  CHECK(m.parts[4].lines == 0);
  CHECK(m.parts[0].lines == 60);

  const std::string wide =
      crlf("Subject: first\nX-Long: " + std::string(5000, 'x') + "\nFrom: late@example.org\n\nbody\n");
  m = parse_checked(wide, {.header_bytes = 4000});
  CHECK(m.envelopes[0].subject == "first");
  CHECK(m.envelopes[0].from.empty());
  CHECK(body(m, 0, wide) == "body\r\n");
  m = parse_checked(wide, {.fields = 2});
  CHECK(m.envelopes[0].from.empty());
  m = parse_checked(wide, {.kept_bytes = 5});
  CHECK(m.envelopes[0].subject == "first");
  CHECK(m.envelopes[0].from.empty());
}

TEST_CASE("a field that stands twice counts once, but recipients come together") {
  const mime::Message m =
      parse_checked(crlf("From: a@x\nFrom: b@x\nTo: c@x\nto: d@x,\n e@x\nSubject:\n folded\n\ttwice \n\n"));
  CHECK(m.envelopes[0].from == "a@x");
  CHECK(m.envelopes[0].to == "c@x, d@x, e@x");
  CHECK(m.envelopes[0].subject == "folded\ttwice");
}

TEST_CASE("fifty open multiparts and a body of hostile lines stay linear") {
  std::string bytes;
  const std::string stem(68, 'b');
  for (int i = 10; i < 60; ++i) {
    bytes += "Content-Type: multipart/mixed; boundary=" + stem + std::to_string(i) + "\n\n--" + stem +
             std::to_string(i) + "\n";
  }
  bytes += "\n";
  for (int i = 0; i < 20000; ++i) bytes += "--" + stem + "99\n";
  const mime::Message m = mime::parse(crlf(bytes));
  CHECK(m.parts.size() == 51);
  CHECK(m.parts.back().lines == 20000);
}
