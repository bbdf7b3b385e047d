#pragma once
// Mailbox names on the wire: modified UTF-7 for IMAP4rev1 (RFC 3501 §5.1.3), UTF-8 once IMAP4rev2 or
// UTF8=ACCEPT is enabled (RFC 9051 §5.1, RFC 6855 §3), the strings that carry them, and LIST patterns. Pure, total;
// patterns match in bounded time.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace imap {

/// Modified UTF-7 to UTF-8; nothing when it is malformed: an unfinished or superfluous shift, base64 of characters that
/// represent themselves, surrogates that do not pair, bytes that are not printable ASCII.
std::optional<std::string> decode_utf7(std::string_view name);
std::string encode_utf7(std::string_view utf8);

/// A name as the client wrote it, to the mail store's UTF-8. invalid: the reason in words. In modified UTF-7 a name
/// that holds bytes above 127 is read as UTF-8 (clients that never heard of UTF-7 send that).
base::Result<std::string> decode_name(std::string_view wire, bool utf8);

/// A name as an astring: an atom where it can be, else quoted.
void append_name(std::string& out, std::string_view name, bool utf8);

/// An ASCII or UTF-8 text without CR, LF and NUL as an atom or quoted string (header field names, tags).
void append_astring(std::string& out, std::string_view text);
/// Always quoted, with the same precondition.
void append_quoted(std::string& out, std::string_view text);

/// Any text without NUL as a string: quoted where that is possible for every client, else as a literal.
void append_string(std::string& out, std::string_view text);

/// A LIST pattern: "*" matches anything, "%" anything but the hierarchy separator. One that is longer than any name
/// matches nothing (RFC 9051 §6.3.9: what is not accepted is silently ignored). An INBOX at its beginning is in any
/// case.
class Pattern {
 public:
  explicit Pattern(std::string_view text);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  bool matches(std::string_view name) const;
  /// "%" at the end also asks for levels of the hierarchy that are no mailboxes.
  bool ends_with_percent() const { return text_.ends_with('%'); }

 private:
  struct Automaton;
  std::string text_;  // runs of wildcards collapsed
  std::unique_ptr<const Automaton> automaton_;
};

}  // namespace imap
