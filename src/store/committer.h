#pragma once
// Private to the room. The committer: one thread runs closures one after another, a second one makes what a group of
// them wrote durable with one synced write and then resumes every waiter. So while one group is on its way to the disk
// the closures of the next run, reading what it wrote; at most one group is on its way, and groups arrive in order.
// Nothing of a group is answered before it is durable, not even a refusal, because that may rest on what another
// closure of the group, or of the one before, wrote. When a group fails, so does the one that has read its writes.
//
// It also does what must not run beside a commit: removing the chunks of dropped uploads, reopening the engine after a
// failure, and giving memory back when idle.

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "base/log.h"
#include "net/completion.h"
#include "store/engine.h"
#include "store/ids.h"
#include "store/txn.h"

namespace store {

/// A closure that waits for its turn, or its outcome.
struct Pending {
  using Outcome = std::variant<base::Result<void>, std::exception_ptr>;

  explicit Pending(Store::Closure function) : closure(std::move(function)) {}
  Store::Closure closure;
  Outcome outcome;
  net::Completion<Outcome> done;
};

struct DroppedUpload {
  base::BlobId blob;
  std::uint32_t chunks;
  std::uint64_t generation;
};

/// Closures that have run, and what they wrote together.
struct Group {
  std::vector<std::shared_ptr<Pending>> members;
  WriteSet writes;
  std::optional<std::uint64_t> ceiling;  // of the ids, that becomes durable with it
  // Under the committer's mutex, once it was handed over:
  bool arrived = false;
  std::optional<base::Error> error;
};

class Committer {
 public:
  Committer(Engine& engine, Ids& ids, bool sync, base::Log log);
  /// Finishes what is queued.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// From any thread. The pending's `done` is set exactly once.
  void submit(std::shared_ptr<Pending> pending);
  /// From any thread.
  void drop(DroppedUpload upload);
  /// From any thread: somebody reads, so the store is not idle.
  void touch() { touched_.store(true, std::memory_order_relaxed); }
  /// From any thread: why nothing is taken now, if so.
  std::optional<base::Error> refusal() const;

 private:
  // On the first thread.
  void run();
  bool wait();
  void run_group();
  base::Result<void> fill(Group& group);
  base::Result<void> run_waiting(Group& group, std::size_t& done);
  bool take(Group& group);
  std::optional<base::Error> await_before();
  void add_drops(WriteSet& writes);
  void recover();
  void refuse_all(const base::Error& error);

  // On either, for one group at a time.
  void commit(Group& group);
  void fail(Group& group, base::Error error);
  void resume(Group& group);

  // On the second thread.
  void run_commits();

  Engine& engine_;
  Ids& ids_;
  bool sync_;
  base::Log log_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable handed_over_;
  std::deque<std::shared_ptr<Pending>> queue_;
  std::shared_ptr<Group> before_;  // the group that was handed over last; its writes may be in no snapshot yet
  bool closed_ = false;            // no more groups are handed over
  std::vector<DroppedUpload> dropped_;
  std::optional<base::Error> refusal_;  // while the engine has failed
  bool waiting_ = false;
  bool failed_ = false;
  bool stopping_ = false;
  int idle_rounds_ = 0;  // how often idle() was called since somebody last wrote or read
  std::atomic<bool> touched_{false};

  // Last: they use all of the above.
  std::thread commits_;
  std::thread closures_;
};

/// Removes the uploads that no commit took, of a time before this. On opening, and after a recovery.
base::Result<void> remove_leftovers(Engine& engine, const base::Log& log);

}  // namespace store
