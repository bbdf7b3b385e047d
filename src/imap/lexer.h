#pragma once
// Lexer: a cursor over the text of one command as the framer gives it, with the tokens of RFC 9051 §9. Every function
// either takes what it names and says so, or leaves the cursor where it was. Pure, total, linear.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imap {

bool is_atom_char(char c);     // ATOM-CHAR
bool is_astring_char(char c);  // ASTRING-CHAR
bool is_list_char(char c);     // list-char

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  /// The next byte, or NUL at the end.
  char peek() const { return done() ? '\0' : text_[at_]; }
  std::size_t position() const { return at_; }
  std::string_view rest() const { return text_.substr(at_); }

  bool take(char c);
  /// Exactly one space (RFC 9051 §9, note 2).
  bool space() { return take(' '); }
  /// The word, case-insensitively, if no further ATOM-CHAR follows it.
  bool word(std::string_view word);
  /// As word(), whatever follows ("BODY[", "BODY.PEEK[").
  bool prefix(std::string_view word);

  /// A run of the characters; empty when there is none.
  std::string_view atom() { return run(is_atom_char); }
  std::string_view astring_atom() { return run(is_astring_char); }
  std::string_view run(bool (*accept)(char));

  /// string = quoted / literal. RFC 9051 §4.3; NUL is not taken. Bytes above 127 have to be UTF-8 in a quoted string,
  /// and are taken as they are in a literal.
  std::optional<std::string> string();
  std::optional<std::string> astring();
  /// nstring, as ID has it (RFC 2971 §3.1): the outer optional is the syntax, the inner one NIL.
  std::optional<std::optional<std::string>> nstring();
  /// nstring / literal8, which may hold NUL (RFC 5464 §5, value).
  std::optional<std::optional<std::string>> nstring8();
  /// list-mailbox: list characters or a string.
  std::optional<std::string> list_mailbox();

  std::optional<std::uint32_t> number();     // 32 bits
  std::optional<std::uint32_t> nz_number();  // not zero, no leading zero
  std::optional<std::uint64_t> number64();   // 63 bits

 private:
  std::optional<std::string> quoted();
  std::optional<std::string> literal(bool binary = false);

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace imap
