#pragma once
// Handover<T>: one value from any thread to one coroutine that waits for it on its loop, as Completion, for what goes
// on when its loop has ended already: a coroutine that was destroyed while it waited gets nothing, and set() does not
// touch its loop. Shared by the two sides through a shared_ptr; set() is called at most once, wait() at most once.

#include <memory>
#include <mutex>

#include "net/completion.h"
#include "net/task.h"

namespace net {

template <class T>
class Handover {
 public:
  void set(T value) {
    const std::lock_guard lock(mutex_);
    if (!gone_) done_.set(std::move(value));
  }

  static Task<T> wait(std::shared_ptr<Handover> self) {
    const Leaving leaving{*self};
    co_return co_await self->done_.wait();
  }

 private:
  struct Leaving {
    Handover& handover;
    ~Leaving() {
      const std::lock_guard lock(handover.mutex_);
      handover.gone_ = true;
    }
  };

  std::mutex mutex_;
  bool gone_ = false;  // guarded by mutex_
  Completion<T> done_;
};

}  // namespace net
