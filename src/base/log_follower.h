#pragma once
// LogFollower: the lines of a Log as somebody watches them, in a ring of bounded size: who is slow loses lines and
// learns how many. Filled by the log from any thread; emptied by one owner. Dropping it ends the following.

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/log_output.h"

namespace base {

class LogFollower {
 public:
  static constexpr std::size_t kLines = 1000;
  static constexpr std::size_t kBytes = 1 << 20;

  LogFollower(Level level, std::string filter) : level_(level), filter_(std::move(filter)) {}

  /// `wake` is called, from any thread, when there is something to take again; it must not log. An empty function ends
  /// that: once this has returned, it is not running any more.
  void on_lines(std::function<void()> wake);

  /// What has come since the last time, as JSON objects, and how many more were lost.
  struct Lines {
    std::vector<std::string> lines;
    std::uint64_t lost = 0;
  };
  Lines take();

  Level level() const { return level_; }
  /// The log's side.
  void put(const LogLine& line);

 private:
  const Level level_;
  const std::string filter_;
  std::mutex mutex_;
  std::deque<std::string> ring_;
  std::size_t bytes_ = 0;
  std::uint64_t lost_ = 0;
  std::function<void()> wake_;
};

}  // namespace base
