#include "store/rocks_options.h"
#include "base/crc32c.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include "store/insert_hints.h"

namespace store {
namespace {

/// RocksDB's own warnings as lines of our log, instead of files that grow beside the data.
class LogBridge final : public rocksdb::Logger {
 public:
  explicit LogBridge(base::Log log) : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), log_(std::move(log)) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level > rocksdb::InfoLogLevel::FATAL_LEVEL) return;
    char text[1024];
    const int length = std::vsnprintf(text, sizeof(text), format, arguments);
    if (length <= 0) return;
    // Its warnings are news for developers (a write that waited for a flush); failures also reach us as such.
    log_.write(level == rocksdb::InfoLogLevel::WARN_LEVEL ? base::Level::debug : base::Level::warning, "store.rocksdb",
               {{"text", std::string_view(text, std::min(static_cast<std::size_t>(length), sizeof(text) - 1))}});
  }

 private:
  base::Log log_;
};

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache, std::size_t write_buffer) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = write_buffer;
  family.max_write_buffer_number = 3;
  family.arena_block_size = 256 * 1024;
  family.compression = rocksdb::kLZ4Compression;
  family.level_compaction_dynamic_level_bytes = true;
  family.target_file_size_base = 32ull << 20;
  family.max_bytes_for_level_base = 128ull << 20;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 8 * 1024;
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Index and filter live in the cache too, so that its size bounds the memory of a store of any size.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.optimize_filters_for_memory = true;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

/// Whether the file system lets a file of the store be opened past the page cache; some (tmpfs, FUSE) do not.
bool takes_direct_io(const std::string& directory) {
  const int file = ::open((directory + "/VERSION").c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  if (file < 0) return false;
  ::close(file);
  return true;
}

}  // namespace

base::Error rocks_error(const rocksdb::Status& status, const std::string& doing) {
  base::Code code = base::Code::unavailable;
  if (status.IsNoSpace()) code = base::Code::no_space;
  if (status.IsCorruption()) code = base::Code::corrupt;
  return {code, doing + ": " + status.ToString()};
}

std::optional<base::Error> Failure::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void Failure::raise(base::Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (error_) return;
    error_ = std::move(error);
  }
  set_.store(true, std::memory_order_release);
}

void Failure::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) {
  if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption()) {
    damaged_files_.store(true, std::memory_order_relaxed);
  }
  raise(rocks_error(*status, "in the background"));
  notify_();
}

RocksSetup rocks_setup(const Options& options, rocksdb::Env* env, std::shared_ptr<rocksdb::Cache> cache,
                       std::shared_ptr<Failure> failure, bool compact, const base::Log& log) {
  RocksSetup setup;
  rocksdb::DBOptions& db = setup.db;
  db.env = env;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;  // an error in the log stops the handle: see Failure
  db.max_bgerror_resume_count = 0;
  db.listeners.push_back(std::move(failure));

  // The default (point in time) would drop all that stands behind damage in the middle of the log, acknowledged or
  // not, without a word; this one takes only an unfinished record at the very end for what it is.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.max_write_batch_group_size_bytes = 64ull << 20;
  db.max_total_wal_size = 4 * options.write_buffer_bytes;
  // There is one committer, and now and then a chunk of a body: nothing to insert in parallel or to spin for.
  db.allow_concurrent_memtable_write = false;
  db.enable_write_thread_adaptive_yield = false;

  db.db_write_buffer_size = options.write_buffer_bytes;
  db.max_background_jobs = 2;
  db.max_open_files = 512;
  db.avoid_unnecessary_blocking_io = true;
  db.bytes_per_sync = 1 << 20;
  // The page cache would take every body a second time, behind the log, and on a virtual machine a fresh page costs ten
  // times the copy. What is read is cached, and read ahead when it is read in order, as a client does with new mail.
  db.use_direct_io_for_flush_and_compaction = takes_direct_io(options.directory);
  db.advise_random_on_open = false;

  db.info_log = std::make_shared<LogBridge>(log);
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;

  rocksdb::ColumnFamilyOptions records = family_options(cache, options.write_buffer_bytes / 4);
  rocksdb::ColumnFamilyOptions bodies = family_options(cache, options.write_buffer_bytes / 2);
  bodies.enable_blob_files = true;
  bodies.min_blob_size = 256;
  bodies.blob_file_size = std::max<std::uint64_t>(64ull << 20, options.write_buffer_bytes);
  bodies.blob_compression_type = rocksdb::kLZ4Compression;
  // A removed body's bytes go when half of the oldest files is garbage; until then they cost disk, not time. Every
  // compaction also rewrites the bodies that it meets in the oldest quarter. New bodies have the greatest keys, so with
  // few and late compactions it meets none there, and a body that stays is written to the log and to one file.
  bodies.enable_blob_garbage_collection = true;
  bodies.blob_garbage_collection_age_cutoff = 0.25;
  bodies.blob_garbage_collection_force_threshold = 0.5;
  bodies.level0_file_num_compaction_trigger = 8;
  records.memtable_insert_with_hint_prefix_extractor = make_insert_hints();
  records.disable_auto_compactions = !compact;
  bodies.disable_auto_compactions = !compact;

  setup.families.emplace_back(rocksdb::kDefaultColumnFamilyName, records);
  setup.families.emplace_back("bodies", bodies);
  return setup;
}

}  // namespace store

// Debian builds RocksDB for any x86-64, and so without the instruction: its checksums of the log and of bodies were a
// fifth of what a large message costs. A program's symbols stand before those of its libraries, so RocksDB takes this
// one, which gives the same values, and does without it where that is not so.
namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t crc, const char* data, std::size_t size);
std::uint32_t Extend(std::uint32_t crc, const char* data, std::size_t size) { return base::crc32c(crc, {data, size}); }
}  // namespace rocksdb::crc32c
