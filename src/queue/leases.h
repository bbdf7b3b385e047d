#pragma once
// Leases: which recipients are being delivered, by which attempt, and until when the attempt may act. On the embedded
// engine they live in memory, since one process has the store; a crash ends them. An attempt renews its lease while it
// makes progress; one whose lease has run out, or was taken from it, must not commit a result. Safe from any thread.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "queue/records.h"

namespace queue {

/// One attempt's right to deliver.
class Lease {
 public:
  /// More than an attempt may take (attempt.cpp), so that only one that hangs loses it.
  static constexpr std::chrono::minutes kTime{75};
  /// RFC 5321 §4.5.3.2.6: the answer to the final dot may take 10 minutes. With less left an attempt does not begin it.
  static constexpr std::chrono::minutes kLeastToCommit{12};

  Lease(std::uint64_t owner, base::SteadyTime now) : owner_(owner) { extend(now); }

  std::uint64_t owner() const { return owner_; }
  /// False when it was lost: the attempt is to be given up.
  bool renew(base::SteadyTime now) {
    if (!holds(now)) return false;
    extend(now);
    return true;
  }
  bool holds(base::SteadyTime now) const {
    return !lost_ && now < base::SteadyTime(base::SteadyTime::duration(until_));
  }
  bool may_commit(base::SteadyTime now) { return renew(now) && holds(now + kLeastToCommit); }
  void lose() { lost_ = true; }

 private:
  void extend(base::SteadyTime now) { until_ = (now + kTime).time_since_epoch().count(); }

  const std::uint64_t owner_;
  std::atomic<base::SteadyTime::rep> until_ = 0;
  std::atomic<bool> lost_ = false;
};

class Leases {
 public:
  /// Before a snapshot is taken from which recipients are chosen: what ended before is durable in it.
  void begin_choice() {
    const std::lock_guard lock(mutex_);
    std::erase_if(taken_, [](const auto& one) { return one.second.ended; });
  }
  /// Whether somebody has it, or had it when the snapshot of the choice was taken.
  bool taken(Ref ref) const {
    const std::lock_guard lock(mutex_);
    return taken_.contains(ref);
  }
  /// Whether an attempt is under way.
  bool active(Ref ref) const {
    const std::lock_guard lock(mutex_);
    const auto found = taken_.find(ref);
    return found != taken_.end() && !found->second.ended;
  }
  void take(Ref ref, const std::shared_ptr<Lease>& lease) {
    const std::lock_guard lock(mutex_);
    taken_.try_emplace(ref, Taken{lease, false});
  }
  /// When the result is durable, or there is none.
  void release(Ref ref, const Lease& lease) {
    const std::lock_guard lock(mutex_);
    if (const auto found = taken_.find(ref); found != taken_.end() && found->second.lease.get() == &lease) {
      found->second.ended = true;
    }
  }
  /// Attempts whose time has run out lose what they hold. Returns how many recipients that were.
  std::size_t expire(base::SteadyTime now) {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (auto& [ref, one] : taken_) {
      if (one.ended || one.lease->holds(now)) continue;
      one.lease->lose();
      one.ended = true;
      ++count;
    }
    return count;
  }
  /// Recipients under way.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(taken_, [](const auto& one) { return !one.second.ended; }));
  }

 private:
  struct Taken {
    std::shared_ptr<Lease> lease;
    bool ended = false;
  };
  struct Hash {
    std::size_t operator()(const Ref& ref) const noexcept {
      return std::hash<base::QueueId>{}(ref.entry) * 31 + ref.number;
    }
  };
  mutable std::mutex mutex_;
  std::unordered_map<Ref, Taken, Hash> taken_;  // guarded by mutex_
};

}  // namespace queue
