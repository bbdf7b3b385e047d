#pragma once
// Totals: how many entries there are, in all and of each account, for the limits that SMTP asks about. In memory,
// counted anew at the start. Safe from any thread.

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"

namespace queue {

class Totals {
 public:
  void add(base::AccountId account) {
    const std::lock_guard lock(mutex_);
    ++all_;
    if (account) ++of_[account];
  }
  void remove(base::AccountId account) {
    const std::lock_guard lock(mutex_);
    if (all_ > 0) --all_;
    const auto found = of_.find(account);
    if (found != of_.end() && --found->second == 0) of_.erase(found);
  }
  std::uint64_t all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  std::uint64_t of(base::AccountId account) const {
    const std::lock_guard lock(mutex_);
    const auto found = of_.find(account);
    return found == of_.end() ? 0 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t all_ = 0;                                  // guarded by mutex_
  std::unordered_map<base::AccountId, std::uint64_t> of_;  // guarded by mutex_
};

}  // namespace queue
