#include "mime/repair.h"

#include <doctest/doctest.h>

#include <random>

#include "base/text.h"
#include "mime/address.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/invariants.h"
#include "mime/repair_header.h"
#include "mime/text.h"
#include "mime/transfer_encoder.h"

using namespace mime;

namespace {

bool is_fit(const std::string& text) { return !has_eight_bit(text) && !has_long_line(text) && !text.contains('\0'); }

std::string decoded(const Message& m, std::size_t part, std::string_view bytes) {
  const Part& p = m.parts.at(part);
  return decode_transfer(bytes.substr(p.body_begin, p.end - p.body_begin), p.encoding);
}

std::string field(std::string_view message, std::string_view name) {
  const auto all = fields(message);
  const Field* found = find(all, name);
  return found != nullptr ? decode_text(found->body) : "(none)";
}

std::string long_line(std::size_t size) {
  std::string out;
  while (out.size() < size) out += "word ";
  out.resize(size);
  return out;
}

}  // namespace

TEST_CASE("a message that needs nothing comes out as it went in") {
  const std::string plain = "Subject: hello\r\n\r\nshort lines\r\n";
  CHECK(repair(plain) == plain);
  const std::string edge = "Subject: x\r\n\r\n" + long_line(998) + "\r\n";
  CHECK(repair(edge) == edge);
  const std::string labelled = "Content-Transfer-Encoding: 8bit\r\n\r\nall ASCII\r\n";
  CHECK(repair(labelled) == labelled);
}

TEST_CASE("8-bit text is encoded and keeps its charset") {
  const std::string in =
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\nSch\xF6n ist es hier am Meer, und warm.\r\n";
  const std::string out = repair(in);
  CHECK(is_fit(out));
  CHECK(out.contains("Content-Transfer-Encoding: quoted-printable\r\n"));
  CHECK(out.contains("charset=iso-8859-1"));
  CHECK(decoded(parse(out), 0, out) == "Sch\xF6n ist es hier am Meer, und warm.\r\n");
}

TEST_CASE("text that declares nothing is UTF-8 when it is, and otherwise of unknown charset") {
  const std::string utf8 = repair("Subject: x\r\n\r\nG\xC3\xBCnstige Preise f\xC3\xBCr alle, die sie brauchen\r\n");
  CHECK(is_fit(utf8));
  CHECK(utf8.contains("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"));
  const std::string latin =
      repair("Content-Type: text/html; title=a\r\n\r\nG\xFCnstige Preise, wie sie alle brauchen\r\n");
  CHECK(latin.contains("text/html; title=a;\r\n\tcharset=unknown-8bit\r\n"));
  const std::string lie =
      repair("Content-Type: text/plain; charset=US-ASCII; format=flowed\r\n\r\nf\xC3\xBCr alle, die es lesen\r\n");
  CHECK(lie.contains("charset=utf-8; format=flowed"));
  CHECK_FALSE(base::lower(lie).contains("us-ascii"));
}

TEST_CASE("what is mostly 8-bit, or no text, becomes base64") {
  std::string greek;
  for (int i = 0; i < 50; ++i) greek += "\xCE\xB1\xCE\xB2";
  const std::string out = repair("Content-Type: text/plain; charset=utf-8\r\n\r\n" + greek + "\r\n");
  CHECK(out.contains("Transfer-Encoding: base64"));
  CHECK(decoded(parse(out), 0, out) == greek + "\r\n");
  const std::string binary =
      repair("Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\r\n\x1a\n\x01\xff");
  CHECK(is_fit(binary));
  CHECK(decoded(parse(binary), 0, binary) == "\x89PNG\r\n\x1a\n\x01\xff");
}

TEST_CASE("over-long lines: text softly, base64 and quoted-printable in their own way") {
  const std::string body = long_line(5000) + "\r\n";
  const std::string text = repair("Subject: x\r\n\r\n" + body);
  CHECK(is_fit(text));
  CHECK(decoded(parse(text), 0, text) == body);
  const std::string unbroken(4000, 'A');
  const std::string base64 = repair("Content-Transfer-Encoding: base64\r\n\r\n" + unbroken + "\r\n");
  CHECK(is_fit(base64));
  CHECK(decoded(parse(base64), 0, base64) == decode_transfer(unbroken, "base64"));
  const std::string soft =
      repair("Content-Transfer-Encoding: quoted-printable\r\n\r\n" + long_line(2000) + "=C3=BC end\r\n");
  CHECK(is_fit(soft));
  CHECK(decoded(parse(soft), 0, soft) == long_line(2000) + "\xC3\xBC end\r\n");
}

TEST_CASE("the structure stays, and what holds the parts is as wide as they are") {
  const std::string in =
      "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
      "Vorw\xC3\xB6rter\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xC3\xA4 is a letter that is here "
      "alone\r\n"
      "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
      "Subject: \xC3\xBC\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nin the message within: \xC3\xB6 and no "
      "more\r\n--b--\r\n";
  const std::string out = repair(in);
  CHECK(is_fit(out));
  const Message before = parse(in);
  const Message after = parse(out);
  REQUIRE(after.parts.size() == before.parts.size());
  CHECK(decoded(after, 1, out) == decoded(before, 1, in));
  CHECK(decoded(after, 3, out) == decoded(before, 3, in));
  CHECK(after.parts[0].encoding == "7bit");
  CHECK(after.parts[2].encoding == "7bit");
  CHECK(decode_text(after.envelopes[1].subject) == "\xC3\xBC");
  CHECK(out.contains("Vorw??rter\r\n--b\r\n"));
}

TEST_CASE("what is signed or encrypted is not touched") {
  const std::string inner = "Content-Type: text/plain; charset=utf-8\r\n\r\nsigned: \xC3\xBC\r\n";
  const std::string tail =
      "\r\n\r\n--s\r\n" + inner + "--s\r\nContent-Type: application/pgp-signature\r\n\r\nxx\r\n--s--\r\n";
  const std::string in = "Subject: \xC3\xBC\r\nContent-Type: multipart/signed; boundary=s" + tail;
  CHECK(repair(in) == "Subject: =?utf-8?B?w7w=?=\r\nContent-Type: multipart/signed; boundary=s" + tail);
  for (const char* head : {"Content-Type: multipart/encrypted; boundary=s"}) {
    CHECK(repair(head + tail) == head + tail);
  }
  const std::string smime =
      "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n\x30\x80\xff";
  CHECK(repair(smime) == smime);
  const std::string dkim = "DKIM-Signature: v=1; d=example.org\r\nSubject: \xC3\xBC\r\n\r\n\xC3\xBC\r\n";
  CHECK(repair(dkim) == dkim);
  const std::string forwarded = "Content-Type: message/rfc822\r\n\r\n" + dkim;
  CHECK(repair(forwarded) == forwarded);
  const Message m = parse(dkim);
  Repair left(m, {});
  left.look(dkim);
  CHECK_FALSE(left.needed());
  CHECK_FALSE(left.complete());
}

TEST_CASE("8-bit header fields become encoded words") {
  const std::string in =
      "Subject: Gr\xC3\xBC\xC3\x9F"
      "e aus K\xC3\xB6ln\r\nFrom: J\xC3\xB6rg M\xC3\xBCller <joerg@example.org>\r\n"
      "To: Team (caf\xE9): a@example.org, \"B. \xC3\x96\" <b@example.org>;\r\nX-Note: \xE9t\xE9\r\n"
      "Content-Type: application/pdf; name=\"\xC3\x9C"
      "bersicht.pdf\"\r\n"
      "Content-Disposition: attachment; filename=\"\xC3\x9C"
      "bersicht.pdf\"\r\n\r\nbody\r\n";
  const std::string out = repair(in);
  CHECK(is_fit(out));
  CHECK(field(out, "Subject") ==
        "Gr\xC3\xBC\xC3\x9F"
        "e aus K\xC3\xB6ln");
  CHECK(field(out, "X-Note") == "\xC3\xA9t\xC3\xA9");
  const Message after = parse(out);
  CHECK(after.parameter(after.parts[0], "name") ==
        "\xC3\x9C"
        "bersicht.pdf");
  REQUIRE(after.parts[0].disposition_parameters.size() == 1);
  CHECK(after.parts[0].disposition_parameters[0].value ==
        "\xC3\x9C"
        "bersicht.pdf");
  const auto from = addresses(after.envelopes[0].from);
  REQUIRE(from.size() == 1);
  CHECK(decode_text(from[0].name) == "J\xC3\xB6rg M\xC3\xBCller");
  CHECK(from[0].local == "joerg");
}

TEST_CASE("with SMTPUTF8 the header keeps its UTF-8, and only that") {
  const std::string in =
      "Subject: K\xC3\xB6ln\r\nX-Old: \xE9\r\nFrom: <j\xC3\xB6rg@example.org>\r\n\r\nin K\xC3\xB6ln, as everybody "
      "knows\r\n";
  const std::string out = repair(in, true);
  CHECK(out.starts_with("Subject: K\xC3\xB6ln\r\nX-Old: =?utf-8?"));
  CHECK(out.contains("Transfer-Encoding: quoted-printable"));
  // Without it the address stays what it is: then the message has to be sent with SMTPUTF8 or not at all.
  CHECK(repair(in).contains("j\xC3\xB6rg@example.org"));
}

TEST_CASE("over-long header lines are folded, and words that cannot be are encoded") {
  std::string references = "References:";
  for (int i = 0; i < 60; ++i) references += " <" + std::to_string(i) + ".0123456789abcdef@example.org>";
  const std::string out = repair(references + "\r\nSubject: " + std::string(3000, 'x') + "\r\n\r\nbody\r\n");
  CHECK(is_fit(out));
  CHECK(unfold(fields(out)[0].body) == references.substr(12));
  CHECK(field(out, "Subject") == std::string(3000, 'x'));
}

TEST_CASE("a line that begins behind a soft break is no delimiter") {
  const std::string tricky = std::string(75, 'x') + "--b";
  const std::string in = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + tricky +
                         "\r\n\xC3\xBC and more text, so that it is quoted\r\n--b--\r\n";
  const std::string out = repair(in);
  const Message after = parse(out);
  REQUIRE(after.parts.size() == 2);
  CHECK(decoded(after, 1, out) == tricky + "\r\n\xC3\xBC and more text, so that it is quoted");
}

TEST_CASE("any pieces give what the whole gives") {
  std::mt19937 random(7);
  const std::string in =
      "Subject: \xC3\xBC\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\xC3\xBC\r\n--b\r\nContent-Type: "
      "text/plain\r\n\r\n" +
      long_line(1500) + "\r\nFrom here\xC3\xBC on \r\n.\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
      std::string(1200, 'Q') + "\r\n--b\r\nContent-Type: image/gif\r\n\r\n\xff\xfe\r\n--b--\r\nafter \xC3\xBC\r\n";
  const std::string whole = repair(in);
  CHECK(is_fit(whole));
  const Message parsed = parse(in);
  for (int round = 0; round < 50; ++round) {
    Repair pieces(parsed, {});
    std::string out;
    const auto each = [&](auto take) {
      for (std::size_t at = 0; at < in.size();) {
        const std::size_t size = 1 + random() % 40;
        take(std::string_view(in).substr(at, size));
        at += size;
      }
    };
    each([&](std::string_view piece) { pieces.look(piece); });
    REQUIRE(pieces.needed());
    CHECK(pieces.complete());
    each([&](std::string_view piece) { pieces.feed(piece, out); });
    pieces.finish(out);
    REQUIRE(out == whole);
  }
}

TEST_CASE("a header that a delimiter cuts off stays one") {
  const std::string in = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-Note: caf\xE9\r\n--b--\r\n";
  const std::string out = repair(in);
  CHECK(is_fit(out));
  CHECK(out.contains("--b\r\nX-Note: =?utf-8?"));
  CHECK(out.ends_with("?=\r\n--b--\r\n"));
  CHECK(parse(out).parts.size() == parse(in).parts.size());
}

namespace {

/// Messages as programs make them, with everything in them that no transport carries.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::string message() { return "From: a@example.org\r\nSubject: " + header_text() + "\r\n" + entity(3); }

 private:
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }

  std::string header_text(bool may_be_long = true) {
    static const char* const kWords[] = {"plain", "K\xC3\xB6ln", "caf\xE9",
                                         "=?utf-8?Q?=C3=A4?=", "\xE4\xB8\xAD\xE6\x96\x87"};
    std::string out;
    for (unsigned i = 1 + pick(may_be_long && pick(20) == 0 ? 400 : 6); i > 0; --i)
      out += std::string(out.empty() ? "" : " ") + kWords[pick(5)];
    return out;
  }
  std::string text() {
    static const char* const kPieces[] = {"word ",         "\xC3\xBC", "\xFC", "=",  ".\r\n",
                                          "From here\r\n", " \r\n",    "-",    "\t", "--b0\x20x"};
    std::string out;
    for (unsigned i = pick(pick(4) == 0 ? 900 : 40); i > 0; --i) out += kPieces[pick(10)];
    return out + (pick(2) == 0 ? "\r\n" : "");
  }
  std::string bytes() {
    std::string out(pick(3000), '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }
  std::string entity(int depth) {
    switch (depth > 0 ? pick(6) : pick(4)) {
      case 0:
        return "\r\n" + text();
      case 1:
        return "Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text();
      case 2:
        return "Content-Type: image/png; name=\"" + header_text(false) +
               "\"\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes();
      case 3:
        return "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + text();
      case 4:
        return "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: " + header_text() +
               "\r\n" + entity(depth - 1);
      default:
        break;
    }
    const std::string boundary = "=_b" + std::to_string(count_++);
    std::string out = "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\npre\xC3\xA4mbel\r\n";
    for (unsigned i = 1 + pick(3); i > 0; --i) out += "--" + boundary + "\r\n" + entity(depth - 1) + "\r\n";
    return out + "--" + boundary + "--\r\nepilogue \xFC\r\n";
  }

  std::mt19937 random_;
  int count_ = 0;
};

}  // namespace

TEST_CASE("whatever was submitted: all fit, and every part decodes to what it was") {
  for (unsigned seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    const std::string in = Maker(seed).message();
    const std::string out = repair(in);
    const Message before = parse(in);
    const Message after = parse(out);
    REQUIRE(is_fit(out));
    REQUIRE(after.parts.size() == before.parts.size());
    for (std::size_t i = 0; i < before.parts.size(); ++i) {
      REQUIRE(after.parts[i].parent == before.parts[i].parent);
      REQUIRE(after.parts[i].type == before.parts[i].type);
      if (before.parts[i].leaf()) REQUIRE(decoded(after, i, out) == decoded(before, i, in));
    }
    const auto fields_before = fields(in);
    REQUIRE(field(out, "Subject") == decode_text(find(fields_before, "Subject")->body, likely_charset(fields_before)));
    REQUIRE(repair(out) == out);
  }
}
