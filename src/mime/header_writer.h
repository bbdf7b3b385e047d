#pragma once
// HeaderWriter: header fields as we write them (RFC 5322 §2.2-3.6, RFC 2047, RFC 2231): folded at 78 characters where
// there is white space to fold at and never longer than 998, ASCII but for internationalised addresses (RFC 6532).
// Whatever the values hold, each call writes one whole field: line ends and other control characters in them become
// spaces. Names are ours: one that is no field name is a bug.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "mime/address.h"
#include "mime/message.h"

namespace mime {

class HeaderWriter {
 public:
  /// An unstructured field; encoded words where the text needs them. Cut to 16 KiB.
  void text(std::string_view name, std::string_view utf8);

  /// Mailboxes and groups as addresses() gives them, the names decoded; source routes are left out. Refused as a whole,
  /// and nothing written, when one of the addresses cannot be written.
  base::Result<void> addresses(std::string_view name, const std::vector<Address>& list);

  void date(std::string_view name, base::WallTime when);

  /// Message-ID, In-Reply-To, References: what is no id is left out, and a field without any is not written.
  void ids(std::string_view name, const std::vector<std::string>& ids);

  /// A value of tokens and slashes with its parameters, as Content-Type and Content-Disposition have them; values of
  /// parameters in UTF-8, cut to 1000 bytes.
  void value(std::string_view name, std::string_view token, const std::vector<Parameter>& parameters = {});

  const std::string& block() const { return block_; }

 private:
  void begin(std::string_view name);
  void word(std::string_view word, std::string_view blanks = " ");
  void words(std::string_view text, std::size_t begin, std::size_t end);
  void end();
  std::size_t column() const { return block_.size() - line_; }

  std::string block_;
  std::size_t line_ = 0;  // where the line under way begins
  bool first_ = true;     // nothing stands behind the colon yet
};

/// "<unique@domain>"; what cannot stand there is left out of both.
std::string message_id(std::string_view unique, std::string_view domain);

}  // namespace mime
