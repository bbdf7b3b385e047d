#pragma once
// Clock: the time, as a parameter, so that tests can turn it. Wall time for what is stored and shown, steady time for
// durations and deadlines. Safe to use from any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady() const = 0;
};

/// The machine's clock. The object lives as long as the process.
const Clock& system_clock();

/// Seconds since the epoch.
inline std::int64_t unix_seconds(WallTime t) {
  return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}

/// RFC 3339 in UTC with milliseconds: "2026-11-21T08:56:02.123Z".
std::string rfc3339(WallTime t);
/// The same in whole seconds: "2026-11-21T08:56:02Z".
std::string rfc3339_seconds(WallTime t);
/// RFC 3339 §5.6 date-time, with any zone and fraction (a leap second counts as the one before it); nothing when it is
/// none.
std::optional<WallTime> parse_rfc3339(std::string_view text);

/// Offset of local time from UTC in minutes at that moment (east is positive).
int local_offset_minutes(WallTime t);

/// RFC 5322 §3.3 date-time in local time: "Sat, 21 Nov 2026 08:56:02 +0000".
std::string rfc5322_date(WallTime t);

}  // namespace base
