#pragma once
// Mailbox names (RFC 9051 §5.1) and the hashes that keys are made of. Pure, total, linear.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mailstore {

/// A path as it is kept: NFC (Net-Unicode, RFC 5198), "INBOX" in this spelling where it is the first part in any case.
/// Errors: invalid (no UTF-8, empty parts, control characters, '%' or '*'), too_large (kMaxNameBytes, kMaxDepth).
base::Result<std::string> normalise_path(std::string_view path);

/// The parts of a path that normalise_path() gave.
std::vector<std::string> path_parts(std::string_view path);

/// FNV-1a over the bytes, with a final mix; part of the format on disk. Two names that collide cost no more than a new
/// UIDVALIDITY (paths) or two threads in one (Message-IDs).
std::uint64_t stable_hash(std::string_view bytes);

}  // namespace mailstore
