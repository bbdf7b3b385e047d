#include "imap/lexer.h"

#include <array>

#include "base/text.h"

namespace imap {

namespace {

enum : std::uint8_t { kAtom = 1, kAstring = 2, kList = 4 };

// RFC 9051 §9: CHAR without the atom-specials; astrings also have "]", list patterns also the wildcards.
constexpr std::array<std::uint8_t, 256> kKinds = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (int c = 0x21; c < 0x7f; ++c) kinds[static_cast<std::size_t>(c)] = kAtom | kAstring | kList;
  for (const char c : {'(', ')', '{', '"', '\\'}) kinds[static_cast<unsigned char>(c)] = 0;
  kinds[static_cast<unsigned char>(']')] = kAstring | kList;
  kinds[static_cast<unsigned char>('%')] = kList;
  kinds[static_cast<unsigned char>('*')] = kList;
  return kinds;
}();

bool is_kind(char c, std::uint8_t kind) { return (kKinds[static_cast<unsigned char>(c)] & kind) != 0; }

}  // namespace

bool is_atom_char(char c) { return is_kind(c, kAtom); }
bool is_astring_char(char c) { return is_kind(c, kAstring); }
bool is_list_char(char c) { return is_kind(c, kList); }

bool Cursor::take(char c) {
  if (done() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool Cursor::prefix(std::string_view word) {
  if (!base::istarts_with(rest(), word)) return false;
  at_ += word.size();
  return true;
}

bool Cursor::word(std::string_view word) {
  if (!base::istarts_with(rest(), word)) return false;
  const std::size_t after = at_ + word.size();
  if (after < text_.size() && is_atom_char(text_[after])) return false;
  at_ = after;
  return true;
}

std::string_view Cursor::run(bool (*accept)(char)) {
  const std::size_t begin = at_;
  while (at_ < text_.size() && accept(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

std::optional<std::string> Cursor::quoted() {
  std::string out;
  for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
    char c = text_[i];
    if (c == '"') {
      // RFC 6855 §3.
      if (!base::valid_utf8(out)) return std::nullopt;
      at_ = i + 1;
      return out;
    }
    if (c == '\\') {
      if (++i == text_.size()) return std::nullopt;
      c = text_[i];
      // RFC 9051 §9 has only \" and \\; some clients escape other characters, and there is only one way to read that.
    }
    if (c == '\r' || c == '\n' || c == '\0') return std::nullopt;
    out += c;
  }
  return std::nullopt;
}

std::optional<std::string> Cursor::literal(bool binary) {
  std::size_t i = at_ + (binary ? 2 : 1);
  const std::size_t digits = i;
  while (i < text_.size() && base::is_digit(text_[i])) ++i;
  const auto size = base::parse_u64(text_.substr(digits, i - digits));
  if (!size) return std::nullopt;
  if (i < text_.size() && text_[i] == '+') ++i;
  if (i == text_.size() || text_[i] != '}') return std::nullopt;
  ++i;
  if (i < text_.size() && text_[i] == '\r') ++i;
  if (i == text_.size() || text_[i] != '\n') return std::nullopt;
  ++i;
  if (*size > text_.size() - i) return std::nullopt;
  const std::string_view bytes = text_.substr(i, static_cast<std::size_t>(*size));
  if (!binary && bytes.find('\0') != std::string_view::npos) return std::nullopt;
  at_ = i + bytes.size();
  return std::string(bytes);
}

std::optional<std::string> Cursor::string() {
  if (peek() == '"') return quoted();
  if (peek() == '{') return literal();
  return std::nullopt;
}

std::optional<std::string> Cursor::astring() {
  if (const auto atom = astring_atom(); !atom.empty()) return std::string(atom);
  return string();
}

std::optional<std::optional<std::string>> Cursor::nstring() {
  if (word("NIL")) return std::optional<std::string>();
  if (auto text = string()) return std::move(text);
  return std::nullopt;
}

std::optional<std::optional<std::string>> Cursor::nstring8() {
  if (!rest().starts_with("~{")) return nstring();
  auto bytes = literal(/*binary=*/true);
  return bytes ? std::optional(std::move(bytes)) : std::nullopt;
}

std::optional<std::string> Cursor::list_mailbox() {
  if (const auto chars = run(is_list_char); !chars.empty()) return std::string(chars);
  return string();
}

std::optional<std::uint32_t> Cursor::number() {
  const std::size_t begin = at_;
  const auto value = base::parse_u32(run(base::is_digit));
  if (!value) at_ = begin;
  return value;
}

std::optional<std::uint32_t> Cursor::nz_number() {
  const std::size_t begin = at_;
  const auto value = number();
  if (!value || text_[begin] == '0') {
    at_ = begin;
    return std::nullopt;
  }
  return value;
}

std::optional<std::uint64_t> Cursor::number64() {
  const std::size_t begin = at_;
  const auto value = base::parse_u64(run(base::is_digit));
  if (!value || *value >> 63) {
    at_ = begin;
    return std::nullopt;
  }
  return value;
}

}  // namespace imap
