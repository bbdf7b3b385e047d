#include "mime/lexer.h"

#include "base/text.h"

namespace mime {

bool Lexer::skip_cfws(std::string* comment_text) {
  const std::size_t begin = at_;
  while (!done()) {
    if (is_blank(text_[at_])) {
      ++at_;
    } else if (text_[at_] == '(') {
      std::string text = comment();
      if (comment_text) *comment_text = std::move(text);
    } else {
      break;
    }
  }
  return at_ > begin;
}

std::string Lexer::quoted_string() {
  std::string out;
  ++at_;
  while (!done()) {
    char c = text_[at_++];
    if (c == '"') break;
    if (c == '\r' || c == '\n') continue;  // folding
    if (c == '\\' && !done()) c = text_[at_++];
    out += c;
  }
  return out;
}

std::string Lexer::comment() {
  std::string out;
  std::size_t depth = 0;
  while (!done()) {
    char c = text_[at_++];
    if (c == '(' && depth++ == 0) continue;
    if (c == ')' && --depth == 0) break;
    if (c == '\r' || c == '\n') continue;
    if (c == '\\' && !done()) c = text_[at_++];
    out += c;
  }
  return std::string(base::trim(out));
}

std::string Lexer::domain_literal() {
  std::string out;
  while (!done()) {
    const char c = text_[at_++];
    if (!is_blank(c)) out += c;
    if (c == ']') break;
  }
  return out;
}

bool split_field(std::string_view line, FieldLine& out) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view name = line.substr(0, colon);
  // RFC 5322 §4.5: white space before the colon is obsolete and must be taken.
  while (!name.empty() && base::is_space(name.back())) name.remove_suffix(1);
  if (name.empty()) return false;
  for (const char c : name) {
    if (c < 33 || c > 126) return false;
  }
  out = {name, line.substr(colon + 1)};
  return true;
}

}  // namespace mime
