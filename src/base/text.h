#pragma once
// Small pure helpers for protocol text: ASCII only and independent of the locale. All linear in their input.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string lower(std::string_view text);
std::string upper(std::string_view text);

/// ASCII case-insensitive comparisons.
bool iequals(std::string_view a, std::string_view b);
bool istarts_with(std::string_view text, std::string_view prefix);

/// Without spaces, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);

/// All digits and within range, or nothing. No sign, no space, no empty text.
std::optional<std::uint64_t> parse_u64(std::string_view text);
std::optional<std::uint32_t> parse_u32(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);

/// Well-formed UTF-8 (RFC 3629): no overlong forms, surrogates or values above U+10FFFF.
bool valid_utf8(std::string_view text);

/// RFC 4648 base64 with padding; decode is strict (no white space, right padding) and returns nothing on any error.
std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);

std::string hex(std::string_view bytes);
/// The bytes of hexadecimal text in any case, or nothing.
std::optional<std::string> hex_decode(std::string_view text);

/// For logs and replies: control bytes and bytes above 126 as \xNN, cut to at most `limit` bytes of input with "…".
std::string printable(std::string_view bytes, std::size_t limit = 200);

}  // namespace base
