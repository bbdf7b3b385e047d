#include "mailstore/structure.h"

#include <doctest/doctest.h>

using namespace mailstore;

namespace {

const char* const kNested =
    "From: a@x\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    "Content-Disposition: inline\r\nContent-Language: de, en\r\n\r\n<p>\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nMessage-ID: <i@x>\r\n\r\ntext\r\n"
    "--b\r\nContent-Type: application/pdf; name*=utf-8''na%C3%AFve.pdf\r\n"
    "Content-Disposition: attachment; filename=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";

}  // namespace

TEST_CASE("a message's structure comes back from its record as it was") {
  const mime::Message message = mime::parse(kNested);
  REQUIRE(message.parts.size() == 5);
  const auto back = decode_structure(encode_structure(message), 0);
  REQUIRE(back);
  CHECK(*back == message);
}

TEST_CASE("a prefix belongs to the header of the message and moves everything behind it") {
  const std::string prefix = "Return-Path: <a@x>\r\nX-Verdict: none\r\n";
  const mime::Message message = mime::parse(kNested);
  const mime::Message whole = mime::parse(prefix + kNested);
  const auto back = decode_structure(encode_structure(message), prefix.size());
  REQUIRE(back);
  CHECK(*back == whole);
}

TEST_CASE("bytes that are no structure, and structures that lead astray, are refused") {
  CHECK_FALSE(decode_structure("", 0));
  CHECK_FALSE(decode_structure("\xff\xff\xff", 0));
  const std::string good = encode_structure(mime::parse(kNested));
  // Whatever happens to a byte: an answer, and links that stay inside.
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int change : {1, 0x80, 0xff}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      const auto back = decode_structure(bad, 10);
      if (!back) continue;
      for (const mime::Part& part : back->parts) {
        CHECK((part.first_child == mime::kNoPart || part.first_child < back->parts.size()));
        CHECK((part.next_sibling == mime::kNoPart || part.next_sibling < back->parts.size()));
        CHECK(part.end <= back->size);
      }
    }
  }
}
