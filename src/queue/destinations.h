#pragma once
// Destinations: how many deliveries go to each destination at once, how fast, and which of them take nothing for now.
// In memory: a restart forgets pauses, and the next attempt finds out anew. Safe from any thread.
//
// A destination begins with one delivery at a time and gets one more with each message that it answers, up to its
// limit; so destinations that do not answer hold few of the places. One that was out of reach is paused, for a minute
// at first and twice as long each time up to kLongestPause; what comes due meanwhile shares its answer, and behind the
// pause one delivery goes first, as a probe.

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "outbound/outbound.h"

namespace queue {

class Destinations {
 public:
  static constexpr std::chrono::seconds kFirstPause{60};
  static constexpr std::chrono::seconds kLongestPause{15 * 60};
  static constexpr std::size_t kMaxKept = 20'000;

  struct Limits {
    std::size_t deliveries = 1;
    std::size_t per_minute = 0;  // 0: no limit
  };
  enum class Start { now, full, down };

  /// `now`: a place was taken, and end() gives it back. `full`: not before end() of another, or next().
  Start begin(const std::string& key, Limits limits, base::SteadyTime now);
  void end(const std::string& key);

  /// What became of a message, before end(). `down`: the answer that the others share.
  void answered(const std::string& key);
  void went_down(const std::string& key, outbound::Outcome why, base::SteadyTime now);
  /// While it is paused, why.
  std::optional<outbound::Outcome> down(const std::string& key, base::SteadyTime now) const;
  /// The operator wants it to be tried now.
  void forget_pauses();

  /// When a limit of rates lets somebody on; nothing when none waits for that.
  std::optional<base::SteadyTime> next(base::SteadyTime now) const;
  /// For the operator: how many are paused.
  std::size_t paused(base::SteadyTime now) const;

 private:
  struct State {
    std::size_t active = 0;
    std::size_t allowed = 1;   // at once; grows with what it answers
    base::SteadyTime next{};   // by the rate
    base::SteadyTime until{};  // of the pause
    std::chrono::seconds pause{0};
    outbound::Outcome why;
  };
  void make_room(base::SteadyTime now);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, State> states_;  // guarded by mutex_
  bool rated_ = false;                             // some destination has a rate; guarded by mutex_
};

}  // namespace queue
