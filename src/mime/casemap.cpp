// unicode_casemap(): RFC 5051 §2 with utf8proc.

#include "mime/casemap.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "mime/utf8.h"

namespace mime {
namespace {

constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE);

// utf8proc gives U+00DF a title case that UnicodeData.txt does not have.
utf8proc_int32_t title_case(char32_t c) {
  return c == 0xdf ? 0xdf : utf8proc_totitle(static_cast<utf8proc_int32_t>(c));
}

void append_mapped(std::string& out, char32_t c) {
  // The longest compatibility decomposition has 18 characters (U+FDFA).
  utf8proc_int32_t parts[32];
  int boundary = 0;
  const auto count = utf8proc_decompose_char(title_case(c), parts, 32, kDecompose, &boundary);
  for (utf8proc_ssize_t i = 0; i < count && i < 32; ++i) append_utf8(out, static_cast<char32_t>(parts[i]));
}

/// What the characters of two bytes in UTF-8 become: those of most alphabets.
class TwoByteTable {
 public:
  TwoByteTable() {
    for (char32_t c = kFirst; c < kEnd; ++c) {
      append_mapped(bytes_, c);
      ends_[c - kFirst] = static_cast<std::uint16_t>(bytes_.size());
    }
  }

  std::string_view operator[](char32_t c) const {
    const std::size_t begin = c == kFirst ? 0 : ends_[c - kFirst - 1];
    return std::string_view(bytes_).substr(begin, ends_[c - kFirst] - begin);
  }

  static constexpr char32_t kFirst = 0x80;
  static constexpr char32_t kEnd = 0x800;

 private:
  std::string bytes_;
  std::array<std::uint16_t, kEnd - kFirst> ends_{};
};

}  // namespace

std::string unicode_casemap(std::string_view utf8) {
  static const TwoByteTable kTable;
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t at = 0; at < utf8.size();) {
    if (const std::size_t run = ascii_run(utf8, at); run > 0) {
      const std::size_t begin = out.size();
      out += utf8.substr(at, run);
      std::transform(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                     out.begin() + static_cast<std::ptrdiff_t>(begin), base::ascii_upper);
      at += run;
    }
    while (at < utf8.size() && static_cast<unsigned char>(utf8[at]) >= 0x80) {
      const char32_t c = next_utf8(utf8, at);
      if (c < TwoByteTable::kEnd) {
        out += kTable[c];
      } else {
        append_mapped(out, c);
      }
    }
  }
  return out;
}

}  // namespace mime
