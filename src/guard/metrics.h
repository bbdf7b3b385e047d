#pragma once
// What the guard counts. Any thread.

#include <array>

#include "base/metrics.h"
#include "guard/types.h"

namespace guard {

struct Metrics {
  explicit Metrics(const base::Metrics& registry);

  void count(const Limit& limit) const {
    limits[static_cast<std::size_t>(limit.what)][static_cast<std::size_t>(limit.scope)].add();
  }

  std::array<std::array<base::Counter, 4>, kWhats> limits;  // by what and scope
  base::Counter banned_connections;
  base::Counter wrong_passwords;
  base::Counter bans_by_guessing, bans_by_operator;
  base::Counter days_messages, days_new_recipients;
  base::Gauge bans, evicted;
};

}  // namespace guard
