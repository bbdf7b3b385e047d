#pragma once
// Private to the room. The check of bodies: every blob has a link and all its chunks, in the right size and with the
// right checksum; every link has its blob, every chunk its blob or its upload. Reads all there is, in order, and goes
// on after each problem. Gives up (unavailable) when the engine has failed.

#include <cstdint>
#include <functional>
#include <optional>

#include "store/engine.h"
#include "store/store.h"

namespace store {

using Report = std::function<void(Problem)>;
/// Why to stop, if so.
using GiveUp = std::function<std::optional<base::Error>()>;

/// Returns how many bodies there are.
base::Result<std::uint64_t> check_bodies(const Snapshot& snapshot, const Report& report, const GiveUp& give_up);

}  // namespace store
