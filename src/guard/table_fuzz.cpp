// Any sequence of things that clients do: the table and its counts stay within their bounds, nobody is let through more
// often than the limit within a window, and whoever has done nothing is let through.

#include <deque>
#include <map>

#include "base/check.h"
#include "guard/rate_limits.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace guard;
  constexpr std::uint32_t kLimit = 3;
  RateLimits limits(64);
  std::map<std::uint8_t, std::deque<Tick>> let_through;  // of clients that a flood has not pushed out
  Tick now = 1000;
  std::uint64_t forgotten = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    now += data[i] % 4 == 0 ? data[i] / 16 : 0;
    const std::uint8_t who = data[i + 1];
    const RateLimits::Bound bound{
        .scope = Scope::client, .subject = subject(0, base::AccountId{who + 1u}), .limit = kLimit};
    const bool taken = !limits.take(What::connections, std::span(&bound, 1), now);
    std::deque<Tick>& times = let_through[who];
    while (!times.empty() && now - times.front() > kTicksPerWindow) times.pop_front();
    if (limits.evicted() != forgotten) {
      // Somebody begins anew: we do not know who.
      forgotten = limits.evicted();
      let_through.clear();
    } else if (forgotten == 0) {
      ENSURE(taken == (times.size() < kLimit));
    }
    if (taken) let_through[who].push_back(now);
  }
  return 0;
}
