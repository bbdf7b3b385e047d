#pragma once
// What sorting and threading need of an ENVELOPE as IMAP sends it (RFC 9051 §7.5.2), which is what the mail store
// keeps. Pure, total, linear, no recursion.

#include <optional>
#include <string>
#include <string_view>

namespace imap {

struct EnvelopeAddress {
  std::optional<std::string> name;
  std::optional<std::string> mailbox;
  std::optional<std::string> host;
};
struct Envelope {
  std::optional<std::string> date;
  std::optional<std::string> subject;
  // The first address of each; nothing when there is none.
  std::optional<EnvelopeAddress> from;
  std::optional<EnvelopeAddress> to;
  std::optional<EnvelopeAddress> cc;
};
/// Nothing when it is not what the mail store writes.
std::optional<Envelope> parse_envelope(std::string_view text);

}  // namespace imap
