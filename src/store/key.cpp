#include "store/key.h"

namespace store {
namespace {

// A text's own zero bytes are written 00 FF and its end 00 01: the end sorts before every byte that could follow.
constexpr char kEscape = '\x00';
constexpr char kEscapedZero = '\xFF';
constexpr char kEnd = '\x01';

template <class Number>
void append_big_endian(std::string& out, Number value) {
  char bytes[sizeof(Number)];
  for (std::size_t i = sizeof(Number); i-- > 0; value = static_cast<Number>(value >> 7 >> 1)) {
    bytes[i] = static_cast<char>(value & 0xFF);
  }
  out.append(bytes, sizeof(bytes));
}

template <class Number>
bool take_big_endian(std::string_view& in, Number& value) {
  if (in.size() < sizeof(Number)) return false;
  Number result = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    result = static_cast<Number>(result << 7 << 1 | static_cast<unsigned char>(in[i]));
  }
  value = result;
  in.remove_prefix(sizeof(Number));
  return true;
}

}  // namespace

void append_key_part(std::string& out, std::uint8_t value) { out.push_back(static_cast<char>(value)); }
void append_key_part(std::string& out, std::uint32_t value) { append_big_endian(out, value); }
void append_key_part(std::string& out, std::uint64_t value) { append_big_endian(out, value); }

void append_key_part(std::string& out, std::string_view value) {
  out.reserve(out.size() + value.size() + 2);
  for (const char c : value) {
    out.push_back(c);
    if (c == kEscape) out.push_back(kEscapedZero);
  }
  out.push_back(kEscape);
  out.push_back(kEnd);
}

bool take_key_part(std::string_view& in, std::uint8_t& value) { return take_big_endian(in, value); }
bool take_key_part(std::string_view& in, std::uint32_t& value) { return take_big_endian(in, value); }
bool take_key_part(std::string_view& in, std::uint64_t& value) { return take_big_endian(in, value); }

bool take_key_part(std::string_view& in, std::string& value) {
  value.clear();
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] != kEscape) {
      value.push_back(in[i]);
      continue;
    }
    if (++i == in.size()) return false;
    if (in[i] == kEnd) {
      in.remove_prefix(i + 1);
      return true;
    }
    if (in[i] != kEscapedZero) return false;
    value.push_back(kEscape);
  }
  return false;
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xFF') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace store
