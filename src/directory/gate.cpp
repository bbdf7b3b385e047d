#include "directory/gate.h"

namespace directory {

Gate::Gate(net::Pool& pool, std::size_t at_once, std::size_t waiting, base::Gauge waiting_gauge)
    : pool_(pool), at_once_(std::max<std::size_t>(at_once, 1)), max_waiting_(waiting), waiting_gauge_(waiting_gauge) {}

Gate::~Gate() {
  std::deque<Work> dropped;  // outlives the lock: what it holds may be anything
  std::unique_lock lock(mutex_);
  dropped.swap(waiting_);
  left_.wait(lock, [this] { return running_ == 0; });
}

bool Gate::start(std::move_only_function<void()> function) {
  return enter([this, function = std::move(function)]() mutable {
    function();
    leave();
  });
}

bool Gate::enter(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (running_ == at_once_) {
      if (waiting_.size() >= max_waiting_) return false;
      waiting_.push_back(std::move(work));
      waiting_gauge_.add(1);
      return true;
    }
    ++running_;
  }
  pool_.submit(std::move(work));
  return true;
}

void Gate::leave() {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty()) {
    // Still under the lock: the gate, and the pool behind it, live until running_ is 0.
    pool_.submit(std::move(waiting_.front()));
    waiting_.pop_front();
    waiting_gauge_.add(-1);
    return;
  }
  --running_;
  left_.notify_all();
}

}  // namespace directory
