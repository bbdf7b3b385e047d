#pragma once
// Private to the room. The check of bodies: every blob has a link and all its chunks, in the right size and with the
// right checksum; every link has its blob, every chunk its blob or its upload. Reads all there is, in order, and goes
// on after each problem.

#include <cstdint>
#include <functional>

#include "store/engine.h"
#include "store/store.h"

namespace store {

/// Returns how many bodies there are.
base::Result<std::uint64_t> check_bodies(const Snapshot& snapshot, const std::function<void(Problem)>& report);

}  // namespace store
