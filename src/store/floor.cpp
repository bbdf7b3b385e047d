#include "store/floor.h"

#include <chrono>
#include <limits>

namespace store {
namespace {

constexpr std::int64_t kPauseMs = 100;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

bool Floor::below() {
  const std::int64_t now = steady_ms();
  if (now >= look_again_.load(std::memory_order_acquire)) look(now);
  return below_.load(std::memory_order_acquire);
}

void Floor::look(std::int64_t now) {
  const std::lock_guard lock(mutex_);
  if (now < look_again_.load(std::memory_order_relaxed)) return;
  const std::uint64_t free = free_bytes_();
  free_gauge_.set(static_cast<double>(free));
  const bool below = free < min_free_bytes_;
  if (below != below_.load(std::memory_order_relaxed)) {
    if (below) {
      log_.error("store.space.low", {{"free", free}, {"floor", min_free_bytes_}, {"effect", "writes are refused"}});
    } else {
      log_.info("store.space.back", {{"free", free}, {"floor", min_free_bytes_}, {"effect", "writes are taken again"}});
    }
    below_.store(below, std::memory_order_release);
  }
  look_again_.store(now + kPauseMs, std::memory_order_release);
}

}  // namespace store
