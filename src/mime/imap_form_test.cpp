#include "mime/imap_form.h"

#include <doctest/doctest.h>

#include "mime/invariants.h"

namespace {

std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::string structure(std::string_view text, bool extended = true) {
  const std::string out = mime::imap_body(mime::parse(crlf(text)), extended);
  CHECK_MESSAGE(mime::check_imap_body(out, extended) == "", out);
  return out;
}

std::string envelope(std::string_view text) {
  const mime::Message m = mime::parse(crlf(text));
  const std::string out = mime::imap_envelope(m.envelopes.at(0));
  CHECK_MESSAGE(mime::check_imap_envelope(out) == "", out);
  return out;
}

std::string imap_string(std::string_view text) {
  std::string out;
  mime::append_imap_string(out, text, true);
  return out;
}

}  // namespace

TEST_CASE("RFC 9051 §8: the envelope of the sample session") {
  CHECK(envelope(R"(Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev2 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.ed>
MIME-Version: 1.0

)") == R"xx(("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" )xx"
       R"xx((("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) )xx"
       R"xx((("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) )xx"
       R"xx(((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL )xx"
       R"xx("<B27397-0100000@cac.washington.ed>"))xx");
}

TEST_CASE("RFC 9051 §7.5.2: sender and reply-to default to the author when absent or empty; groups have no host") {
  CHECK(envelope(
            "From: a@b\nSender:\nReply-To: (nobody)\nTo: Friends: x@y, Z <z@y>;\nCc: root\nBcc: undisclosed:;\n\n") ==
        R"xx((NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) )xx"
        R"xx(((NIL NIL "Friends" NIL)(NIL NIL "x" "y")("Z" NIL "z" "y")(NIL NIL NIL NIL)) )xx"
        R"xx(((NIL NIL "root" "")) ((NIL NIL "undisclosed" NIL)(NIL NIL NIL NIL)) NIL NIL))xx");
  CHECK(envelope("\n") == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST_CASE("strings are quoted where they can be, literals where they must, and never hold a NUL") {
  CHECK(imap_string("") == "NIL");
  CHECK(imap_string("a \"b\" \\c") == R"("a \"b\" \\c")");
  CHECK(imap_string("a\r\nb") == "{4}\r\na\r\nb");
  CHECK(imap_string("é\"") == "{3}\r\né\"");
  CHECK(imap_string(std::string_view("a\0b", 3)) == "\"a?b\"");
  CHECK(imap_string(std::string_view("\xff\0", 2)) == "{2}\r\n\xff?");
  CHECK(imap_string("\x7f") == "{1}\r\n\x7f");
}

TEST_CASE("RFC 9051 §7.5.2: a simple text, and a text with a base64 attachment") {
  CHECK(structure("\nab\ncd\n", false) == R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 2))");
  CHECK(structure(R"(Content-Type: multipart/mixed; boundary=b

--b
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

hello
--b
Content-Type: TEXT/X-DIFF; NAME="cc.diff"
Content-ID: <960723163407.20117h@cac.washington.edu>
Content-Description: Compiler diff
Content-Transfer-Encoding: BASE64
Content-Disposition: attachment; filename*=utf-8''%C3%A9
Content-Language: en, fr
Content-Location: http://example.org/x
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==

aGVsbG8=

--b--
)") == "((\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL)"
       "(\"text\" \"x-diff\" (\"name\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" "
       "\"base64\" "
       "10 1 \"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"attachment\" (\"filename*\" {2}\r\né)) (\"en\" \"fr\") "
       "\"http://example.org/x\") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)");
}

TEST_CASE("a message inside a message has its envelope, its structure and its lines") {
  CHECK(
      structure(R"(Content-Type: message/rfc822

From: a@b
Subject: inner

text
)",
                false) ==
      R"xx(("message" "rfc822" NIL NIL NIL "7bit" 35 (NIL "inner" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) )xx"
      R"xx(((NIL NIL "a" "b")) NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 1) 4))xx");
}

TEST_CASE("what the grammar has no words for is shown as something that can be fetched") {
  CHECK(structure("Content-Type: multipart/mixed; boundary=b\n\nno parts\n", false) ==
        R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 1))");
  CHECK(structure("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==\n", false) ==
        R"(("application" "octet-stream" NIL NIL NIL "base64" 6))");
  CHECK(structure("Content-Type: message/rfc822\n\n") != "");
}

TEST_CASE("the structure of a part alone") {
  const mime::Message m = mime::parse(
      crlf("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n\nx\n--a\n\ny\n--a--\n"));
  CHECK(mime::imap_body(m, false, 1) == R"(("text" "html" NIL NIL NIL "7bit" 1 0))");
  CHECK(mime::imap_body(m, false, 2) == R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0))");
}
