#include "store/rocks_engine.h"

#include <malloc.h>
#include <sys/statvfs.h>

#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/write_batch.h>

#include "store/log_tail.h"
#include "store/rocks_options.h"

namespace store {
namespace {

/// How long recover() waits for readers of the old handle before it gives way to the next try; twice.
constexpr auto kReadersLeave = std::chrono::milliseconds(500);
/// Memtables above this are flushed when idle.
constexpr std::uint64_t kIdleMemtableBytes = 1 << 20;

/// One opening of the database. Closed when the last who uses it lets go.
struct Handle {
  std::shared_ptr<Failure> failure;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::uint64_t generation = 0;
  std::uint64_t commits = 0;  // that reached the log: counted by commit(), of which there is one at a time

  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    for (auto* family : families) {
      // Fails only for a handle that is not of this database.
      [[maybe_unused]] const auto destroyed = db->DestroyColumnFamilyHandle(family);
    }
  }

  rocksdb::ColumnFamilyHandle* family(Space space) const { return families[static_cast<std::size_t>(space)]; }
};

/// Held by those who began to read in one span of time, so that it can be seen when they all have left.
struct Readers {};

/// Whom to tell of a failure; RocksDB's threads may outlive the engine by as long as a reader does.
struct Notify {
  std::mutex mutex;
  std::function<void()> function;

  void call() {
    const std::lock_guard lock(mutex);
    if (function) function();
  }
};

/// For single look-ups. Of the bodies' space it is the places that are cached (some 30 bytes each), not the bodies.
/// RocksDB's checksums are verified though chunks have their own: Debian's library has its assertions on, and one of
/// them ends the process when a damaged block or blob is decoded.
rocksdb::ReadOptions get_options(const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  return options;
}

rocksdb::ReadOptions walk_options(const rocksdb::Snapshot* snapshot, Space space) {
  rocksdb::ReadOptions options = get_options(snapshot);
  // All bodies are walked only by a check, which is no reason to push out records.
  options.fill_cache = space == Space::records;
  return options;
}

class RocksCursor final : public RawCursor {
 public:
  RocksCursor(std::shared_ptr<const Snapshot> keep, const Handle& handle, const rocksdb::Snapshot* snapshot,
              Space space, std::string from, std::string to)
      : keep_(std::move(keep)), from_(std::move(from)), to_(std::move(to)), upper_(to_) {
    rocksdb::ReadOptions options = walk_options(snapshot, space);
    if (!to_.empty()) options.iterate_upper_bound = &upper_;
    iterator_.reset(handle.db->NewIterator(options, handle.family(space)));
    iterator_->Seek(from_);
    look();
  }

  bool valid() const override { return valid_; }
  void next() override {
    iterator_->Next();
    look();
  }
  void seek(std::string_view key) override {
    if (!valid_ || key <= this->key()) return;
    iterator_->Seek(rocksdb::Slice(key.data(), key.size()));
    look();
  }
  std::string_view key() const override { return iterator_->key().ToStringView(); }
  std::string_view value() const override { return iterator_->value().ToStringView(); }
  const std::optional<base::Error>& error() const override { return error_; }

 private:
  void look() {
    valid_ = iterator_->Valid();
    if (!valid_ && !iterator_->status().ok()) error_ = rocks_error(iterator_->status(), "reading records");
  }

  std::shared_ptr<const Snapshot> keep_;
  std::string from_;
  std::string to_;
  rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  bool valid_ = false;
  std::optional<base::Error> error_;
};

class RocksSnapshot final : public Snapshot, public std::enable_shared_from_this<RocksSnapshot> {
 public:
  RocksSnapshot(std::shared_ptr<Handle> handle, std::shared_ptr<const Readers> among)
      : handle_(std::move(handle)),
        among_(std::move(among)),
        snapshot_(handle_->db->GetSnapshot()),
        options_(get_options(snapshot_)) {}
  ~RocksSnapshot() override { handle_->db->ReleaseSnapshot(snapshot_); }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  base::Result<bool> get(Space space, std::string_view key, const Use& use) const override {
    rocksdb::PinnableSlice value;
    const rocksdb::Status status =
        handle_->db->Get(options_, handle_->family(space), rocksdb::Slice(key.data(), key.size()), &value);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return std::unexpected(rocks_error(status, "reading a record"));
    use(value.ToStringView());
    return true;
  }

  std::unique_ptr<RawCursor> cursor(Space space, std::string from, std::string to) const override {
    return std::make_unique<RocksCursor>(shared_from_this(), *handle_, snapshot_, space, std::move(from),
                                         std::move(to));
  }

  base::Result<std::optional<std::pair<std::string, std::string>>> last(Space space, std::string from,
                                                                        std::string to) const override {
    rocksdb::ReadOptions options = walk_options(snapshot_, space);
    const rocksdb::Slice lower(from);
    const rocksdb::Slice upper(to);
    options.iterate_lower_bound = &lower;
    if (!to.empty()) options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> iterator(handle_->db->NewIterator(options, handle_->family(space)));
    iterator->SeekToLast();
    if (iterator->Valid()) return std::pair(iterator->key().ToString(), iterator->value().ToString());
    if (!iterator->status().ok()) return std::unexpected(rocks_error(iterator->status(), "reading records"));
    return std::nullopt;
  }

 private:
  std::shared_ptr<Handle> handle_;
  std::shared_ptr<const Readers> among_;
  const rocksdb::Snapshot* snapshot_;
  rocksdb::ReadOptions options_;
};

base::Error not_open() { return {base::Code::unavailable, "the store is being reopened"}; }

class RocksEngine final : public Engine {
 public:
  RocksEngine(std::string directory, std::uint64_t secret, const Options& options, RocksHooks hooks, base::Log log)
      : directory_(std::move(directory)),
        secret_(secret),
        options_(options),
        hooks_(std::move(hooks)),
        log_(std::move(log)),
        cache_(rocksdb::NewLRUCache(options.block_cache_bytes, 2)) {
    if (hooks_.file_system) {
      own_env_ = rocksdb::NewCompositeEnv(hooks_.file_system);
      env_ = own_env_.get();
    }
  }

  base::Result<void> open();

  base::Result<std::shared_ptr<const Snapshot>> snapshot() const override {
    std::unique_lock lock(mutex_);
    auto handle = handle_;
    auto among = readers_;
    lock.unlock();
    if (!handle) return std::unexpected(not_open());
    return std::make_shared<const RocksSnapshot>(std::move(handle), std::move(among));
  }

  base::Result<void> commit(const WriteSet& writes, Durability durability) override {
    return write(current(), writes, durability);
  }
  base::Result<void> append(const WriteSet& writes, std::uint64_t generation) override {
    auto handle = current();
    if (handle && handle->generation != generation) {
      return base::fail(base::Code::unavailable, "the store was reopened while the message arrived");
    }
    auto written = write(handle, writes, Durability::unsynced);
    if (!written && handle) notify_->call();
    return written;
  }

  std::uint64_t generation() const override {
    const std::lock_guard lock(mutex_);
    return generation_;
  }
  std::optional<base::Error> failure() const override {
    const auto handle = current();
    if (!handle) return not_open();
    return handle->failure->set() ? handle->failure->error() : std::nullopt;
  }
  void on_failure(std::function<void()> notify) override {
    const std::lock_guard lock(notify_->mutex);
    notify_->function = std::move(notify);
  }

  base::Result<void> recover() override;
  void idle() override;
  std::uint64_t free_bytes() const override;

 private:
  std::shared_ptr<Handle> current() const {
    const std::lock_guard lock(mutex_);
    return handle_;
  }
  base::Result<void> write(const std::shared_ptr<Handle>& handle, const WriteSet& writes, Durability durability) const;
  base::Result<void> probe() const;
  base::Result<void> close();

  std::string directory_;
  std::uint64_t secret_;
  Options options_;
  RocksHooks hooks_;
  base::Log log_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::unique_ptr<rocksdb::Env> own_env_;
  rocksdb::Env* env_ = rocksdb::Env::Default();
  bool compact_ = true;

  std::shared_ptr<Notify> notify_ = std::make_shared<Notify>();

  mutable std::mutex mutex_;
  std::shared_ptr<Handle> handle_;
  std::shared_ptr<const Readers> readers_ = std::make_shared<const Readers>();
  std::uint64_t generation_ = 0;
};

base::Result<void> RocksEngine::open() {
  TRY(mend_logs(directory_, secret_, log_));
  auto handle = std::make_shared<Handle>();
  handle->failure = std::make_shared<Failure>([notify = notify_] { notify->call(); });
  const RocksSetup setup = rocks_setup(options_, env_, cache_, handle->failure, compact_, log_);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(setup.db, directory_, setup.families, &handle->families, &db);
  handle->db.reset(db);
  if (!status.ok()) return std::unexpected(rocks_error(status, "opening the store in " + directory_));
  const std::lock_guard lock(mutex_);
  handle->generation = ++generation_;
  handle_ = std::move(handle);
  return {};
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

base::Result<void> RocksEngine::write(const std::shared_ptr<Handle>& handle, const WriteSet& writes,
                                      Durability durability) const {
  if (!handle) return std::unexpected(not_open());
  if (handle->failure->set()) return std::unexpected(*handle->failure->error());
  constexpr std::size_t kOverheadPerEntry = 16;
  rocksdb::WriteBatch batch(writes.bytes() + (writes.count() + 1) * kOverheadPerEntry);
  if (durability == Durability::synced) {
    const rocksdb::Status marked = batch.PutLogData(commit_mark(secret_, handle->commits + 1));
    if (!marked.ok()) return std::unexpected(rocks_error(marked, "writing"));
  }
  for (const Space space : {Space::records, Space::bodies}) {
    rocksdb::ColumnFamilyHandle* family = handle->family(space);
    for (const auto& [key, entry] : writes.map(space)) {
      rocksdb::Status added;
      if (entry.erased) {
        added = batch.Delete(family, slice(key));
      } else if (entry.tail) {
        const rocksdb::Slice key_part = slice(key);
        const rocksdb::Slice value_parts[] = {slice(entry.head), slice(*entry.tail)};
        added = batch.Put(family, rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(value_parts, 2));
      } else {
        added = batch.Put(family, slice(key), slice(entry.head));
      }
      // Nothing reached the log, so the handle is as good as before.
      if (!added.ok()) return std::unexpected(rocks_error(added, "writing"));
    }
  }
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::synced;
  if (options.sync) ++handle->commits;  // a number that never reached the log would look like a lost commit
  const rocksdb::Status status = handle->db->Write(options, &batch);
  if (status.ok()) return {};
  base::Error error = rocks_error(status, "writing the log");
  handle->failure->raise(error);
  return std::unexpected(std::move(error));
}

/// Whether the disk takes a file, so that a handle that can still read is not given up for nothing.
base::Result<void> RocksEngine::probe() const {
  const std::string path = directory_ + "/PROBE";
  const std::string bytes(64 * 1024, 'p');
  rocksdb::Status status = rocksdb::WriteStringToFile(env_, bytes, path, /*should_sync=*/true);
  // Removed in any case; what matters is whether it could be written.
  [[maybe_unused]] const auto removed = env_->DeleteFile(path);
  if (!status.ok()) return std::unexpected(rocks_error(status, "probing the disk"));
  return {};
}

base::Result<void> RocksEngine::recover() {
  if (const auto handle = current()) {
    TRY(probe());
    if (handle->failure->damaged_files() && compact_) {
      compact_ = false;
      log_.error("store.damaged", {{"why", handle->failure->error()->text},
                                   {"advice", "compaction is off: run store check and restore from a backup"}});
    }
  }
  TRY(close());
  return open();
}

/// Waits until `done`, for a while.
bool wait_until(const std::function<bool()>& done) {
  const auto give_up = std::chrono::steady_clock::now() + kReadersLeave;
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// Closes the handle when nobody reads any more. While those who read for long have not left, others may go on reading;
/// only when the last few are waited for is nobody let in.
base::Result<void> RocksEngine::close() {
  const auto still_read = [] {
    return base::fail(base::Code::unavailable, "readers still hold the store as it was before the failure");
  };
  std::weak_ptr<const Readers> before;
  {
    const std::lock_guard lock(mutex_);
    if (!handle_) return {};
    before = std::exchange(readers_, std::make_shared<const Readers>());
  }
  if (!wait_until([&] { return before.expired(); })) return still_read();
  std::shared_ptr<Handle> last;
  {
    const std::lock_guard lock(mutex_);
    last.swap(handle_);
  }
  if (wait_until([&] { return last.use_count() == 1; })) return {};
  const std::lock_guard lock(mutex_);
  handle_ = std::move(last);
  return still_read();
}

void RocksEngine::idle() {
  if (const auto handle = current(); handle && !handle->failure->set()) {
    rocksdb::FlushOptions flush;
    flush.wait = true;
    for (auto* family : handle->families) {
      std::uint64_t bytes = 0;
      if (!handle->db->GetIntProperty(family, rocksdb::DB::Properties::kSizeAllMemTables, &bytes)) continue;
      // A flush that fails is reported by the listener.
      if (bytes > kIdleMemtableBytes) [[maybe_unused]]
        const auto flushed = handle->db->Flush(flush, family);
    }
  }
  // Blocks that nobody uses now are cheap to read again, and the page cache still has them.
  cache_->SetCapacity(options_.block_cache_bytes / 8);
  cache_->SetCapacity(options_.block_cache_bytes);
  ::malloc_trim(0);
}

std::uint64_t RocksEngine::free_bytes() const {
  if (hooks_.free_bytes) return hooks_.free_bytes();
  struct statvfs disk{};
  // A disk that cannot be asked is not known to be full: writing will say what is wrong with it.
  if (::statvfs(directory_.c_str(), &disk) != 0) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

}  // namespace

base::Result<std::unique_ptr<Engine>> open_rocks_engine(const std::string& directory, std::uint64_t secret,
                                                        const Options& options, RocksHooks hooks, base::Log log) {
  auto engine = std::make_unique<RocksEngine>(directory, secret, options, std::move(hooks), std::move(log));
  TRY(engine->open());
  return engine;
}

}  // namespace store
