#pragma once
// Private to the room; includes RocksDB. What an operator has done to an open database: its sizes, a checkpoint, a
// compaction. `families` are those of the records and of the bodies, in this order.

#include <atomic>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "store/engine.h"

namespace store {

using Families = std::vector<rocksdb::ColumnFamilyHandle*>;

EngineUsage usage_of(rocksdb::DB& db, const Families& families);
base::Result<void> make_checkpoint(rocksdb::DB& db, const std::string& directory);
/// Rewrites everything; gives up (unavailable) when `interrupted` becomes true.
base::Result<void> compact_all(rocksdb::DB& db, const Families& families, std::atomic<bool>& interrupted);

}  // namespace store
