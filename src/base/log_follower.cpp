#include "base/log_follower.h"

namespace base {

void LogFollower::on_lines(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  if (wake_ && !ring_.empty()) wake_();
}

LogFollower::Lines LogFollower::take() {
  const std::lock_guard lock(mutex_);
  Lines taken{.lines = {std::move_iterator(ring_.begin()), std::move_iterator(ring_.end())}, .lost = lost_};
  ring_.clear();
  bytes_ = 0;
  lost_ = 0;
  return taken;
}

void LogFollower::put(const LogLine& line) {
  if (line.level < level_) return;
  if (!filter_.empty() && log_text(line).find(filter_) == std::string::npos) return;
  std::string json = log_json(line);
  const std::lock_guard lock(mutex_);
  if (ring_.size() >= kLines || bytes_ + json.size() > kBytes) {
    ++lost_;
    return;
  }
  bytes_ += json.size();
  ring_.push_back(std::move(json));
  if (ring_.size() == 1 && wake_) wake_();
}

}  // namespace base
