#pragma once
// Private to the room. What a power cut leaves at the end of RocksDB's log. Bytes that were never synced may be there
// in part and out of order: pages of zeros or garbage before good ones. RocksDB takes only a record that breaks off at
// the end of the file for an unfinished one; anything else there makes it refuse to open, or skip zeros without a word.
//
// The rule: the committer begins a commit only when the one before is synced. So behind damage that a power cut can
// have made there is at most one commit, which was not acknowledged: then the log is cut before the damage (the bytes
// are kept aside). Two commits behind it mean that synced bytes went bad: that is corrupt, and nothing is touched.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace store {

/// Stands first in the batch of every synced commit, in the log only.
inline constexpr std::string_view kCommitMark = "commit";

struct LogDamage {
  std::uint64_t offset = 0;          // where the first record that cannot be read begins
  std::uint64_t size = 0;            // of the file
  std::uint64_t commits_behind = 0;  // commits that begin behind it
};

/// Reads a log file of RocksDB (blocks of 32 KiB; a record is one or more fragments, each a masked CRC-32C, a length, a
/// type and bytes). Nothing when all of it is good, or breaks off within its last record.
base::Result<std::optional<LogDamage>> find_log_damage(const std::string& path);

/// Makes the newest log in `directory` readable after a power cut. Errors: corrupt, unavailable, no_space.
base::Result<void> mend_log_tail(const std::string& directory, const base::Log& log);

}  // namespace store
