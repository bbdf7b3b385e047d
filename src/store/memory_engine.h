#pragma once
// Private to the room. An engine over ordered maps, for tests: the same promises as RocksDB's, except that it ends
// with the process. Each key keeps the versions that a living snapshot may still ask for.

#include <memory>

#include "store/engine.h"
#include "store/store.h"

namespace store {

/// `faults` (may be null) is asked where a group would be synced, and must outlive the engine.
std::unique_ptr<Engine> make_memory_engine(Faults* faults);

}  // namespace store
