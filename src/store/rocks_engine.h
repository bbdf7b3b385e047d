#pragma once
// Private to the room. The embedded engine: RocksDB in one directory, records and bodies as two column families.
//
// A handle on the database that met an error writes nothing more: appending behind damaged bytes in the log could cost
// what was acknowledged. recover() opens the directory anew, which begins a new log. Until that can work (the disk is
// written to as a probe, and those who have been reading for long have left) the old handle goes on answering reads.

#include <memory>

#include "base/log.h"
#include "store/engine.h"
#include "store/store.h"

namespace rocksdb {
class FileSystem;
}

namespace store {

/// `file_system` (null for the machine's own) and `free_bytes` (null for statvfs) let tests break the disk.
struct RocksHooks {
  std::shared_ptr<rocksdb::FileSystem> file_system;
  std::function<std::uint64_t()> free_bytes;
};

/// Opens, or makes, the database in `directory`, which exists; `secret` is of this store alone and known to nobody who
/// sends mail. Errors: busy, corrupt, no_space, unavailable.
base::Result<std::unique_ptr<Engine>> open_rocks_engine(const std::string& directory, std::uint64_t secret,
                                                        const Options& options, RocksHooks hooks, base::Log log);

/// open_embedded() with hooks.
base::Result<std::unique_ptr<Store>> open_embedded_with(const Options& options, net::Pool& pool,
                                                        const base::Clock& clock, base::Log log, RocksHooks hooks);

}  // namespace store
