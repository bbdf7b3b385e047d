#pragma once
// What the parser wants to know of every byte of a message (private to mime), found in one pass that the compiler turns
// into vector code: no branch depends on the data.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace mime {

struct Scan {
  std::size_t line_ends = 0;
  bool eight_bit = false;
  bool nul = false;
  bool bare = false;  // a CR without LF or a LF without CR; a CR at the end is not judged
  bool dash = false;  // some line begins with a hyphen
};

/// `previous` is the byte before the block, which must not be empty.
inline Scan scan(std::string_view block, char previous) {
  const auto before = static_cast<unsigned char>(previous);
  const auto* p = reinterpret_cast<const unsigned char*>(block.data());
  const std::size_t n = block.size();
  Scan out{.line_ends = p[0] == '\n'};
  unsigned char all = p[0];
  unsigned char nul = p[0] == 0;
  unsigned char bare = (before == '\r') != (p[0] == '\n');
  unsigned char dash = before == '\n' && p[0] == '-';
  for (std::size_t i = 1; i < n;) {
    unsigned char line_ends = 0;  // a byte wide, so that as many lanes are as wide as the data; 128 cannot overflow it
    for (const std::size_t stop = std::min(n, i + 128); i < stop; ++i) {
      const unsigned char lf = p[i] == '\n';
      line_ends = static_cast<unsigned char>(line_ends + lf);
      all |= p[i];
      nul |= p[i] == 0;
      bare |= static_cast<unsigned char>((p[i - 1] == '\r') ^ lf);
      dash |= (p[i - 1] == '\n') & (p[i] == '-');
    }
    out.line_ends += line_ends;
  }
  out.eight_bit = all >= 0x80;
  out.nul = nul;
  out.bare = bare;
  out.dash = dash;
  return out;
}

}  // namespace mime
