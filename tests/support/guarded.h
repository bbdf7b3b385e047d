#pragma once
// A guard over a store in memory, for tests of the rooms whose sessions ask it. For tests only.

#include <memory>

#include "guard/guard.h"
#include "net/pool.h"
#include "store/store.h"

namespace tests {

struct Guarded {
  explicit Guarded(guard::Config config) : live(config) {
    guard = guard::open(*store, base::system_clock(), {}, live).value();
  }

  net::Pool pool{1};
  base::Live<guard::Config> live;
  std::unique_ptr<store::Store> store = store::open_memory(pool, base::system_clock(), {});
  std::unique_ptr<guard::Guard> guard;
};

}  // namespace tests
