#pragma once
// Visit: one session's dealings with the guard. A default one is of nobody whom anything is counted of. Belongs to its
// session; the guard outlives it.

#include <optional>
#include <string>
#include <utility>

#include "guard/guard.h"

namespace guard {

class Visit {
 public:
  Visit() = default;
  Visit(Guard* guard, Visitor visitor) : guard_(guard), visitor_(std::move(visitor)) {}

  std::optional<Limit> take(What what, base::AccountId account = {}) const {
    return guard_ != nullptr ? guard_->take(what, visitor_, account) : std::nullopt;
  }
  bool banned() const { return guard_ != nullptr && guard_->banned(visitor_); }
  std::optional<Spent> spent(base::AccountId account) const {
    return guard_ != nullptr ? guard_->spent(account) : std::nullopt;
  }
  /// True: the session is to be ended.
  net::Task<bool> wrong_password(std::string user, std::string guess) const {
    if (guard_ == nullptr) co_return false;
    co_return co_await guard_->wrong_password(visitor_, std::move(user), std::move(guess));
  }
  bool exempt() const { return visitor_.exempt; }

 private:
  Guard* guard_ = nullptr;
  Visitor visitor_{.exempt = true};
};

}  // namespace guard
