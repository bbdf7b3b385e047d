#pragma once
// Which accounts were seen lately with plenty of room, so that not every RCPT asks the store. Only a hint: what counts
// is the quota in the commit. Safe from any thread.

#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "base/ids.h"

namespace delivery {

class Room {
 public:
  bool plenty(base::AccountId account, base::SteadyTime now) const {
    const std::lock_guard lock(mutex_);
    const auto found = until_.find(account);
    return found != until_.end() && now < found->second;
  }

  void has_little(base::AccountId account) {
    const std::lock_guard lock(mutex_);
    until_.erase(account);
  }

  /// Plenty is a tenth of each limit of the quota.
  void has_plenty(base::AccountId account, base::SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (until_.size() >= kMaxAccounts) until_.clear();
    until_[account] = now + kLifetime;
  }

 private:
  static constexpr std::size_t kMaxAccounts = 10'000;
  static constexpr std::chrono::seconds kLifetime{10};
  mutable std::mutex mutex_;
  std::unordered_map<base::AccountId, base::SteadyTime> until_;
};

}  // namespace delivery
