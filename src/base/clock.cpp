#include "base/clock.h"

#include <ctime>

#include <fmt/format.h>

namespace base {
namespace {

class SystemClock final : public Clock {
 public:
  WallTime now() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string rfc3339(WallTime t) {
  const std::time_t seconds = unix_seconds(t);
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count() % 1000;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                     tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

int local_offset_minutes(WallTime t) {
  const std::time_t seconds = unix_seconds(t);
  std::tm tm{};
  ::localtime_r(&seconds, &tm);
  return static_cast<int>(tm.tm_gmtoff / 60);
}

std::string rfc5322_date(WallTime t) {
  const std::time_t seconds = unix_seconds(t);
  std::tm tm{};
  ::localtime_r(&seconds, &tm);
  const long offset = tm.tm_gmtoff / 60;
  const long magnitude = offset < 0 ? -offset : offset;
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}", kDays[tm.tm_wday], tm.tm_mday,
                     kMonths[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, offset < 0 ? '-' : '+',
                     magnitude / 60, magnitude % 60);
}

}  // namespace base
