#pragma once
// Private to the room. One ordered view of layers of records: the writes that no snapshot has yet over the engine's
// snapshot. Merged lazily: a step costs a step in each layer.

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "store/engine.h"

namespace store {

/// Newest first: what the closure itself wrote, what its group did before it, and the group before that, which is on
/// its way to the disk. None is null.
using Layers = std::array<const WriteSet*, 3>;

/// Records with from <= key < to. The first layer may grow while the cursor lives: what is written ahead of it is seen.
/// The layers outlive the cursor.
std::unique_ptr<RawCursor> merged_cursor(const Layers& layers, const Snapshot& snapshot, std::string from,
                                         std::string to);

/// The record with the greatest key in [from, to).
base::Result<std::optional<std::pair<std::string, std::string>>> merged_last(const Layers& layers,
                                                                             const Snapshot& snapshot, std::string from,
                                                                             std::string to);

}  // namespace store
