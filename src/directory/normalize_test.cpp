#include "directory/normalize.h"

#include <doctest/doctest.h>

#include <random>

#include "base/text.h"
#include "directory/directory.h"

namespace directory {
namespace {

std::string address(std::string_view text) {
  const auto normalized = normalize_address(text);
  return normalized ? *normalized : "invalid";
}

std::string domain(std::string_view text) {
  const auto normalized = normalize_domain(text);
  return normalized ? *normalized : "invalid";
}

TEST_CASE("an address compares in any spelling that a user or a client gives it") {
  CHECK(address("Local@Example.ÖRG") == "local@example.xn--rg-eka");
  CHECK(address("local@EXAMPLE.xn--RG-eka") == "local@example.xn--rg-eka");
  CHECK(address("\"Bob\"@example.org") == "bob@example.org");
  CHECK(address("\"b\\ob\"@example.org") == "bob@example.org");
  CHECK(address("\"Two Words\"@example.org") == "\"two words\"@example.org");
  CHECK(address("JÖRG@example.org") == "jörg@example.org");
  CHECK(address("jo\u0308rg@example.org") == "j\u00f6rg@example.org");  // combining marks, as macOS types
  CHECK(address("ΣΊΣΥΦΟΣ@example.org") == address("σίσυφος@example.org"));
  CHECK(address("straße@example.org") == "strasse@example.org");
  CHECK(address("用户@例子.测试") == "用户@xn--fsqu00a.xn--0zwm56d");
}

TEST_CASE("domains follow IDNA 2008, non-transitional, in lower case") {
  CHECK(domain("EXAMPLE.Org") == "example.org");
  CHECK(domain("faß.de") == "xn--fa-hia.de");
  CHECK(domain("Bücher.example") == "xn--bcher-kva.example");
  CHECK(domain("bücher。example") == "xn--bcher-kva.example");  // an ideographic full stop
  CHECK(domain("localhost") == "localhost");
  CHECK(domain("xn--i-7iq.ws") == "xn--i-7iq.ws");  // registered, though IDNA 2008 would not make it
  CHECK(domain(std::string(63, 'a') + ".org") != "invalid");
}

TEST_CASE("what is no domain is refused, also behind the mapping of Unicode") {
  for (const std::string& name : {std::string(),
                                  std::string("."),
                                  std::string("a..b"),
                                  std::string(".a"),
                                  std::string("a."),
                                  std::string("-a.org"),
                                  std::string("a-.org"),
                                  std::string("a b.org"),
                                  std::string("a@b.org"),
                                  std::string("192.0.2.1"),
                                  std::string("[192.0.2.1]"),
                                  std::string("a\0.org", 6),
                                  std::string("ö\0.org", 7),
                                  std::string("\xff.org"),
                                  std::string("☕.example"),
                                  std::string("a＠b.org"),
                                  std::string("ö／.org"),
                                  std::string(64, 'a') + ".org",
                                  std::string("a/b"),
                                  std::string(300, 'a'),
                                  std::string(2000, '\xc3')}) {
    CAPTURE(name);
    const auto normalized = normalize_domain(name);
    REQUIRE_FALSE(normalized);
    CHECK(normalized.error().code == base::Code::invalid);
    CHECK(normalized.error().text.size() > 10);
  }
  std::string too_long;
  for (int i = 0; i < 64; ++i) too_long += "aaa.";
  CHECK(domain(too_long + "org") == "invalid");
}

TEST_CASE("what is no address, or an address of a machine, is refused") {
  for (const char* text : {"", "@", "a@", "@b", "a", "a b@c", "a@b@", "a@[192.0.2.1]", "a@[IPv6:::1]", "a..b@c", ".a@c",
                           "a@-b", "\"a@b", "<a@b>", "a@1.2.3.4", "\xff@b"}) {
    CAPTURE(text);
    CHECK(address(text) == "invalid");
  }
  CHECK(address(std::string(255, 'a') + "@b") != "invalid");
  CHECK(address(std::string(256, 'a') + "@b") == "invalid");
  // Case folding makes two characters of this one, so what fits before need not fit afterwards.
  std::string growing;
  for (int i = 0; i < 100; ++i) growing += "ŉ";
  CHECK(address(growing + "@b") == "invalid");
  CHECK(address("ŉ@b") == "ʼn@b");
  CHECK(address("\xcd\xb8@b") == "invalid");  // U+0378 is not assigned
}

TEST_CASE("a target elsewhere keeps the spelling of its local part") {
  CHECK(*normalize_target("John.Doe@Example.ORG") == "John.Doe@example.org");
  CHECK(*normalize_target("\"John Doe\"@ÖRG.example") == "\"John Doe\"@xn--rg-eka.example");
  CHECK_FALSE(normalize_target("nobody"));
}

TEST_CASE("normalizing twice changes nothing") {
  std::mt19937 random(7);
  int normalized = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const auto add = [&](std::uint32_t point) {
      if (point < 0x80) {
        text += static_cast<char>(point);
      } else if (point < 0x800) {
        text += {static_cast<char>(0xC0 | (point >> 6)), static_cast<char>(0x80 | (point & 63))};
      } else {
        text += {static_cast<char>(0xE0 | (point >> 12)), static_cast<char>(0x80 | ((point >> 6) & 63)),
                 static_cast<char>(0x80 | (point & 63))};
      }
    };
    const std::uint32_t limits[] = {0x80, 0x400, 0x2000, 0xD800};
    const auto limit = limits[random() % 4];
    const auto length = 1 + random() % 5;
    for (unsigned k = 0; k < length; ++k) add(33 + random() % (limit - 33));
    text += "@b";
    if (random() % 2 == 0) {
      add(0xA0 + random() % 0x2000);
      text += "c";
    }
    const auto once = normalize_address(text);
    if (!once) continue;
    ++normalized;
    CAPTURE(base::hex(text));
    CAPTURE(base::hex(*once));
    CHECK(address(*once) == *once);
    CHECK(base::valid_utf8(*once));
  }
  CHECK(normalized > 3000);
}

TEST_CASE("a password is the same however the keyboard composes it") {
  CHECK(*prepare_password("Gru\u0308ße") == *prepare_password("Gr\u00fcße"));
  CHECK(*prepare_password("a\u00a0ä\u3000b") == "a ä b");
  CHECK(*prepare_password(" Case and spaces stay ") == " Case and spaces stay ");
  CHECK(*prepare_password("ﬁ²") == "ﬁ²");  // no compatibility mapping: it would make passwords weaker
}

TEST_CASE("no password is empty, endless, binary or has control characters") {
  for (const std::string& password :
       {std::string(), std::string(1025, 'x'), std::string("a\0b", 3), std::string("a\r\n"), std::string("\x7f"),
        std::string("\xff\xfe"), std::string("\xed\xa0\x80")}) {
    CHECK_FALSE(prepare_password(password));
  }
  CHECK(prepare_password(std::string(1024, 'x')));
}

}  // namespace
}  // namespace directory
