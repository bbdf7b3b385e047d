#pragma once
// Private to the room. Floor: whether the disk has the free space that writes want, asked at most every 100 ms. Safe
// from any thread. A change is logged once.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>

#include "base/clock.h"
#include "base/log.h"

namespace store {

class Floor {
 public:
  Floor(std::function<std::uint64_t()> free_bytes, std::uint64_t min_free_bytes, base::Log log)
      : free_bytes_(std::move(free_bytes)),
        min_free_bytes_(min_free_bytes),
        log_(std::move(log)),
        free_gauge_(log_.metrics().gauge("postrider_store_free_bytes", "Free space on the disk of the store.")) {}

  bool below();

 private:
  void look(std::int64_t now);

  std::function<std::uint64_t()> free_bytes_;
  std::uint64_t min_free_bytes_;
  base::Log log_;
  const base::Gauge free_gauge_;
  std::atomic<bool> below_{false};
  std::atomic<std::int64_t> look_again_{0};  // milliseconds of the steady clock
  std::mutex mutex_;
};

}  // namespace store
