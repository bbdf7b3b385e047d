#include "guard/rate_limits.h"

namespace guard {

std::optional<Scope> RateLimits::take(What what, std::span<const Bound> bounds, Tick now) {
  const std::lock_guard lock(mutex_);
  const auto scope = reached_locked(what, bounds, now);
  if (!scope) add_locked(what, bounds, now);
  return scope;
}

std::optional<Scope> RateLimits::reached(What what, std::span<const Bound> bounds, Tick now) const {
  const std::lock_guard lock(mutex_);
  return reached_locked(what, bounds, now);
}

void RateLimits::add(What what, std::span<const Bound> bounds, Tick now) {
  const std::lock_guard lock(mutex_);
  add_locked(what, bounds, now);
}

std::uint64_t RateLimits::evicted() const {
  const std::lock_guard lock(mutex_);
  return table_.evicted();
}

std::optional<Scope> RateLimits::reached_locked(What what, std::span<const Bound> bounds, Tick now) const {
  const auto kind = static_cast<std::size_t>(what);
  for (const Bound& bound : bounds) {
    if (bound.limit == 0) continue;
    std::uint32_t count = 0;
    if (bound.scope == Scope::all) {
      count = all_.count(kind, now);
    } else if (const auto* record = table_.find(bound.subject)) {
      count = record->count(kind, now);
    }
    if (count >= bound.limit) return bound.scope;
  }
  return std::nullopt;
}

void RateLimits::add_locked(What what, std::span<const Bound> bounds, Tick now) {
  const auto kind = static_cast<std::size_t>(what);
  for (const Bound& bound : bounds) {
    if (bound.limit == 0) continue;
    if (bound.scope == Scope::all) {
      all_.add(kind, now);
    } else {
      table_.make(bound.subject, now).add(kind, now);
    }
  }
}

}  // namespace guard
