#include "mime/encode.h"

#include <algorithm>

#include "base/text.h"
#include "mime/utf8.h"

namespace mime {
namespace {

constexpr std::size_t kLine = 76;
constexpr std::string_view kWordBegin = "=?utf-8?B?";
constexpr std::size_t kWordFrame = kWordBegin.size() + 2;  // and "?="

void append_hex(std::string& out, char mark, char c) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += mark;
  out += digits[byte >> 4];
  out += digits[byte & 15U];
}

// RFC 2047 §5 (3): what may stand for itself in a phrase, the narrowest of the three places.
bool plain_in_word(char c) {
  return base::is_alpha(c) || base::is_digit(c) || (c != '\0' && std::string_view("!*+-/").contains(c));
}

std::size_t q_size(std::string_view text) {
  std::size_t size = 0;
  for (const char c : text) size += plain_in_word(c) || c == ' ' ? 1 : 3;
  return size;
}

std::string encoded_word(std::string_view text, bool q) {
  std::string out(kWordBegin);
  if (!q) return out + base::base64_encode(text) + "?=";
  out[kWordBegin.size() - 2] = 'Q';
  for (const char c : text) {
    if (plain_in_word(c) || c == ' ') {
      out += c == ' ' ? '_' : c;
    } else {
      append_hex(out, '=', c);
    }
  }
  return out + "?=";
}

bool starts_line_of_trouble(std::string_view rest) { return rest.starts_with('.') || rest.starts_with("From "); }

}  // namespace

std::string encode_base64(std::string_view bytes) {
  constexpr std::size_t kBytes = kLine / 4 * 3;
  std::string out;
  out.reserve(bytes.size() / kBytes * (kLine + 2) + kLine + 2);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kBytes, bytes.size()))) {
    out += base::base64_encode(bytes.substr(0, kBytes)) + "\r\n";
  }
  return out;
}

std::string encode_quoted_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  std::size_t line = 0;  // where the line began in `out`
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\r\n")) {
      out += "\r\n";
      line = out.size();
      ++i;
      continue;
    }
    const char c = rest[0];
    // RFC 2045 §6.7 (3): white space must not end a line.
    const bool ends = rest.size() == 1 || rest.substr(1).starts_with("\r\n");
    const bool blank = base::is_space(c);
    const bool plain = blank ? !ends : c > ' ' && c < 127 && c != '=';
    if (out.size() - line + (plain ? 1 : 3) > (ends ? kLine : kLine - 1)) {
      out += "=\r\n";
      line = out.size();
    }
    if (plain && (out.size() > line || !starts_line_of_trouble(rest))) {
      out += c;
    } else {
      append_hex(out, '=', c);
    }
  }
  return out;
}

std::vector<std::string> encoded_words(std::string_view utf8, std::size_t first_room) {
  const bool q = q_size(utf8) <= (utf8.size() + 2) / 3 * 4;
  std::vector<std::string> out;
  std::size_t room = first_room >= kWordFrame + 12 ? std::min<std::size_t>(first_room, 75) : 75;
  std::size_t begin = 0;
  std::size_t size = 0;  // of what has been taken, encoded as Q
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t character = at;
    next_utf8(utf8, at);
    size += q_size(utf8.substr(character, at - character));
    const std::size_t encoded = q ? size : (at - begin + 2) / 3 * 4;
    if (encoded + kWordFrame > room) {
      out.push_back(encoded_word(utf8.substr(begin, character - begin), q));
      room = 75;
      begin = character;
      size = q_size(utf8.substr(character, at - character));
    }
  }
  if (begin < utf8.size()) out.push_back(encoded_word(utf8.substr(begin), q));
  return out;
}

std::string clean_text(std::string_view text, std::size_t limit) {
  std::string out;
  for (std::size_t at = 0; at < text.size() && out.size() + 4 <= limit;) {
    const char32_t c = next_utf8(text, at);
    append_utf8(out, c < 0x20 || (c >= 0x7f && c < 0xa0) ? U' ' : c);
  }
  return std::string(base::trim(out));
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' || text[i] == '\n') {
      if (text[i] == '\r' && text.substr(i + 1).starts_with('\n')) ++i;
      out += "\r\n";
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace mime
