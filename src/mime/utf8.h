#pragma once
// UTF-8 one character at a time (private to mime). Pure and total.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mime {

inline constexpr char32_t kReplacement = 0xfffd;

/// The character at `at`, which is moved behind it. A byte that begins none gives kReplacement and is passed alone.
char32_t next_utf8(std::string_view text, std::size_t& at);

void append_utf8(std::string& out, char32_t c);

/// The length of the run of ASCII bytes that begins at `at`.
std::size_t ascii_run(std::string_view text, std::size_t at);

/// True if `text` is the beginning of a character and ends within it.
bool is_cut_utf8(std::string_view text);

/// Adds `text`, with U+FFFD for each byte that is no UTF-8.
void append_repaired(std::string& out, std::string_view text);

/// As it is when valid; else with U+FFFD for each byte that is not.
std::string repair_utf8(std::string_view text);

/// White space and control characters: what a text is folded at.
constexpr bool is_white_space(char32_t c) {
  return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/// Characters without a width, with which mail pads what a preview shows. Between letters they may have a meaning.
constexpr bool is_invisible(char32_t c) {
  return c == 0xad || c == 0x34f || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2060 && c <= 0x2064) ||
         c == 0xfeff;
}

}  // namespace mime
