#pragma once
// Which messages a message belongs with: the hashes of the Message-IDs that it carries. Pure, total, linear.
// RFC 5322 §3.6.4, RFC 8621 §3.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mime/message.h"

namespace mailstore {

/// The first "<…>" of a field, without white space inside; empty when there is none.
std::string first_message_id(std::string_view field);

/// `hashes`: its own id first (when it has one), then those that it answers, nearest first: In-Reply-To, References
/// backwards. Each once; at most 50: of longer References the first (the root) and the last ones.
/// `kept`: those of them that are to be known from now on: its own, the nearest that it answers, and the root.
struct ThreadIds {
  bool has_own = false;
  std::vector<std::uint64_t> hashes;
  std::vector<std::uint64_t> kept;
};
ThreadIds thread_ids(const mime::EnvelopeFields& fields);

}  // namespace mailstore
