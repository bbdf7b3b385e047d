#pragma once
// The base subject of a message (RFC 5256 §2.1): without "Re:", "Fwd:", "[list]" and their like. Pure, total; linear
// but for nested "[Fwd: …]", of which as many are looked at as fit into kSubjectBytes.

#include <string>
#include <string_view>

namespace imap {

/// What is beyond does not decide where a message is sorted.
inline constexpr std::size_t kSubjectBytes = 2000;

struct BaseSubject {
  std::string text;    // as mime::unicode_casemap() gives it (RFC 5256 §6)
  bool reply = false;  // a reply or a forward (RFC 5256, THREAD, REFERENCES)
};
/// `subject`: as the header has it, encoded words and all.
BaseSubject base_subject(std::string_view subject);

}  // namespace imap
