#include "mime/decode.h"

#include <array>
#include <cstdint>

#include "base/text.h"

namespace mime {
namespace {

constexpr std::array<std::int8_t, 256> base64_table() {
  std::array<std::int8_t, 256> out{};
  out.fill(-1);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return out;
}

// RFC 2045 §6.8: what is not in the alphabet is passed over. Padding ends a group, and another may follow: some
// programs put encoded pieces one behind the other.
std::string decode_base64(std::string_view body) {
  static constexpr auto kTable = base64_table();
  std::string out;
  out.reserve(body.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : body) {
    const int value = kTable[static_cast<unsigned char>(c)];
    if (value < 0) {
      if (c == '=') count = 0;
      continue;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    ++count;
    if (count > 1) out += static_cast<char>(bits >> (count == 2 ? 4 : count == 3 ? 2 : 0) & 0xff);
    if (count == 4) count = 0;
  }
  return out;
}

int hex_value(char c) {
  if (base::is_digit(c)) return c - '0';
  c = base::ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The length of blanks and a line end that stand at `at`, or 0 if something else does.
std::size_t soft_break(std::string_view body, std::size_t at) {
  const std::size_t begin = at;
  while (at < body.size() && base::is_space(body[at])) ++at;
  if (at == body.size()) return at - begin;
  if (body[at] == '\r') ++at;
  return at < body.size() && body[at] == '\n' ? at + 1 - begin : 0;
}

// RFC 2045 §6.7. An equals sign that begins no code is kept; blanks at the end of a line are not part of the text.
std::string decode_quoted_printable(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  std::size_t solid = 0;  // output up to here may not be taken back as blanks at a line's end
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\n' || c == '\r') {
      while (out.size() > solid && base::is_space(out.back())) out.pop_back();
      out += c;
      solid = out.size();
      continue;
    }
    if (c != '=') {
      out += c;
      if (!base::is_space(c)) solid = out.size();
      continue;
    }
    const int high = i + 2 < body.size() ? hex_value(body[i + 1]) : -1;
    const int low = i + 2 < body.size() ? hex_value(body[i + 2]) : -1;
    const std::size_t soft = high < 0 || low < 0 ? soft_break(body, i + 1) : 0;
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else if (soft > 0) {
      i += soft;
    } else if (i + 1 < body.size()) {
      out += c;
    }
    solid = out.size();
  }
  while (out.size() > solid && base::is_space(out.back())) out.pop_back();
  return out;
}

}  // namespace

std::string decode_transfer(std::string_view body, std::string_view encoding) {
  encoding = base::trim(encoding);
  if (base::iequals(encoding, "base64")) return decode_base64(body);
  if (base::iequals(encoding, "quoted-printable")) return decode_quoted_printable(body);
  return std::string(body);
}

}  // namespace mime
