#pragma once
// Charsets that switch between sets by escapes within seven bits (private to mime), rewritten to the eight-bit form
// that iconv has of them: ISO-2022-JP to EUC-JP (RFC 1468, with JIS X 0212 and the half-width kana that mail adds), HZ
// to GB 2312 (RFC 1843). glibc's ISO-2022-JP refuses the characters of NEC and IBM that every Japanese program sends,
// and it has no HZ. Bytes that fit no rule are passed on, for iconv to judge. Pure, total, linear; any pieces give what
// the whole gives.

#include <cstdint>
#include <string>
#include <string_view>

namespace mime {

class SevenBit {
 public:
  enum class Kind { iso_2022_jp, hz };
  explicit SevenBit(Kind kind) : kind_(kind) {}

  void feed(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  enum class Set : std::uint8_t { ascii, kana, two_bytes, jis_x_0212 };

  void plain(char c, std::string& out);
  void escape(char c, std::string& out);
  void tilde(char c, std::string& out);

  Kind kind_;
  Set set_ = Set::ascii;
  bool second_ = false;  // the next byte is the second of a character
  std::string held_;     // an escape that is not complete
};

}  // namespace mime
