#pragma once
// Private to the room; includes RocksDB. How RocksDB is set up, and why, and what it reports.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include "base/log.h"
#include "base/result.h"
#include "store/store.h"

namespace store {

/// A status as an error; `doing` is what failed ("writing", "reading a record").
base::Error rocks_error(const rocksdb::Status& status, const std::string& doing);

/// The first error that a handle met; from then on it is not written to. Shared with RocksDB's threads.
class Failure final : public rocksdb::EventListener {
 public:
  explicit Failure(std::function<void()> notify) : notify_(std::move(notify)) {}

  bool set() const { return set_.load(std::memory_order_acquire); }
  std::optional<base::Error> error() const;
  /// True when a compaction met damaged files: the next handle must not compact, or it would fail at once.
  bool damaged_files() const { return damaged_files_.load(std::memory_order_relaxed); }
  void raise(base::Error error);

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  /// RocksDB would resume by itself and go on with a log that may hold damaged bytes: a new handle does that instead.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::atomic<bool> set_{false};
  std::atomic<bool> damaged_files_{false};
  mutable std::mutex mutex_;
  std::optional<base::Error> error_;
  std::function<void()> notify_;
};

struct RocksSetup {
  rocksdb::DBOptions db;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;  // default (records), bodies
};

RocksSetup rocks_setup(const Options& options, rocksdb::Env* env, std::shared_ptr<rocksdb::Cache> cache,
                       std::shared_ptr<Failure> failure, bool compact, const base::Log& log);

}  // namespace store
