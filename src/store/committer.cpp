#include "store/committer.h"

#include <utility>

#include "store/bodies.h"
#include "store/records.h"

namespace store {
namespace {

/// A group this large gains nothing from being larger, and its waiters would only wait longer.
constexpr std::size_t kGroupClosures = 512;
constexpr std::size_t kGroupBytes = 16 << 20;

/// Writes of one group.
constexpr double kGroupBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

double seconds_since(base::SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

constexpr auto kIdleAfter = std::chrono::seconds(4);
/// The second round gives back what compactions took after the flush of the first.
constexpr int kIdleRounds = 2;
constexpr auto kRetryAfter = std::chrono::seconds(1);

void erase_upload(WriteSet& writes, base::BlobId blob, std::uint32_t chunks) {
  writes.erase(Space::records, encode_key(kUploads.id, blob));
  for (std::uint32_t i = 0; i < chunks; ++i) writes.erase(Space::bodies, chunk_key(blob, i));
}

/// Runs one closure; its writes join `group` when it went well.
Pending::Outcome run_closure(Store::Closure& closure, const Snapshot& snapshot, WriteSet& group,
                             std::uint64_t generation) {
  try {
    LayeredTxn txn(snapshot, group, generation);
    if (auto result = closure(txn); !result) return result;
    auto writes = txn.finish();
    if (!writes) return base::Result<void>(std::unexpected(std::move(writes).error()));
    group.absorb(std::move(writes->writes));
    // From here on the engine owns the chunks: if the group fails, the recovery removes them.
    for (const Body& body : writes->bodies) body.state().committed.store(true, std::memory_order_release);
    return base::Result<void>();
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

Committer::Committer(Engine& engine, Ids& ids, bool sync, base::Log log)
    : engine_(engine),
      ids_(ids),
      sync_(sync),
      log_(std::move(log)),
      group_writes_(
          log_.metrics().histogram("postrider_store_group_writes", "Writes that shared one commit.", kGroupBounds)),
      group_seconds_(log_.metrics().histogram("postrider_store_group_seconds",
                                              "Time of a group of writes: their closures and the commit.",
                                              base::kSecondsBounds)),
      commit_seconds_(log_.metrics().histogram("postrider_store_commit_seconds",
                                               "Time of a commit: the write to the log and its sync.",
                                               base::kSecondsBounds)),
      commit_bytes_(
          log_.metrics().counter("postrider_store_commit_bytes_total", "Bytes of keys and values committed.")),
      failures_(log_.metrics().counter("postrider_store_failures_total",
                                       "I/O errors after which the store had to be reopened.")),
      reopened_(log_.metrics().counter("postrider_store_reopened_total", "Times that the store was reopened.")) {
  engine_.on_failure([this] {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    wake_.notify_one();
  });
  thread_ = std::thread([this] { run(); });
}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  engine_.on_failure(nullptr);
}

void Committer::submit(std::shared_ptr<Pending> pending) {
  {
    const std::lock_guard lock(mutex_);
    if (!refusal_) {
      queue_.push_back(std::move(pending));
      if (waiting_) wake_.notify_one();
      return;
    }
    pending->outcome = base::Result<void>(std::unexpected(*refusal_));
  }
  pending->done.set(std::move(pending->outcome));
}

void Committer::drop(DroppedUpload upload) {
  const std::lock_guard lock(mutex_);
  dropped_.push_back(upload);
  if (waiting_) wake_.notify_one();
}

std::optional<base::Error> Committer::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

void Committer::run() {
  while (wait()) {
    if (engine_.failure()) {
      recover();
      continue;
    }
    run_group();
  }
}

/// Waits for work; false when there is none and the store is closing.
bool Committer::wait() {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] { return !queue_.empty() || !dropped_.empty() || failed_ || stopping_; };
  waiting_ = true;
  while (!has_work()) {
    if (touched_.exchange(false, std::memory_order_relaxed)) idle_rounds_ = 0;
    if (wake_.wait_for(lock, kIdleAfter, has_work)) break;
    if (idle_rounds_ == kIdleRounds || touched_.load(std::memory_order_relaxed)) continue;
    ++idle_rounds_;
    waiting_ = false;
    lock.unlock();
    engine_.idle();
    lock.lock();
    waiting_ = true;
  }
  waiting_ = false;
  idle_rounds_ = 0;
  failed_ = false;
  return !(stopping_ && queue_.empty() && dropped_.empty());
}

/// Adds what is queued to `group`; false when there was nothing, or the group is large enough.
bool Committer::take(Group& group) {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroupClosures - group.size()));
  const auto end = queue_.begin() + count;
  group.insert(group.end(), std::move_iterator(queue_.begin()), std::move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return count > 0;
}

void Committer::run_group() {
  const auto start = std::chrono::steady_clock::now();
  Group group;
  auto writes = run_closures(group);
  const bool answers = !group.empty();
  base::Result<void> committed;
  if (!writes) {
    committed = std::unexpected(std::move(writes).error());
  } else if (!writes->empty()) {
    const auto ceiling = ids_.needed_ceiling();
    if (ceiling) {
      postrider::schema::IdCeiling record;
      record.set_ceiling(*ceiling);
      writes->put(Space::records, encode_key(kIds.id), Entry{record.SerializeAsString()});
    }
    const auto begin = std::chrono::steady_clock::now();
    committed = engine_.commit(*writes, sync_ && answers ? Durability::synced : Durability::unsynced);
    commit_seconds_.observe(seconds_since(begin));
    commit_bytes_.add(writes->bytes());
    if (committed && ceiling) ids_.raised(*ceiling);
  }
  if (answers) {
    group_writes_.observe(static_cast<double>(group.size()));
    group_seconds_.observe(seconds_since(start));
  }
  if (committed) {
    resume(group);
    return;
  }
  base::Error error = committed.error();
  if (error.code != base::Code::no_space) error.code = base::Code::unavailable;
  for (const auto& pending : group) pending->outcome = base::Result<void>(std::unexpected(error));
  // Refused from now on, before anyone who is told can come back with another write.
  if (engine_.failure()) {
    const std::lock_guard lock(mutex_);
    refusal_ = error;
    failed_ = true;
  }
  resume(group);
}

/// Runs what is queued in order and collects the writes. Those who come meanwhile join `group`, because its sync costs
/// no more for them; those that no longer fit go back into the queue.
base::Result<WriteSet> Committer::run_closures(Group& group) {
  WriteSet writes;
  add_drops(writes);
  const std::uint64_t generation = engine_.generation();
  std::size_t done = 0;
  while (writes.bytes() < kGroupBytes && take(group)) {
    // A new one for those who came later, whose chunks may be newer than the last. Let go before the commit: an old
    // snapshot would make the engine keep what is overwritten.
    TRY_ASSIGN(const auto snapshot, engine_.snapshot());
    while (done < group.size() && writes.bytes() < kGroupBytes) {
      Pending& pending = *group[done++];
      pending.outcome = run_closure(pending.closure, *snapshot, writes, generation);
    }
  }
  if (done < group.size()) {
    const std::lock_guard lock(mutex_);
    const auto rest = group.begin() + static_cast<std::ptrdiff_t>(done);
    queue_.insert(queue_.begin(), std::move_iterator(rest), std::move_iterator(group.end()));
    group.resize(done);
  }
  return writes;
}

void Committer::add_drops(WriteSet& writes) {
  std::vector<DroppedUpload> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(dropped_);
  }
  const std::uint64_t generation = engine_.generation();
  for (const DroppedUpload& upload : dropped) {
    if (upload.generation == generation) erase_upload(writes, upload.blob, upload.chunks);
  }
}

void Committer::resume(Group& group) {
  net::Resumptions waiters;
  for (const auto& pending : group) waiters.add(pending->done.put(std::move(pending->outcome)));
  waiters.post();
  // The closures, and what they hold, go with the last reference: mostly on the waiter's own thread.
  group.clear();
}

void Committer::refuse_all(const base::Error& error) {
  Group group;
  {
    const std::lock_guard lock(mutex_);
    refusal_ = error;
    group.assign(std::move_iterator(queue_.begin()), std::move_iterator(queue_.end()));
    queue_.clear();
    dropped_.clear();  // all uploads go with the recovery
  }
  for (const auto& pending : group) pending->outcome = base::Result<void>(std::unexpected(error));
  resume(group);
}

/// Tries to reopen the engine each second until that works or the store is closed.
void Committer::recover() {
  base::Error error = engine_.failure().value_or(base::Error{base::Code::unavailable, "the store failed"});
  failures_.add();
  log_.error("store.failed", {{"why", error.text}, {"effect", "writes are refused until the store is reopened"}});
  std::string last_text;
  for (;;) {
    if (error.code != base::Code::no_space) error.code = base::Code::unavailable;
    refuse_all(error);
    auto recovered = engine_.recover();
    if (recovered) recovered = remove_leftovers(engine_, log_);
    if (recovered) break;
    error = recovered.error();
    if (std::exchange(last_text, error.text) != error.text) log_.error("store.reopen.failed", {{"why", error.text}});
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kRetryAfter, [this] { return stopping_; })) return;
  }
  const std::lock_guard lock(mutex_);
  refusal_.reset();
  reopened_.add();
  log_.info("store.reopened");
}

base::Result<void> remove_leftovers(Engine& engine, const base::Log& log) {
  TRY_ASSIGN(const auto snapshot, engine.snapshot());
  const GetValue get = [&](Space space, std::string_view key, const Snapshot::Use& use) {
    return snapshot->get(space, key, use);
  };
  WriteSet writes;
  std::uint64_t uploads = 0;
  const std::string from = encode_key(kUploads.id);
  const auto cursor = snapshot->cursor(Space::records, from, prefix_end(from));
  for (; cursor->valid(); cursor->next()) {
    const auto key = decode_key<std::tuple<base::BlobId>>(kUploads.id, cursor->key());
    if (!key) continue;  // reported by check()
    const base::BlobId blob = std::get<0>(*key);
    erase_upload(writes, blob, present_chunks(get, blob));
    ++uploads;
  }
  if (cursor->error()) return std::unexpected(*cursor->error());
  if (writes.empty()) return {};
  log.info("store.uploads.removed", {{"count", uploads}});
  return engine.commit(writes, Durability::unsynced);
}

}  // namespace store
