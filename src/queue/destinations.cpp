#include "queue/destinations.h"

#include <algorithm>

namespace queue {

Destinations::Start Destinations::begin(const std::string& key, Limits limits, base::SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (states_.size() >= kMaxKept && !states_.contains(key)) make_room(now);
  State& state = states_[key];
  if (now < state.until) return Start::down;
  if (state.active >= std::min(std::max<std::size_t>(limits.deliveries, 1), state.allowed)) return Start::full;
  if (limits.per_minute > 0) {
    if (now < state.next) return Start::full;
    rated_ = true;
    state.next = now + std::chrono::microseconds(60'000'000) / limits.per_minute;
  }
  ++state.active;
  return Start::now;
}

void Destinations::end(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = states_.find(key); found != states_.end() && found->second.active > 0) --found->second.active;
}

void Destinations::answered(const std::string& key) {
  const std::lock_guard lock(mutex_);
  State& state = states_[key];
  state.pause = std::chrono::seconds(0);
  state.until = {};
  ++state.allowed;
  constexpr std::size_t kMost = 1'000'000;
  state.allowed = std::min(state.allowed, kMost);
}

void Destinations::went_down(const std::string& key, outbound::Outcome why, base::SteadyTime now) {
  const std::lock_guard lock(mutex_);
  State& state = states_[key];
  if (now < state.until) return;  // others of the same moment found out the same
  state.pause = state.pause.count() == 0 ? kFirstPause : std::min(state.pause * 2, kLongestPause);
  state.until = now + state.pause;
  state.allowed = 1;
  state.why = std::move(why);
}

std::optional<outbound::Outcome> Destinations::down(const std::string& key, base::SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(key);
  if (found == states_.end() || now >= found->second.until) return std::nullopt;
  return found->second.why;
}

void Destinations::forget_pauses() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, state] : states_) state.until = {};
}

std::optional<base::SteadyTime> Destinations::next(base::SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  if (!rated_) return std::nullopt;
  std::optional<base::SteadyTime> soonest;
  for (const auto& [key, state] : states_) {
    if (state.next > now && (!soonest || state.next < *soonest)) soonest = state.next;
  }
  return soonest;
}

std::size_t Destinations::paused(base::SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(states_, [&](const auto& one) { return now < one.second.until; }));
}

/// Those that nothing depends on go; when all matter, the pauses do: their next attempt finds out anew.
void Destinations::make_room(base::SteadyTime now) {
  std::erase_if(states_, [&](const auto& one) { return one.second.active == 0 && now >= one.second.until; });
  if (states_.size() >= kMaxKept) std::erase_if(states_, [](const auto& one) { return one.second.active == 0; });
}

}  // namespace queue
