#pragma once
// Private to the room. What a power cut leaves at the end of RocksDB's logs. Bytes that were never synced may be there
// in part and out of order: pages of zeros or garbage before good ones, a log that ends too early before a newer one
// that does not. RocksDB takes only a record that breaks off at the end of a file for an unfinished one; anything else
// makes it refuse to open, or go on behind what is missing without a word. So logs are read by ourselves first.
//
// The rule: the committer begins commit n + 1 only when commit n is synced, and with it all that was written before,
// whichever log it is in. So behind damage that a power cut can have made there is no commit but the next one, which
// was not acknowledged: then the log is cut before the damage and newer ones are emptied (the bytes are kept aside).
// Any commit behind it that proves another one was synced means that synced bytes went bad: that is corrupt, and
// nothing is touched. Commits are known by a mark with the store's secret: nobody can send one as mail.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace store {

/// Stands first in the batch of every synced commit, in the log only. Numbers of one opening of the store count 1, 2,
/// 3…
std::string commit_mark(std::uint64_t secret, std::uint64_t number);

struct LogDamage {
  std::size_t log = 0;        // which of the paths
  std::uint64_t offset = 0;   // where its first record that cannot be read begins
  bool acknowledged = false;  // it was synced once
};

/// Reads logs, oldest first. Nothing when all of it is good, or the last one breaks off within its last record.
base::Result<std::optional<LogDamage>> find_log_damage(const std::vector<std::string>& paths, std::uint64_t secret);

/// Makes the logs in `directory` readable after a power cut. Errors: corrupt, unavailable, no_space.
base::Result<void> mend_logs(const std::string& directory, std::uint64_t secret, const base::Log& log);

}  // namespace store
