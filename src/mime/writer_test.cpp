#include "mime/writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "mime/charset.h"
#include "mime/decode.h"
#include "mime/encode.h"
#include "mime/header.h"

namespace {

// Every line within 998 bytes, ended by CRLF, and nothing bare.
void check_lines(std::string_view text, std::size_t limit) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find("\r\n", begin);
    REQUIRE(end != std::string_view::npos);
    const std::string_view line = text.substr(begin, end - begin);
    CHECK_MESSAGE(line.size() <= limit, line);
    CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    begin = end + 2;
  }
}

std::string subject(std::string_view text) {
  mime::HeaderWriter out;
  out.text("Subject", text);
  check_lines(out.block(), 998);
  const auto fields = mime::fields(out.block());
  REQUIRE(fields.size() == 1);
  CHECK(fields[0].name == "Subject");
  return mime::decode_text(fields[0].body);
}

std::string_view body(const mime::Message& m, std::size_t part, std::string_view bytes) {
  const mime::Part& p = m.parts.at(part);
  return bytes.substr(p.body_begin, p.end - p.body_begin);
}

}  // namespace

TEST_CASE("RFC 2047: what a subject says comes back") {
  for (const char* text :
       {"", "plain", "Grüße aus Köln", "plain then Grüße then plain again", "two  blanks   three",
        "=?utf-8?Q?not_a_word?=", "日本語の件名はとても長いので何行にも分けて書かなければならないことがあります。",
        "a very long subject that goes on and on and on beyond the end of the line and has one ü at its very end, ü",
        "a very long subject of nothing but ASCII that has to be folded somewhere before it reaches the limit", "😀😀",
        "x \xcc\x88 y"}) {
    CHECK(subject(text) == text);
  }
  const std::string word(2000, 'w');
  CHECK(subject("a " + word + " b") == "a " + word + " b");
  CHECK(subject("a" + std::string(100, ' ') + "b") == "a" + std::string(100, ' ') + "b");
  CHECK(subject(std::string(100000, 'y')).size() > 16000);
}

TEST_CASE("RFC 5322 §2.1.1: lines are folded at 78, and words that are encoded at 76") {
  mime::HeaderWriter out;
  out.text("Subject", "a very long subject of nothing but ASCII that has to be folded somewhere before it is too long");
  out.text("X-Second", "Ein sehr langer Betreff mit Umlauten, äöü, der über mehrere Zeilen geht, weil er so lang ist");
  REQUIRE(out.addresses("To", {{.name = "A Person of Some Renown", .local = "person", .domain = "example.org"},
                               {.name = "Jürgen Öttinger-Ünlü", .local = "j", .domain = "example.org"},
                               {.local = "third.recipient", .domain = "example.org"}}));
  check_lines(out.block(), 78);
  CHECK(out.block().starts_with(
      "Subject: a very long subject of nothing but ASCII that has to be folded\r\n somewhere "));
}

TEST_CASE("no value adds a field") {
  const std::string evil = "x\r\nBcc: victim@example.org\r\n\r\nbody \0 \x1b \n\nX: y";
  mime::HeaderWriter out;
  out.text("Subject", evil);
  out.value("Content-Type", "text/plain\r\nX: y", {{.name = "name", .value = evil}});
  out.ids("References", {"<a@b>", "<a\r\nX: y@b>", evil, "<>", "<c@d>"});
  REQUIRE(out.addresses("To", {{.name = evil, .local = "a", .domain = "b"}}));
  CHECK_FALSE(out.addresses("Cc", {{.local = "a\r\nX: y", .domain = "b"}}));
  CHECK_FALSE(out.addresses("Cc", {{.local = "a", .domain = "b\r\nX: y"}}));
  CHECK_FALSE(out.addresses("Cc", {{.local = "a", .domain = "b>, <c@d"}}));
  CHECK_FALSE(out.addresses("Cc", {{.local = "nobody", .domain = ""}}));
  out.ids("In-Reply-To", {"none"});
  const auto fields = mime::fields(out.block());
  REQUIRE(fields.size() == 4);
  CHECK(fields[0].body == " x  Bcc: victim@example.org    body");
  CHECK(fields[2].body == " <a@b> <c@d>");
  CHECK(mime::message_id("a>\r\nb", "exa mple.org") == "<ab@example.org>");
}

TEST_CASE("addresses come back as they went, groups as well") {
  const std::vector<mime::Address> list{
      {.name = "Ann Example", .local = "ann", .domain = "example.org"},
      {.name = "Doe, John (the \"first\")", .local = "john.doe", .domain = "example.org"},
      {.name = "Jürgen", .local = "two words", .domain = "example.org"},
      {.local = "A Group: of some", .group_start = true},
      {.local = "in", .domain = "[192.0.2.1]"},
      {.local = "ü", .domain = "bücher.example"},
      {.group_end = true},
      {.local = "empty", .group_start = true},
      {.group_end = true},
      {.local = "last", .domain = "example.org"},
  };
  mime::HeaderWriter out;
  REQUIRE(out.addresses("To", list));
  check_lines(out.block(), 78);
  const auto fields = mime::fields(out.block());
  REQUIRE(fields.size() == 1);
  std::vector<mime::Address> back = mime::addresses(fields[0].body);
  for (mime::Address& a : back) a.name = mime::decode_text(a.name);
  CHECK(back == list);
  CHECK_FALSE(out.addresses("To", {{.local = "", .group_start = true}, {.group_end = true}}));
  CHECK_FALSE(out.addresses("To", {{.group_end = true}}));
  CHECK(out.addresses("To", {}));
  CHECK(mime::fields(out.block()).size() == 1);
}

TEST_CASE("RFC 2231: parameters of any length and language") {
  const std::string long_name =
      "Ein langer Dateiname mit Umlauten äöü und noch viel mehr davon, bis er in keine Zeile passt.pdf";
  for (const std::string& name : {std::string("a.txt"), std::string("two words.txt"), std::string("quote \" back \\"),
                                  std::string("100% sure*.txt"), std::string("=?utf-8?Q?x?="), std::string("Grüße.txt"),
                                  long_name, std::string(500, 'x'), std::string("")}) {
    const std::string text = mime::Entity::bytes("x", "application/pdf", name).whole({});
    check_lines(text.substr(0, text.find("\r\n\r\n") + 2), 78);
    const mime::Message m = mime::parse(text);
    if (name.empty()) {
      CHECK(m.parts[0].disposition == "");
    } else {
      REQUIRE(m.parts[0].disposition_parameters.size() == 1);
      CHECK(m.parts[0].disposition_parameters[0].value == name);
    }
  }
}

TEST_CASE("RFC 2045 §6: a text is encoded as it needs and reads as it was") {
  struct Case {
    std::string text;
    const char* encoding;
  };
  for (const Case& c : {
           Case{"plain\r\ntext\r\n", "7bit"},
           Case{"", "7bit"},
           Case{"Grüße, and much more that is ASCII, so that it can be read\r\n", "quoted-printable"},
           Case{"trailing blank \r\n.\r\nFrom here\r\n\tx\t\r\n", "quoted-printable"},
           Case{std::string(2000, 'x') + "\r\n", "quoted-printable"},
           Case{std::string(75, 'x') + "é" + std::string(75, 'y') + "=\r\n" + std::string(76, 'z'), "quoted-printable"},
           Case{"日本語の本文です。\r\n", "base64"},
           Case{std::string("a\0b\x1b", 4), "quoted-printable"},
       }) {
    const std::string text = mime::Entity::text(c.text).whole({});
    const mime::Message m = mime::parse(text);
    CHECK(m.parts[0].encoding == c.encoding);
    CHECK(mime::to_utf8(mime::decode_transfer(body(m, 0, text), m.parts[0].encoding),
                        m.parameter(m.parts[0], "charset")) == c.text);
    CHECK_FALSE(m.eight_bit);
    if (m.parts[0].encoding != "7bit") check_lines(std::string(body(m, 0, text)) + "\r\n", 76);
  }
  CHECK(mime::encode_quoted_printable("a\r\nb \r\n") == "a\r\nb=20\r\n");
  CHECK(mime::with_crlf("a\rb\nc\r\nd") == "a\r\nb\r\nc\r\nd");
}

TEST_CASE("RFC 3464: a report of three parts is a report of three parts") {
  mime::HeaderWriter per_message;
  per_message.text("Reporting-MTA", "dns; mail.example.org");
  mime::HeaderWriter per_recipient;
  per_recipient.text("Final-Recipient", "rfc822; nobody@example.net");
  per_recipient.text("Status", "5.1.1");
  per_recipient.text("Diagnostic-Code", "smtp; 550 5.1.1 no such user\r\nX: y");
  const std::string original = "Subject: =?utf-8?Q?x?=\n\nhello \xfc\n--=_0_abc\n";
  mime::HeaderWriter header;
  header.text("Subject", "Undelivered mail");
  header.date("Date", base::WallTime{} + std::chrono::seconds(1795247762));
  header.ids("Message-ID", {mime::message_id("1.2", "mail.example.org")});
  const std::string text =
      mime::Entity::multipart(
          "report",
          {mime::Entity::text("It could not be delivered."),
           mime::Entity::fields("delivery-status", {per_message, per_recipient}), mime::Entity::message(original)},
          "abc", {{.name = "report-type", .value = "delivery-status"}})
          .whole(header);
  const mime::Message m = mime::parse(text);
  REQUIRE(m.parts.size() == 5);
  CHECK(m.parts[0].subtype == "report");
  CHECK(m.parameter(m.parts[0], "report-type") == "delivery-status");
  CHECK(m.parameter(m.parts[0], "boundary") == "=_1_abc");
  CHECK(m.parts[0].encoding == "8bit");
  CHECK(body(m, 1, text) == "It could not be delivered.");
  CHECK(body(m, 2, text) ==
        "Reporting-MTA: dns; mail.example.org\r\n\r\nFinal-Recipient: rfc822; nobody@example.net\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user  X: y\r\n");
  CHECK(body(m, 3, text) == mime::with_crlf(original));
  CHECK(m.envelopes[0].subject == "Undelivered mail");
  CHECK(m.envelopes[0].message_id == "<1.2@mail.example.org>");
  CHECK_FALSE(m.bare_cr_or_lf);
}

TEST_CASE("a message that no transport could carry goes in base64") {
  for (const std::string& original : {std::string(2000, 'x'), std::string("Subject: a\0b\r\n\r\n", 16)}) {
    const std::string text = mime::Entity::message(original).whole({});
    const mime::Message m = mime::parse(text);
    CHECK(m.parts[0].subtype == "octet-stream");
    CHECK(mime::decode_transfer(body(m, 0, text), "base64") == original);
  }
  const std::string header = mime::Entity::headers("Subject: \xfc\r\n").whole({});
  CHECK(mime::parse(header).parts[0].subtype == "rfc822-headers");
}
