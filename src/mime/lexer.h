#pragma once
// Lexer (private to mime): a cursor over a structured field body, with the lexical tokens that Content-Type, addresses
// and dates share (RFC 5322 §3.2). It never fails: what is not closed reaches to the end. Every byte is passed once.

#include <cstddef>
#include <string>
#include <string_view>

namespace mime {

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  void skip() { ++at_; }
  std::size_t position() const { return at_; }

  /// Takes `c` if it is next.
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  /// Passes white space and comments; the text of the last comment goes to `comment` if that is given. True if there
  /// was anything.
  bool skip_cfws(std::string* comment = nullptr);

  /// A quoted string, the cursor being on its quote: without quotes, backslashes and line ends.
  std::string quoted_string();

  /// A comment, the cursor being on its parenthesis: without the outer parentheses and backslashes.
  std::string comment();

  /// "[192.0.2.1]" with its brackets, the cursor being on the first.
  std::string domain_literal();

  /// Bytes up to the first that `stop` names, or the end.
  template <class Stop>
  std::string_view until(Stop stop) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !stop(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// White space of a field body, with the line ends of its folding and the control bytes that the wild puts there.
constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; }

/// A line of a header block taken apart. False if it is no field: no colon, or a name that is none (RFC 5322 §2.2).
struct FieldLine {
  std::string_view name;
  std::string_view body;
};
bool split_field(std::string_view line, FieldLine& out);

}  // namespace mime
