#pragma once
// Live<T>: a value that many read and that is exchanged now and then while they do (settings after a reload). Who looks
// at it often keeps a View, which costs one atomic load for each look while nothing has changed. Live is safe from any
// thread and outlives its views; a View belongs to one holder.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace base {

template <class T>
class Live {
 public:
  explicit Live(T value = {}) : value_(std::make_shared<const T>(std::move(value))) {}

  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  void set(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    value_.swap(next);
    version_.fetch_add(1, std::memory_order_release);
  }

  /// One immutable value, exchanged for the newest when its holder asks.
  class View {
   public:
    // The version first: a value set in between is newer than it says, and is fetched once more.
    explicit View(const Live& live)
        : live_(&live), version_(live.version_.load(std::memory_order_acquire)), value_(live.get()) {}

    /// True when there is a newer value; what was referred to before is gone then.
    bool refresh() {
      const std::uint64_t newest = live_->version_.load(std::memory_order_acquire);
      if (newest == version_) return false;
      version_ = newest;
      value_ = live_->get();
      return true;
    }
    const T* operator->() const { return value_.get(); }
    const T& operator*() const { return *value_; }

   private:
    const Live* live_;
    std::uint64_t version_;
    std::shared_ptr<const T> value_;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // guarded by mutex_
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace base
