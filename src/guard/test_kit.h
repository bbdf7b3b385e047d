#pragma once
// Private to the room's tests: a guard over a store in memory, by a clock that a test turns.

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "guard/guard.h"
#include "guard/visit.h"
#include "net/loop.h"
#include "net/pool.h"

namespace guard::test {

using namespace std::chrono_literals;

class TurnedClock final : public base::Clock {
 public:
  base::WallTime now() const override { return wall_; }
  base::SteadyTime steady() const override { return steady_; }
  void pass(std::chrono::seconds time) {
    wall_ += time;
    steady_ += time;
  }

 private:
  base::WallTime wall_{std::chrono::seconds(1'795'251'600)};  // 2026-11-21T09:00:00Z
  base::SteadyTime steady_{1000h};
};

template <class T>
T good(base::Result<T> result) {
  if (!result) FAIL(result.error().text);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

struct World {
  explicit World(Config config = {}) : live(config) { start(); }

  /// As after a restart: what is not in the store is forgotten.
  void start() { guard = good(open(*store, clock, log, live)); }

  Visitor stranger(const char* address) const { return Visitor::of(address, Group::strangers, false); }
  Visitor user(const char* address) const { return Visitor::of(address, Group::users, false); }
  bool may_connect(const Visitor& visitor) const { return !guard->connect(visitor); }
  bool guess(const Visitor& visitor, const std::string& password) const {
    return net::run(guard->wrong_password(visitor, "ann@example.org", password));
  }
  /// Guesses until it is banned, at most `most` times.
  int guesses_until_banned(const Visitor& visitor, int most = 100) const {
    for (int i = 1; i <= most; ++i) {
      if (guess(visitor, "guess " + std::to_string(i))) return i;
    }
    return 0;
  }
  /// A message of the account, as delivery commits it; what it was refused for.
  std::optional<Spent> send(base::AccountId account, const std::vector<std::string>& recipients) const {
    const auto spending = guard->spending(account, "ann@example.org", recipients);
    const auto written =
        net::run(store->write({store::Owner::of(account)}, [&](store::Txn& txn) { return spending->take(txn); }));
    spending->settle();
    if (written) return std::nullopt;
    CHECK(written.error().code == base::Code::busy);
    return guard->spent(account);
  }
  std::vector<std::string> problems() const {
    std::vector<std::string> found;
    const auto reader = good(store->reader());
    good(guard->check(*reader,
                      [&](const store::Problem& problem) { found.push_back(problem.where + ": " + problem.what); }));
    return found;
  }

  TurnedClock clock;
  base::Log log;
  net::Pool pool{2};
  base::Live<Config> live;
  std::unique_ptr<store::Store> store = store::open_memory(pool, base::system_clock(), log);
  std::unique_ptr<Guard> guard;
};

}  // namespace guard::test
