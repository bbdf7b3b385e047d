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

/// As it is when valid; else with U+FFFD for each byte that is not.
std::string repair_utf8(std::string_view text);

}  // namespace mime
