#include "store/ids.h"

#include <algorithm>

namespace store {
namespace {

/// Room above the last id, so that a busy store raises its ceiling once a second.
constexpr std::uint64_t kAhead = 1'000'000;

}  // namespace

std::uint64_t Ids::next() {
  const auto now = clock_.now().time_since_epoch().count();
  const std::uint64_t floor = now > 0 ? static_cast<std::uint64_t>(now) : 0;
  std::uint64_t last = last_.load(std::memory_order_relaxed);
  std::uint64_t id = 0;
  do {
    id = std::max(floor, last + 1);
  } while (!last_.compare_exchange_weak(last, id, std::memory_order_acq_rel));
  return id;
}

std::optional<std::uint64_t> Ids::needed_ceiling() const {
  const std::uint64_t last = last_.load(std::memory_order_acquire);
  if (last <= ceiling_) return std::nullopt;
  return last + kAhead;
}

}  // namespace store
