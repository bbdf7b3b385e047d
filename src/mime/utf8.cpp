#include "mime/utf8.h"

#include <cstring>

namespace mime {
namespace {

// RFC 3629 §4: how many bytes follow the first, and the least character that needs as many.
struct Lead {
  std::size_t following;
  char32_t least;
  char32_t bits;
};

bool lead(unsigned char c, Lead& out) {
  if (c >= 0xc2 && c <= 0xdf) return out = {1, 0x80, c & 0x1fU}, true;
  if (c >= 0xe0 && c <= 0xef) return out = {2, 0x800, c & 0x0fU}, true;
  if (c >= 0xf0 && c <= 0xf4) return out = {3, 0x10000, c & 0x07U}, true;
  return false;
}

}  // namespace

char32_t next_utf8(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  Lead l{};
  if (!lead(first, l) || text.size() - at < l.following) return kReplacement;
  char32_t c = l.bits;
  for (std::size_t i = 0; i < l.following; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xc0) != 0x80) return kReplacement;
    c = c << 6 | (byte & 0x3fU);
  }
  if (c < l.least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return kReplacement;
  at += l.following;
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  auto byte = [&](char32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | c >> 6);
    byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12);
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | c >> 18);
    byte(0x80 | (c >> 12 & 0x3f));
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  }
}

std::size_t ascii_run(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  std::uint64_t word = 0;
  while (text.size() - at >= sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (word & 0x8080808080808080ULL) break;
    at += sizeof word;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at - begin;
}

bool is_cut_utf8(std::string_view text) {
  Lead l{};
  if (text.empty() || !lead(static_cast<unsigned char>(text[0]), l) || text.size() > l.following) return false;
  char32_t c = l.bits;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return false;
    c = c << 6 | (byte & 0x3fU);
  }
  // The least and the most that it can become must leave it a chance, or its first byte is wrong whatever follows.
  const std::size_t missing = l.following + 1 - text.size();
  const char32_t least = c << 6 * missing;
  const char32_t most = least | ((1U << 6 * missing) - 1);
  return most >= l.least && least <= 0x10ffff && !(least >= 0xd800 && most <= 0xdfff);
}

void append_repaired(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t run = ascii_run(text, at);
    out += text.substr(at, run);
    at += run;
    if (at < text.size()) append_utf8(out, next_utf8(text, at));
  }
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_repaired(out, text);
  return out;
}

}  // namespace mime
