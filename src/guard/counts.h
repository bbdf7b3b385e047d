#pragma once
// Counts: how often things of several kinds happened within a window, in slots of a sixth of it and the one that is
// under way. So what happened within the last window is always counted whole, and up to a sixth more: who is let
// through while count() is below a limit gets never more than the limit within any window. Times are ticks, numbers of
// slots, and do not go back. A pure value of a few dozen bytes.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace guard {

using Tick = std::uint32_t;
inline constexpr Tick kTicksPerWindow = 6;

template <class Number, std::size_t kinds>
class Counts {
 public:
  std::uint32_t count(std::size_t kind, Tick now) const {
    std::uint32_t sum = 0;
    for (Tick age = 0; age < kSlots && age <= newest_; ++age) {
      const Tick slot = newest_ - age;
      if (now > slot && now - slot > kTicksPerWindow) break;
      sum += slots_[kind][slot % kSlots];
    }
    return sum;
  }

  /// Stays at the greatest number when there are more in one slot.
  void add(std::size_t kind, Tick now) {
    advance(now);
    Number& slot = slots_[kind][newest_ % kSlots];
    if (slot < std::numeric_limits<Number>::max()) ++slot;
  }

  /// Of all kinds together.
  std::uint32_t weight(Tick now) const {
    std::uint32_t sum = 0;
    for (std::size_t kind = 0; kind < kinds; ++kind) sum += count(kind, now);
    return sum;
  }

 private:
  static constexpr Tick kSlots = kTicksPerWindow + 1;

  void advance(Tick now) {
    if (now <= newest_) return;
    const Tick steps = std::min(now - newest_, kSlots);
    for (auto& slots : slots_) {
      for (Tick i = 0; i < steps; ++i) slots[(now - i) % kSlots] = 0;
    }
    newest_ = now;
  }

  std::array<std::array<Number, kSlots>, kinds> slots_{};
  Tick newest_ = 0;
};

}  // namespace guard
