#pragma once
// Private to the room. A checkpoint on the disk: made beside its place under another name, synced, and renamed when it
// is whole. Blocks; on any thread.

#include <string>
#include <vector>

#include "store/engine.h"
#include "store/home.h"
#include "store/store.h"

namespace store {

/// The contract of Store::checkpoint().
base::Result<void> write_checkpoint(Engine& engine, const Home& home, const std::string& directory,
                                    const std::vector<BesideFile>& files);

}  // namespace store
