#pragma once
// Private to the room, for .cpp files (includes RocksDB). What RocksDB's memtable goes by to remember places of recent
// insertions: a new record mostly stands right behind the last one of its table and account, so that the search from
// the top of the skip list, which misses the cache at every step, can be left out.

#include <memory>

#include <rocksdb/slice_transform.h>

namespace store {

std::shared_ptr<const rocksdb::SliceTransform> make_insert_hints();

}  // namespace store
