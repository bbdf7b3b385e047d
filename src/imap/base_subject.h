#pragma once
// The base subject of a message (RFC 5256 §2.1): without "Re:", "Fwd:", "[list]" and their like. Pure, total; linear
// but for nested "[Fwd: …]", of which as many are looked at as fit into kSubjectBytes.

#include <string>
#include <string_view>

namespace imap {

/// What is beyond does not decide where a message is sorted.
inline constexpr std::size_t kSubjectBytes = 2000;

struct BaseSubject {
  std::string text;    // collated: what compares equal is equal, what sorts before sorts before
  bool reply = false;  // a reply or a forward (RFC 5256, THREAD, REFERENCES)
};
/// `subject`: as the header has it, encoded words and all.
BaseSubject base_subject(std::string_view subject);

/// For comparing texts: i;unicode-casemap (RFC 5256 §6) in the order of its results.
std::string collate(std::string_view utf8);

}  // namespace imap
