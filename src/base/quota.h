#pragma once
// What an account may hold.

#include <cstdint>

namespace base {

struct Quota {
  std::uint64_t bytes = 0;     // 0: any number
  std::uint64_t messages = 0;  // 0: any number; a copy counts again
  bool operator==(const Quota&) const = default;
};

}  // namespace base
