#pragma once
// Private to the room. The committer: one thread that runs closures one after another, makes what a group of them
// wrote durable with one synced write, and then resumes every waiter. Nothing of a group is answered before it is
// durable, not even a refusal, because that may rest on what another closure of the group wrote.
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
  using Group = std::vector<std::shared_ptr<Pending>>;

  void run();
  bool wait();
  bool take(Group& group);
  void run_group();
  base::Result<WriteSet> run_closures(Group& group);
  void add_drops(WriteSet& writes);
  void recover();
  void refuse_all(const base::Error& error);
  void resume(Group& group);

  Engine& engine_;
  Ids& ids_;
  bool sync_;
  base::Log log_;
  const base::Histogram group_writes_;
  const base::Histogram group_seconds_;
  const base::Histogram commit_seconds_;
  const base::Counter commit_bytes_;
  const base::Counter failures_;
  const base::Counter reopened_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Pending>> queue_;
  std::vector<DroppedUpload> dropped_;
  std::optional<base::Error> refusal_;  // while the engine has failed
  bool waiting_ = false;
  bool failed_ = false;
  bool stopping_ = false;
  int idle_rounds_ = 0;  // how often idle() was called since somebody last wrote or read
  std::atomic<bool> touched_{false};

  std::thread thread_;  // last: it uses all of the above
};

/// Removes the uploads that no commit took, of a time before this. On opening, and after a recovery.
base::Result<void> remove_leftovers(Engine& engine, const base::Log& log);

}  // namespace store
