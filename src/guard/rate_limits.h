#pragma once
// RateLimits: counts what happens within a minute against limits, for as many subjects as the table remembers. Safe
// from any thread: one lock, held for less than a microsecond. Lost at a restart, on purpose: nobody is punished for
// more than a minute by it, and a write for each connection would cost more than it is worth.

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "guard/table.h"
#include "guard/types.h"

namespace guard {

class RateLimits {
 public:
  explicit RateLimits(std::size_t records) : table_(records) {}

  struct Bound {
    Scope scope = Scope::all;
    Subject subject{};        // not looked at for Scope::all
    std::uint32_t limit = 0;  // 0: not counted
  };

  /// Counts one in each of the bounds, or, when one of them is reached, tells which and counts nothing.
  std::optional<Scope> take(What what, std::span<const Bound> bounds, Tick now);
  /// The bound that is reached, if any; counts nothing.
  std::optional<Scope> reached(What what, std::span<const Bound> bounds, Tick now) const;
  /// Counts one, whatever the limits.
  void add(What what, std::span<const Bound> bounds, Tick now);

  /// Subjects that had to be forgotten within their minute because too many others came.
  std::uint64_t evicted() const;

 private:
  std::optional<Scope> reached_locked(What what, std::span<const Bound> bounds, Tick now) const;
  void add_locked(What what, std::span<const Bound> bounds, Tick now);

  mutable std::mutex mutex_;
  Table<Counts<std::uint32_t, kWhats>> table_;
  Counts<std::uint32_t, kWhats> all_;
};

}  // namespace guard
