#include "mime/seven_bit.h"

namespace mime {

void SevenBit::feed(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    if (!held_.empty()) {
      kind_ == Kind::hz ? tilde(c, out) : escape(c, out);
    } else if (kind_ == Kind::hz ? c == '~' && !second_ : c == '\x1b') {
      held_ = c;
    } else {
      plain(c, out);
    }
  }
}

void SevenBit::finish(std::string& out) {
  out += held_;
  held_.clear();
}

void SevenBit::plain(char c, std::string& out) {
  // RFC 1468: a line ends in ASCII, as does one of HZ; so an escape that was lost costs one line.
  if (c == '\n') set_ = Set::ascii;
  const bool graphic = c > 0x20 && c < 0x7f;
  if (set_ == Set::ascii || !graphic) {
    second_ = false;
    out += c;
    return;
  }
  if (set_ == Set::kana) out += '\x8e';
  if (set_ == Set::jis_x_0212 && !second_) out += '\x8f';
  second_ = set_ != Set::kana && !second_;
  out += static_cast<char>(c | 0x80);
}

void SevenBit::escape(char c, std::string& out) {
  held_ += c;
  const std::string_view seen = std::string_view(held_).substr(1);
  if (seen == "(" || seen == "$" || seen == "$(") return;
  if (seen == "(B" || seen == "(J") {  // JIS X 0201's Roman set is ASCII but for two signs that are used as ASCII's
    set_ = Set::ascii;
  } else if (seen == "(I") {
    set_ = Set::kana;
  } else if (seen == "$@" || seen == "$B") {
    set_ = Set::two_bytes;
  } else if (seen == "$(D") {
    set_ = Set::jis_x_0212;
  } else {
    out += '\xff';  // an escape that is none: one sign that something is wrong here
  }
  held_.clear();
  second_ = false;
}

void SevenBit::tilde(char c, std::string& out) {
  if (c == '{') {
    set_ = Set::two_bytes;
  } else if (c == '}') {
    set_ = Set::ascii;
  } else if (c == '~') {
    out += '~';
  } else if (c != '\n') {  // RFC 1843: a line that goes on
    out += held_;
    out += c;
  }
  held_.clear();
  second_ = false;
}

}  // namespace mime
