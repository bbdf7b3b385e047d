#include "store/committer.h"

#include <utility>

#include "store/bodies.h"
#include "store/records.h"

namespace store {
namespace {

/// A group this large gains nothing from being larger, and its waiters would only wait longer.
constexpr std::size_t kGroupClosures = 512;
constexpr std::size_t kGroupBytes = 16 << 20;

constexpr auto kIdleAfter = std::chrono::seconds(4);
/// The second round gives back what compactions took after the flush of the first.
constexpr int kIdleRounds = 2;
constexpr auto kRetryAfter = std::chrono::seconds(1);

void erase_upload(WriteSet& writes, base::BlobId blob, std::uint32_t chunks) {
  writes.erase(Space::records, encode_key(kUploads.id, blob));
  for (std::uint32_t i = 0; i < chunks; ++i) writes.erase(Space::bodies, chunk_key(blob, i));
}

bool full(const Group& group) { return group.members.size() >= kGroupClosures || group.writes.bytes() >= kGroupBytes; }

/// Runs one closure; its writes join those of its group when it went well.
Pending::Outcome run_closure(Store::Closure& closure, const Snapshot& snapshot, WriteSet& group, const WriteSet& before,
                             std::uint64_t generation) {
  try {
    LayeredTxn txn(snapshot, group, before, generation);
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
    : engine_(engine), ids_(ids), sync_(sync), log_(std::move(log)) {
  engine_.on_failure([this] {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    wake_.notify_one();
  });
  commits_ = std::thread([this] { run_commits(); });
  closures_ = std::thread([this] { run(); });
}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  closures_.join();
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  handed_over_.notify_one();
  commits_.join();
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
      await_before();  // it has failed as well, or is told so by the engine now
      recover();
      continue;
    }
    run_group();
  }
  await_before();
}

/// Waits for work; false when there is none and the store is closing.
bool Committer::wait() {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] { return !queue_.empty() || !dropped_.empty() || failed_ || stopping_; };
  waiting_ = true;
  while (!has_work()) {
    // What it wrote is in every snapshot from now on, and need not be held.
    if (before_ && before_->arrived) before_.reset();
    if (touched_.exchange(false, std::memory_order_relaxed)) idle_rounds_ = 0;
    if (wake_.wait_for(lock, kIdleAfter, has_work)) break;
    if (before_ && !before_->arrived) continue;
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

/// Runs closures, and hands their group over when the one before has arrived.
void Committer::run_group() {
  const auto group = std::make_shared<Group>();
  if (auto filled = fill(*group); !filled) {
    await_before();  // in order, whatever the outcome
    fail(*group, std::move(filled).error());
    return;
  }
  if (auto error = await_before()) {
    // Its closures have read what is not there.
    fail(*group, *std::move(error));
    return;
  }
  group->ceiling = ids_.needed_ceiling();
  if (group->ceiling && !group->writes.empty()) {
    postrider::schema::IdCeiling record;
    record.set_ceiling(*group->ceiling);
    group->writes.put(Space::records, encode_key(kIds.id), Entry{record.SerializeAsString()});
  }
  std::unique_lock lock(mutex_);
  // One that nobody else waits behind: the way to the other thread would cost it more than it wins.
  if (group->members.size() <= 1 && queue_.empty()) {
    lock.unlock();
    commit(*group);
    return;
  }
  before_ = group;
  lock.unlock();
  handed_over_.notify_one();
}

/// Runs what is queued, and whoever comes until the group before has arrived: its sync costs no more for them.
base::Result<void> Committer::fill(Group& group) {
  add_drops(group.writes);
  std::size_t done = 0;
  for (;;) {
    TRY(run_waiting(group, done));
    std::unique_lock lock(mutex_);
    if (done < group.members.size()) {
      // The group is large enough: those that no longer fit go back into the queue.
      const auto rest = group.members.begin() + static_cast<std::ptrdiff_t>(done);
      queue_.insert(queue_.begin(), std::move_iterator(rest), std::move_iterator(group.members.end()));
      group.members.resize(done);
      return {};
    }
    if (!before_ || before_->arrived || full(group)) return {};
    waiting_ = true;
    wake_.wait(lock, [this] { return before_->arrived || !queue_.empty(); });
    waiting_ = false;
    if (before_->arrived) return {};
  }
}

/// Runs the closures that are queued, in order. `done`: how many of the group's have run.
base::Result<void> Committer::run_waiting(Group& group, std::size_t& done) {
  static const WriteSet kNothing;
  const std::uint64_t generation = engine_.generation();
  while (!full(group) && take(group)) {
    // Before the snapshot: what arrives in between is in both, which is no harm.
    const std::shared_ptr<const Group> before = [this] {
      const std::lock_guard lock(mutex_);
      return before_;
    }();
    // A new one for those who came later, whose chunks may be newer than the last. Let go soon: an old snapshot would
    // make the engine keep what is overwritten.
    TRY_ASSIGN(const auto snapshot, engine_.snapshot());
    while (done < group.members.size() && group.writes.bytes() < kGroupBytes) {
      Pending& pending = *group.members[done++];
      pending.outcome =
          run_closure(pending.closure, *snapshot, group.writes, before ? before->writes : kNothing, generation);
    }
  }
  return {};
}

/// Adds what is queued to `group`; false when there was nothing, or the group is large enough.
bool Committer::take(Group& group) {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroupClosures - group.members.size()));
  const auto end = queue_.begin() + count;
  group.members.insert(group.members.end(), std::move_iterator(queue_.begin()), std::move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return count > 0;
}

/// Until the group that was handed over has arrived; why it has not, if so. There is none afterwards.
std::optional<base::Error> Committer::await_before() {
  std::unique_lock lock(mutex_);
  if (!before_) return std::nullopt;
  wake_.wait(lock, [this] { return before_->arrived; });
  return std::exchange(before_, nullptr)->error;
}

void Committer::run_commits() {
  std::unique_lock lock(mutex_);
  for (;;) {
    handed_over_.wait(lock, [this] { return closed_ || (before_ && !before_->arrived); });
    if (!before_ || before_->arrived) return;
    const std::shared_ptr<Group> group = before_;
    lock.unlock();
    commit(*group);
    lock.lock();
    group->arrived = true;
    wake_.notify_one();
  }
}

/// Makes a group durable, and answers.
void Committer::commit(Group& group) {
  if (!group.writes.empty()) {
    const bool answers = !group.members.empty();
    const auto committed = engine_.commit(group.writes, sync_ && answers ? Durability::synced : Durability::unsynced);
    if (!committed) {
      fail(group, committed.error());
      return;
    }
    if (group.ceiling) ids_.raised(*group.ceiling);
  }
  resume(group);
}

void Committer::fail(Group& group, base::Error error) {
  if (error.code != base::Code::no_space) error.code = base::Code::unavailable;
  for (const auto& pending : group.members) pending->outcome = base::Result<void>(std::unexpected(error));
  // Refused from now on, before anyone who is told can come back with another write.
  if (engine_.failure()) {
    const std::lock_guard lock(mutex_);
    refusal_ = error;
    failed_ = true;
  }
  group.error = std::move(error);
  resume(group);
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
  for (const auto& pending : group.members) waiters.add(pending->done.put(std::move(pending->outcome)));
  waiters.post();
  // The closures, and what they hold, go with the last reference: mostly on the waiter's own thread.
  group.members.clear();
}

void Committer::refuse_all(const base::Error& error) {
  Group group;
  {
    const std::lock_guard lock(mutex_);
    refusal_ = error;
    group.members.assign(std::move_iterator(queue_.begin()), std::move_iterator(queue_.end()));
    queue_.clear();
    dropped_.clear();  // all uploads go with the recovery
  }
  for (const auto& pending : group.members) pending->outcome = base::Result<void>(std::unexpected(error));
  resume(group);
}

/// Tries to reopen the engine each second until that works or the store is closed.
void Committer::recover() {
  base::Error error = engine_.failure().value_or(base::Error{base::Code::unavailable, "the store failed"});
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
