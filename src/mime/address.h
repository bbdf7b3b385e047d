#pragma once
// Address lists of header fields (RFC 5322 §3.4, with what exists in the wild). Pure, total, linear, no recursion.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mime {

/// A mailbox, or one end of a group as ENVELOPE shows it (RFC 9051 §7.5.2): the start of a group has its name in
/// `local` and `group_start` set; its end has `group_end` set and nothing else.
struct Address {
  std::string name;    // display name, unquoted, encoded words left as they are; or empty
  std::string route;   // obsolete source route ("@a,@b"); or empty
  std::string local;   // unquoted local part
  std::string domain;  // may be empty for what is no address at all
  bool group_start = false;
  bool group_end = false;

  friend bool operator==(const Address&, const Address&) = default;
};

/// At most `limit` entries; what cannot be read is skipped up to the next comma.
std::vector<Address> addresses(std::string_view body, std::size_t limit = 1000);

/// RFC 5321 §4.5.3.1.1 asks for 64 bytes at least, and for no limit where that can be: senders whose bounces tell of
/// whom they speak (VERP, SRS) have longer ones.
inline constexpr std::size_t kMaxLocalPart = 255;

/// An addr-spec of an envelope or a directory (RFC 5321 §4.1.2 Mailbox), split at its last @. `local` is unquoted.
/// Nothing when it is malformed: empty parts, bad dot-atoms, control bytes, local part or domain over 255 bytes.
/// Non-ASCII is taken (RFC 6531) when it is valid UTF-8. Domain literals ("[192.0.2.1]") are taken as they stand.
struct AddrSpec {
  std::string local;
  std::string domain;
  friend bool operator==(const AddrSpec&, const AddrSpec&) = default;
};
bool parse_addr_spec(std::string_view text, AddrSpec& out);

/// local@domain, the local part quoted where its bytes need it.
std::string format(const AddrSpec& address);

}  // namespace mime
