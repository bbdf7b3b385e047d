#pragma once
// Strikes: wrong passwords of clients, until they are enough for a ban. The same guess again is not counted: a phone
// that was not told the new password is no attacker. Pure but for its key; not safe from several threads.

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "guard/table.h"

namespace guard {

class Strikes {
 public:
  explicit Strikes(std::size_t records) : table_(records) {}

  /// A guess (its hash) of the client was wrong. True when it is the `limit`-th within the window: the client is
  /// to be banned, and begins anew. Ticks are sixths of the window.
  bool add(const Subject& client, std::uint64_t guess, std::uint32_t limit, Tick now);

 private:
  struct Record {
    Counts<std::uint16_t, 1> counts;
    std::array<std::uint32_t, 8> guesses{};  // the last ones
    std::uint8_t next = 0;
    std::uint32_t weight(Tick now) const { return counts.weight(now); }
  };
  Table<Record> table_;
};

/// How long the ban is that comes for the `times`-th time, 1 being the first.
std::chrono::seconds ban_length(std::chrono::seconds first, std::chrono::seconds longest, std::uint32_t times);

}  // namespace guard
