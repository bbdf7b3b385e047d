#pragma once
// Threads of messages (RFC 5256, THREAD): ORDEREDSUBJECT and REFERENCES. Pure; n log n but for walks up a thread, which
// are given up at kMaxThreadDepth; no recursion. Any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imap/base_subject.h"

namespace imap {

/// Where a message would stand deeper than this below the first of its thread, it begins one of its own.
inline constexpr std::size_t kMaxThreadDepth = 500;
/// Of longer References the first and the last ones are looked at.
inline constexpr std::size_t kMaxReferences = 100;

struct ThreadMessage {
  std::uint32_t number = 0;  // sequence number or UID; ascending
  std::int64_t date = 0;     // sent date (RFC 5256 §2.2), Unix seconds
  BaseSubject subject;
  std::uint64_t id = 0;                   // hash of its Message-ID; 0: none
  std::vector<std::uint64_t> references;  // hashes, the oldest first
};

/// Hashes of the Message-IDs in a field, in their order; quoting undone (RFC 5256: "01"@x is 01@x). 0 is never among
/// them.
std::vector<std::uint64_t> message_ids(std::string_view field);

/// "(1)(2 3 (4)(5))"
std::string threads_by_subject(std::vector<ThreadMessage> messages);
std::string threads_by_references(const std::vector<ThreadMessage>& messages);

}  // namespace imap
