#pragma once
// Private to the room. Ids: numbers that only grow, near the time in microseconds. They are given out without asking
// the disk; the commit that could use an id above the durable ceiling raises the ceiling with it, so an id that was
// ever committed is never given out again, whatever the clock says after a restart.
//
// next() from any thread; the rest by the committer, whose groups follow one another.

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace store {

class Ids {
 public:
  /// Ids go on behind `ceiling`, the durable one (0 for a new store).
  Ids(const base::Clock& clock, std::uint64_t ceiling) : clock_(clock), last_(ceiling), ceiling_(ceiling) {}

  std::uint64_t next();

  /// The ceiling that must become durable with a commit made now; nothing when the present one will do.
  std::optional<std::uint64_t> needed_ceiling() const;
  void raised(std::uint64_t ceiling) { ceiling_ = ceiling; }

 private:
  const base::Clock& clock_;
  std::atomic<std::uint64_t> last_;
  std::uint64_t ceiling_;
};

}  // namespace store
