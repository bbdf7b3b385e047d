#include "base/text.h"

#include <doctest/doctest.h>

TEST_CASE("base64 round-trips every length and refuses what is not base64") {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    CHECK(base::base64_decode(base::base64_encode(bytes)) == bytes);
    bytes += static_cast<char>(i * 37);
  }
  CHECK(base::base64_encode("fo") == "Zm8=");
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zm 8", "Zm8=Zm8="}) CHECK_FALSE(base::base64_decode(bad));
}

TEST_CASE("numbers are digits only and within range") {
  CHECK(base::parse_u64("18446744073709551615") == UINT64_MAX);
  CHECK(base::parse_u32("4294967295") == UINT32_MAX);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "18446744073709551616", "99999999999999999999", "0x1"}) {
    CHECK_FALSE(base::parse_u64(bad));
  }
  CHECK_FALSE(base::parse_u32("4294967296"));
}

TEST_CASE("UTF-8 is well formed or refused") {
  CHECK(base::valid_utf8("plain Grüße 邮件 🐎"));
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\xFF", "\x80"}) {
    CHECK_FALSE(base::valid_utf8(bad));
  }
}

TEST_CASE("hexadecimal text is read in any case, in pairs of digits only") {
  CHECK(base::hex(*base::hex_decode("00fFaB19")) == "00ffab19");
  CHECK(base::hex_decode("") == "");
  for (const char* text : {"0", "0g", "g0", " 0", "0x", "000"}) CHECK_FALSE(base::hex_decode(text));
}

TEST_CASE("text for logs never carries control bytes") {
  CHECK(base::printable("a\r\nb\x1b[0m") == "a\\x0d\\x0ab\\x1b[0m");
  CHECK(base::printable("abcdef", 3) == "abc…");
}
