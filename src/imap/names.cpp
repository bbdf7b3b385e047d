#include "imap/names.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/text.h"
#include "imap/lexer.h"
#include "mailstore/types.h"

namespace imap {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

constexpr bool is_printable(char32_t c) { return c >= 0x20 && c <= 0x7e; }

void append_utf8(std::string& out, char32_t c) {
  const auto byte = [&](char32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | (c >> 6));
    byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | (c >> 12));
    byte(0x80 | ((c >> 6) & 0x3f));
    byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | (c >> 18));
    byte(0x80 | ((c >> 12) & 0x3f));
    byte(0x80 | ((c >> 6) & 0x3f));
    byte(0x80 | (c & 0x3f));
  }
}

// The character at `at` of valid UTF-8.
char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&] { return static_cast<unsigned char>(text[at++]); };
  const unsigned char first = byte();
  if (first < 0x80) return first;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  char32_t c = first & (0x3f >> more);
  for (int i = 0; i < more && at < text.size(); ++i) c = (c << 6) | (byte() & 0x3f);
  return c;
}

// One shifted sequence, without "&" and "-": UTF-16 in base64.
bool decode_shifted(std::string_view base64, std::string& out) {
  std::uint32_t bits = 0;
  int count = 0;
  char32_t high = 0;
  for (const char c : base64) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 16) continue;
    count -= 16;
    const char32_t unit = (bits >> count) & 0xffff;
    bits &= (1u << count) - 1;
    if (high != 0) {
      if (unit < 0xdc00 || unit > 0xdfff) return false;
      append_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
      high = 0;
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
      high = unit;
    } else if ((unit >= 0xdc00 && unit <= 0xdfff) || is_printable(unit)) {
      return false;
    } else {
      append_utf8(out, unit);
    }
  }
  return high == 0 && count < 6 && bits == 0;
}

void append_shifted(std::string& out, const std::vector<char16_t>& units) {
  out += '&';
  std::uint32_t bits = 0;
  int count = 0;
  for (const char16_t unit : units) {
    bits = (bits << 16) | unit;
    count += 16;
    while (count >= 6) {
      count -= 6;
      out += kAlphabet[(bits >> count) & 0x3f];
    }
    bits &= (1u << count) - 1;
  }
  if (count > 0) out += kAlphabet[(bits << (6 - count)) & 0x3f];
  out += '-';
}

}  // namespace

std::optional<std::string> decode_utf7(std::string_view name) {
  std::string out;
  bool after_shift = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_printable(static_cast<unsigned char>(name[i]))) return std::nullopt;
    if (name[i] != '&') {
      out += name[i];
      after_shift = false;
      continue;
    }
    const std::size_t end = name.find('-', i + 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view base64 = name.substr(i + 1, end - i - 1);
    if (base64.empty()) {
      out += '&';
      after_shift = false;
    } else {
      if (after_shift || !decode_shifted(base64, out)) return std::nullopt;
      after_shift = true;
    }
    i = end;
  }
  return out;
}

std::string encode_utf7(std::string_view utf8) {
  std::string out;
  std::vector<char16_t> units;
  const auto flush = [&] {
    if (!units.empty()) append_shifted(out, units);
    units.clear();
  };
  for (std::size_t i = 0; i < utf8.size();) {
    const char32_t c = next_character(utf8, i);
    if (is_printable(c)) {
      flush();
      out += static_cast<char>(c);
      if (c == '&') out += '-';
    } else if (c < 0x10000) {
      units.push_back(static_cast<char16_t>(c));
    } else {
      units.push_back(static_cast<char16_t>(0xd800 + ((c - 0x10000) >> 10)));
      units.push_back(static_cast<char16_t>(0xdc00 + ((c - 0x10000) & 0x3ff)));
    }
  }
  flush();
  return out;
}

base::Result<std::string> decode_name(std::string_view wire, bool utf8) {
  const bool ascii = std::ranges::none_of(wire, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (utf8 || !ascii) {
    if (!base::valid_utf8(wire)) return base::fail(base::Code::invalid, "The mailbox name is not valid UTF-8");
    return std::string(wire);
  }
  if (auto name = decode_utf7(wire)) return std::move(*name);
  return base::fail(base::Code::invalid, "The mailbox name is not in modified UTF-7");
}

void append_string(std::string& out, std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
  if (plain) return append_quoted(out, text);
  out += '{';
  out += std::to_string(text.size());
  out += "}\r\n";
  out += text;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_astring(std::string& out, std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_astring_char) && !base::iequals(text, "NIL")) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

void append_name(std::string& out, std::string_view name, bool utf8) {
  if (utf8) {
    append_astring(out, name);
  } else {
    append_astring(out, encode_utf7(name));
  }
}

// A state is a position in the pattern, a set of states a bit set; so a match costs the same for every pattern.
struct Pattern::Automaton {
  static constexpr std::size_t kStates = 1088;  // more than kMaxNameBytes and one
  static_assert(kStates > mailstore::kMaxNameBytes + 1);
  using Set = std::bitset<kStates>;

  std::array<Set, 256> passes;  // by byte: the states that it leads one further
  Set stars;
  Set percents;
};

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;

Pattern::Pattern(std::string_view text) {
  for (const char c : text) {
    const bool wild = c == '*' || c == '%';
    if (wild && !text_.empty() && (text_.back() == '*' || text_.back() == '%')) {
      if (c == '*') text_.back() = '*';  // "%*" and "*%" match what "*" does
      continue;
    }
    text_ += c;
  }
  if (base::istarts_with(text_, "INBOX") && (text_.size() == 5 || text_[5] == mailstore::kHierarchySeparator)) {
    text_.replace(0, 5, "INBOX");
  }
  if (text_.size() >= Automaton::kStates) return;
  auto automaton = std::make_unique<Automaton>();
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '*') {
      automaton->stars.set(i);
    } else if (text_[i] == '%') {
      automaton->percents.set(i);
    } else {
      automaton->passes[static_cast<unsigned char>(text_[i])].set(i);
    }
  }
  automaton_ = std::move(automaton);
}

bool Pattern::matches(std::string_view name) const {
  if (!automaton_) return false;
  if (text_ == "*") return true;
  const auto& [passes, stars, percents] = *automaton_;
  const Automaton::Set wild = stars | percents;
  Automaton::Set now;
  now.set(0);
  now |= (now & wild) << 1;  // a wildcard may also match nothing; no two stand side by side
  for (const char c : name) {
    Automaton::Set next = (now & passes[static_cast<unsigned char>(c)]) << 1;
    next |= now & (c == mailstore::kHierarchySeparator ? stars : wild);
    next |= (next & wild) << 1;
    if (next.none()) return false;
    now = next;
  }
  return now.test(text_.size());
}

}  // namespace imap
