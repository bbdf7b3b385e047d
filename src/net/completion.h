#pragma once
// Completion<T>: one value handed from any thread to one coroutine that waits for it on its loop. Shared by the two
// sides through a shared_ptr; set() is called exactly once, wait() at most once. Resumption is posted to the waiting
// coroutine's loop, so set() never runs foreign code.

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/loop.h"

namespace net {

/// A coroutine that can go on, and where; `loop` is nullptr when nobody waits.
struct Resumption {
  Loop* loop = nullptr;
  std::coroutine_handle<> handle;
};

/// Resumes many coroutines with one call into each loop.
class Resumptions {
 public:
  void add(Resumption one) {
    if (one.loop == nullptr) return;
    for (auto& [loop, handles] : loops_) {
      if (loop == one.loop) return handles.push_back(one.handle);
    }
    loops_.emplace_back(one.loop, std::vector{one.handle});
  }
  void post() {
    for (auto& [loop, handles] : std::exchange(loops_, {})) {
      loop->post([all = std::move(handles)] {
        for (const auto handle : all) handle.resume();
      });
    }
  }

 private:
  std::vector<std::pair<Loop*, std::vector<std::coroutine_handle<>>>> loops_;  // there are as many as cores
};

template <class T>
class Completion {
 public:
  void set(T value) {
    if (const Resumption waiter = put(std::move(value)); waiter.loop != nullptr) {
      waiter.loop->post([handle = waiter.handle] { handle.resume(); });
    }
  }

  /// As set(), but who waits is resumed by the caller.
  Resumption put(T value) {
    value_.emplace(std::move(value));
    if (state_.exchange(kSet, std::memory_order_acq_rel) != kWaiting) return {};
    return {.loop = loop_, .handle = handle_};
  }

  auto wait() {
    struct Awaiter {
      Completion& self;
      bool await_ready() const { return self.state_.load(std::memory_order_acquire) == kSet; }
      bool await_suspend(std::coroutine_handle<> handle) const {
        self.handle_ = handle;
        self.loop_ = Loop::current();
        ENSURE(self.loop_ != nullptr);
        int expected = kIdle;
        return self.state_.compare_exchange_strong(expected, kWaiting, std::memory_order_acq_rel);
      }
      T await_resume() const { return std::move(*self.value_); }
    };
    return Awaiter{*this};
  }

 private:
  static constexpr int kIdle = 0;
  static constexpr int kWaiting = 1;
  static constexpr int kSet = 2;
  std::atomic<int> state_{kIdle};
  std::optional<T> value_;
  std::coroutine_handle<> handle_;
  Loop* loop_ = nullptr;
};

}  // namespace net
