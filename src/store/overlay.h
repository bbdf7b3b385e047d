#pragma once
// Private to the room. One ordered view of three layers of records: a closure's own writes over its group's over the
// engine's snapshot. Merged lazily: a step costs a step in each layer.

#include <memory>
#include <string>
#include <utility>

#include "store/engine.h"

namespace store {

/// Records with from <= key < to. `own` may grow while the cursor lives: what is written ahead of it is seen. The two
/// sets outlive the cursor.
std::unique_ptr<RawCursor> merged_cursor(const WriteSet& own, const WriteSet& group, const Snapshot& snapshot,
                                         std::string from, std::string to);

/// The record with the greatest key in [from, to).
base::Result<std::optional<std::pair<std::string, std::string>>> merged_last(const WriteSet& own, const WriteSet& group,
                                                                             const Snapshot& snapshot, std::string from,
                                                                             std::string to);

}  // namespace store
