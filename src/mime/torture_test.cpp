// Mail that breaks the rules, made here after what is seen in the wild and after what an attacker would send; each with
// what is expected of it: its tree, its first words, its subject. Written with bare LF, parsed with CRLF and with LF.

#include <doctest/doctest.h>

#include <chrono>

#include "base/text.h"
#include "mime/address.h"
#include "mime/date.h"
#include "mime/header.h"
#include "mime/imap_form.h"
#include "mime/invariants.h"
#include "mime/text.h"
#include "mime/writer.h"

namespace {

// "mixed(text/plain rfc822(text/html))", by the links.
std::string tree(const mime::Message& m) {
  std::string out;
  std::uint32_t at = 0;
  while (at < m.parts.size()) {
    const mime::Part* p = &m.parts[at];
    out += p->type + "/" + p->subtype;
    if (!p->leaf()) {
      out += '(';
      at = p->first_child;
      continue;
    }
    while (p->next_sibling == mime::kNoPart) {
      if (p->parent == mime::kNoPart) return out;
      p = &m.parts[p->parent];
      out += ')';
    }
    out += ' ';
    at = p->next_sibling;
  }
  return out;
}

struct Torture {
  const char* what;
  std::string_view message;
  const char* tree;
  const char* words;
};

void check(const Torture& t, const std::string& bytes) {
  const mime::Message m = mime::parse(bytes);
  CHECK_MESSAGE(tree(m) == t.tree, t.what);
  CHECK_MESSAGE(mime::preview(m, bytes) == t.words, t.what);
  CHECK_MESSAGE(mime::check_message(m, bytes, {}) == "", t.what);
  for (const bool extended : {false, true}) {
    CHECK_MESSAGE(mime::check_imap_body(mime::imap_body(m, extended), extended) == "", t.what);
  }
  mime::Parser parser;
  for (const char& c : bytes) parser.feed({&c, 1});
  CHECK_MESSAGE(parser.finish() == m, t.what);
}

}  // namespace

TEST_CASE("torture: structures that are broken") {
  for (const Torture& t : {
           Torture{"nothing at all", "", "text/plain", ""},
           Torture{"no blank line behind the header", "Subject: x\nTo: y", "text/plain", ""},
           Torture{"no header, but a body", "\nHello\n", "text/plain", "Hello"},
           Torture{"text where the header should be", "Hello there\nall of you\n\nbody\n", "text/plain", "body"},
           Torture{"an mbox line first", "From ann@example.org Sat Nov 21 08:56:02 2026\nSubject: x\n\nbody\n",
                   "text/plain", "body"},
           Torture{"no boundary", "Content-Type: multipart/mixed\n\n--x\n\nthe text\n--x--\n", "multipart/mixed",
                   "--x the text --x--"},
           Torture{"an empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nthe text\n",
                   "multipart/mixed", "-- the text"},
           Torture{"a boundary that never comes", "Content-Type: multipart/mixed; boundary=x\n\nthe text\n",
                   "multipart/mixed", "the text"},
           Torture{"no close-delimiter", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo\n",
                   "multipart/mixed(text/plain text/plain)", "one"},
           Torture{"the close-delimiter first", "Content-Type: multipart/mixed; boundary=x\n\n--x--\n--x\n\none\n",
                   "multipart/mixed", "--x-- --x one"},
           Torture{"parts behind the end",
                   "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x--\n--x\n\ntwo\n",
                   "multipart/mixed(text/plain)", "one"},
           Torture{"an empty part", "Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n\ntwo\n--x--\n",
                   "multipart/mixed(text/plain text/plain)", "two"},
           Torture{
               "one boundary for two levels",
               "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=x\n\n"
               "--x\n\na\n--x--\n--x\n\nb\n--x--\n",
               "multipart/mixed(multipart/alternative(text/plain) text/plain)", "a"},
           Torture{"an inner boundary that begins like the outer",
                   "Content-Type: multipart/mixed; boundary=yy\n\n--yy\nContent-Type: multipart/alternative; "
                   "boundary=yyy\n\n--yyy\n\na\n--yyy--\n--yy--\n",
                   "multipart/mixed(multipart/alternative(text/plain))", "a"},
           Torture{
               "the outer ends while the inner is open",
               "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n"
               "--i\n\na\n--o\n\nb\n--o--\n",
               "multipart/mixed(multipart/alternative(text/plain) text/plain)", "a"},
           Torture{"a header that a delimiter cuts off",
                   "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: "
                   "text/html\nContent-\n--x\n\ntwo\n--x--\n",
                   "multipart/mixed(text/html text/plain)", "two"},
           Torture{"blanks behind a delimiter", "Content-Type: multipart/mixed; boundary=x\n\n--x \t\n\na\n--x-- \n",
                   "multipart/mixed(text/plain)", "a"},
           Torture{"a boundary with blanks and quotes",
                   "Content-Type: multipart/mixed; boundary=\"a \\\"b\\\" c\"\n\n--a \"b\" c\n\nx\n--a \"b\" c--\n",
                   "multipart/mixed(text/plain)", "x"},
           Torture{"a boundary in RFC 2231 form",
                   "Content-Type: multipart/mixed;\n boundary*0=ab;\n boundary*1=cd\n\n--abcd\n\nx\n--abcd--\n",
                   "multipart/mixed(text/plain)", "x"},
           Torture{"two Content-Types", "Content-Type: text/html\nContent-Type: text/plain\n\n<b>x</b>\n", "text/html",
                   "x"},
           Torture{"a Content-Type that is none", "Content-Type: text\n\nx\n", "text/plain", "x"},
           Torture{"a Content-Type of garbage", "Content-Type: \x01;;;=\"\n\nx\n", "text/plain", "x"},
           Torture{"a Content-Type in comments",
                   "Content-Type: (a(b)) text (c) / (d) html (e); charset (f) = (g) utf-8\n\n<i>x\n", "text/html", "x"},
           Torture{"a digest", "Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: a\n\nin\n--x--\n",
                   "multipart/digest(message/rfc822(text/plain))", "in"},
           Torture{"a message in base64",
                   "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKaGk=\n",
                   "message/rfc822", "Subject: x hi"},
           Torture{
               "a message within a message within a message",
               "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: text/html\n\n<p>deep\n",
               "message/rfc822(message/rfc822(text/html))", "deep"},
           Torture{"a folded line that lost its white space",
                   "Content-Type: multipart/mixed;\nboundary=x\n\n--x\n\na\n--x--\n", "multipart/mixed(text/plain)",
                   "a"},
           Torture{
               "a part of a type that is unknown",
               "Content-Type: multipart/x-unknown; boundary=x\n\n--x\nContent-Type: x-a/x-b\n\nq\n--x\n\nw\n--x--\n",
               "multipart/x-unknown(x-a/x-b text/plain)", "w"},
       }) {
    check(t, std::string(t.message));
    std::string crlf;
    for (const char c : t.message) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    check(t, crlf);
  }
}

TEST_CASE("torture: encodings that are broken") {
  for (const Torture& t : {
           Torture{"base64 with rubbish and no end",
                   "Content-Transfer-Encoding: base64\nContent-Type: text/plain\n\naGVs!!bG8g\nd29ybGQ\n", "text/plain",
                   "hello world"},
           Torture{"quoted-printable with bare equals signs",
                   "Content-Transfer-Encoding: quoted-printable\n\n1+1=2 and =3D and =zz and =\n", "text/plain",
                   "1+1=2 and = and =zz and"},
           Torture{"an encoding that nobody knows", "Content-Transfer-Encoding: x-zip\n\nraw\n", "text/plain", "raw"},
           Torture{"8-bit where 7-bit is declared", "Content-Transfer-Encoding: 7bit\n\nGr\xc3\xbc\xc3\x9f",
                   "text/plain", "Grüß"},
           Torture{"Latin 1 without a word", "Subject: x\n\nGr\xfc\xdf: \x80", "text/plain", "Grüß: €"},
           Torture{"a charset that is a lie", "Content-Type: text/plain; charset=us-ascii\n\nGr\xfc\xdf", "text/plain",
                   "Grüß"},
           Torture{"a charset that does not exist",
                   "Content-Type: text/plain; charset=\"x-none\"\n\nGr\xc3\xbc\xc3\x9f", "text/plain", "Grüß"},
           Torture{"UTF-8 that is broken", "Content-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfz", "text/plain",
                   "Gr\xef\xbf\xbd\xef\xbf\xbdz"},
           Torture{"HTML that is not closed", "Content-Type: text/html\n\n<html><body><p>a<b>b<a href=\"c>d",
                   "text/html", "ab"},
           Torture{"HTML that is in uuencode",
                   "Content-Type: text/html\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n$/&(^80\n`\nend\n",
                   "text/html", "a"},
       }) {
    check(t, std::string(t.message));
  }
  // A footer that a list put behind base64 is rubbish, but the text before it is whole.
  const std::string footer = "Content-Transfer-Encoding: BASE64 (really)\n\naGk=\n-- \nlist footer\n";
  CHECK(mime::preview(mime::parse(footer), footer).starts_with("hi"));
}

TEST_CASE("torture: headers") {
  struct Case {
    std::string_view header;
    const char* subject;
  };
  for (const Case& c : {
           Case{"Subject: Gr\xc3\xbc\xc3\x9f\n", "Grüß"},
           Case{"Subject: Gr\xfc\xdf \x93x\x94\n", "Grüß “x”"},
           Case{"Subject: \xcf\xf0\xe8\nContent-Type: text/plain; charset=windows-1251\n", "При"},
           Case{"Subject: \x1b$BF|K\\\x1b(B\nContent-Type: text/plain; charset=iso-2022-jp\n", "日本"},
           Case{"Subject: =?utf-8?B?R3LDvMOf?=\n =?utf-8?Q?_x?= y\n", "Grüß x y"},
           Case{"Subject: =?utf-8?Q?What?_now?= =?x\n", "What? now =?x"},
           Case{"Subject: =?utf-8?B?R3LDv?= =?utf-8?B?MOf?=\n", "Gr\xef\xbf\xbd\x30\xc3\xa7"},
           Case{"Subject: =?x-none?Q?a=FCb?=\n", "aüb"},
           Case{"Subject: =?utf-8?B?!!!!?=x\n", "x"},
           Case{"SUBJECT \t: x\n", "x"},
           Case{"Subject:x\n\t\n y\n", "x\t y"},
           Case{"X: =?\nSubject: x\n", "x"},
           Case{"Subject: x\nand more\nTo: y\n", "x and more"},
       }) {
    const auto fields = mime::fields(c.header);
    const mime::Field* field = mime::find(fields, "Subject");
    REQUIRE(field);
    if (std::string_view(c.subject).starts_with("Gr\xef")) {  // halves of base64: whatever it is, it is UTF-8
      CHECK(base::valid_utf8(mime::decode_text(field->body, mime::likely_charset(fields))));
    } else {
      CHECK(mime::decode_text(field->body, mime::likely_charset(fields)) == c.subject);
    }
  }
}

TEST_CASE("torture: addresses") {
  struct Case {
    const char* body;
    const char* shown;  // name|local|domain, one a line
  };
  for (const Case& c : {
           Case{"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete|silly.test"},
           Case{"A Group(Some people)\n :Chris Jones <c@(Chris's host.)public.example>,\n joe@example.org,\n John "
                "<jdoe@one.test> (my dear friend); (the end of the group)",
                "A Group:\nChris Jones|c|public.example\n|joe|example.org\nJohn|jdoe|one.test\n;"},
           Case{"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "Hidden recipients:\n;"},
           Case{"Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|john.q.public|example.com"},
           Case{"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
                "Mary Smith|mary|example.net\n|jdoe|test.example"},
           Case{"\"unclosed <a@b>", "|unclosed <a@b>|"},
           Case{"<a@b", "|a|b"},
           Case{"a@b@c", "|a|b"},
           Case{"<<a@b>>", "|<a|b"},
           Case{"ann@example.org ben@example.org", "|ann|example.org"},
           Case{"ann@example.org; ben@example.org", "|ann|example.org\n|ben|example.org"},
           Case{",,,;;;", ""},
           Case{"", ""},
       }) {
    std::string shown;
    for (const mime::Address& a : mime::addresses(c.body)) {
      if (!shown.empty()) shown += '\n';
      shown += a.group_end ? ";" : a.group_start ? a.local + ":" : a.name + '|' + a.local + '|' + a.domain;
    }
    CHECK_MESSAGE(shown == c.shown, c.body);
  }
}

TEST_CASE("torture: dates that are absurd are none") {
  for (const char* date :
       {"Thu, 32 Foo 2026 25:61:61 +9999", "Mon, 1 Jan 99999999999999999999 0:0:0", "now", "-1 Jan 2026 0:00",
        "1 Jan 2026 0:00:00 +99999999999", "(((((", "1 1 1 1 1 1", "Jan", "2026-", "2026-01-01T"}) {
    CHECK_MESSAGE(!mime::parse_date(date), date);
  }
}

TEST_CASE("torture: nesting ends at the limit, and what is deeper belongs to the part around it") {
  std::string deep;
  for (int i = 0; i < 5000; ++i) {
    const std::string n = std::to_string(i);
    deep += "Content-Type: multipart/mixed; boundary=b" + n + "\r\n\r\n--b" + n + "\r\n";
  }
  deep += "\r\ntext\r\n";
  const mime::Message m = mime::parse(deep);
  CHECK(m.parts.size() == mime::Limits{}.depth + 1);
  CHECK(mime::check_message(m, deep, {}) == "");
  std::string messages;
  for (int i = 0; i < 5000; ++i) messages += "Content-Type: message/rfc822\r\n\r\n";
  CHECK(mime::parse(messages).parts.size() == mime::Limits{}.depth + 1);
}

TEST_CASE("50 MiB of 100,000 parts: bounded by the limits, and whole where they allow it") {
  std::string body = "Content-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\n";
  constexpr std::size_t kParts = 100'000;
  body.reserve(kParts * 550);
  const std::string filler(420, 'x');
  for (std::size_t i = 0; i < kParts; ++i) {
    body += "--=_x\r\nContent-Type: text/plain; charset=utf-8; name=part" + std::to_string(i) + "\r\n\r\n-" + filler +
            "\r\n\r\n";
    body += "--=_y is no delimiter, and neither is\r\n--=_xx\r\n";
  }
  body += "--=_x--\r\n";
  REQUIRE(body.size() >= 50U << 20U);
  const auto began = std::chrono::steady_clock::now();
  mime::Parser parser;
  for (std::size_t at = 0; at < body.size(); at += 65536) parser.feed(std::string_view(body).substr(at, 65536));
  const mime::Message limited = parser.finish();
  CHECK(limited.parts.size() == mime::Limits{}.parts);
  CHECK(limited.size == body.size());

  // Texts are kept to a limit; the offsets of all parts are there.
  const mime::Limits wide{.parts = kParts + 1, .kept_bytes = 100'000};
  const mime::Message all = mime::parse(body, wide);
  CHECK(all.parts.size() == kParts + 1);
  CHECK(mime::check_message(all, body, wide) == "");
  std::size_t kept = 0;
  for (const mime::Part& p : all.parts) {
    kept += p.type.size() + p.subtype.size();
    for (const mime::Parameter& q : p.parameters) kept += q.name.size() + q.value.size();
  }
  // What was out of budget is said to be of unknown type, which is a constant and not kept for each.
  constexpr std::size_t kUnknown = std::string_view("applicationoctet-stream").size();
  CHECK(kept <= wide.kept_bytes + all.parts.size() * kUnknown);
  // Some 0.1 s each without the sanitizers.
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
}
