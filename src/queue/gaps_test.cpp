// Where a table has no rows: what is learned, filled and forgotten, against a table that the test keeps.
#include "queue/gaps.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "queue/test_kit.h"

namespace queue {
namespace {

using test::World;

DueKey at(std::uint64_t time) { return {time, base::QueueId{0}, 0}; }

TEST_CASE("gaps grow together, and a row that is written splits them") {
  Gaps<DueKey> gaps;
  const auto epoch = gaps.epoch();
  gaps.learn(at(10), at(20), epoch);
  gaps.learn(at(30), at(40), epoch);
  CHECK(gaps.after(at(9)) == at(9));
  CHECK(gaps.after(at(10)) == at(20));
  CHECK(gaps.after(at(19)) == at(20));
  CHECK(gaps.after(at(20)) == at(20));
  gaps.learn(at(20), at(30), epoch);
  CHECK_EQ(gaps.size(), 1);
  CHECK(gaps.after(at(10)) == at(40));
  gaps.fill(at(25));
  CHECK(gaps.after(at(10)) == at(25));
  CHECK(gaps.after(at(25)) == at(25));
  CHECK(gaps.after(successor(at(25))) == at(40));
  gaps.fill(at(10));
  CHECK(gaps.after(at(10)) == at(10));
  gaps.learn(at(50), at(50), gaps.epoch());  // nothing is no gap
  CHECK(gaps.after(at(50)) == at(50));
}

TEST_CASE("a scan that began before a row was written does not hide it") {
  Gaps<DueKey> gaps;
  const auto before = gaps.epoch();
  gaps.fill(at(15));
  gaps.learn(at(10), at(20), before);
  CHECK(gaps.after(at(15)) == at(15));
  gaps.learn(at(16), at(20), before);  // where nothing was written
  CHECK(gaps.after(at(16)) == at(20));
  // More was written than is remembered: nothing of that time is believed.
  for (std::uint64_t i = 0; i <= Gaps<DueKey>::kRemembered; ++i) gaps.fill(at(1000 + i));
  gaps.learn(at(30), at(40), before);
  CHECK(gaps.after(at(30)) == at(30));
  const auto now = gaps.epoch();
  gaps.forget();
  CHECK_EQ(gaps.size(), 0);
  gaps.learn(at(30), at(40), now);
  CHECK(gaps.after(at(30)) == at(30));
}

TEST_CASE("there are never more gaps than a bound") {
  Gaps<DueKey> gaps;
  for (std::uint64_t i = 0; i < 3 * Gaps<DueKey>::kMost; ++i) gaps.learn(at(10 * i), at(10 * i + 5), gaps.epoch());
  CHECK_LE(gaps.size(), Gaps<DueKey>::kMost);
}

TEST_CASE("property: no gap ever hides a row, whatever is written while somebody scans") {
  std::mt19937 random(11);
  std::set<DueKey> table;
  Gaps<DueKey> gaps;
  const auto any = [&] { return at(random() % 200); };
  for (int i = 0; i < 100'000; ++i) {
    const auto epoch = gaps.epoch();
    const std::set<DueKey> snapshot = i % 10 == 0 ? table : std::set<DueKey>();
    for (auto writes = random() % 3; writes > 0; --writes) {
      const DueKey key = any();
      if (random() % 3 == 0) {
        table.insert(key);
        gaps.fill(key);
      } else {
        table.erase(key);
      }
    }
    if (i % 10 == 0) {
      const DueKey from = gaps.after(any());
      const auto first = snapshot.lower_bound(from);
      gaps.learn(from, first == snapshot.end() ? at(1000) : *first, epoch);
    }
    const DueKey key = any();
    const auto next = table.lower_bound(key);
    REQUIRE(gaps.after(key) <= (next == table.end() ? at(1000) : *next));
  }
}

TEST_CASE("what went out costs the next look nothing: the scans begin behind it") {
  World world;
  for (int i = 0; i < 50; ++i) {
    world.put("s@s" + std::to_string(i % 3) + ".example", {World::to("r@d" + std::to_string(i % 5) + ".example")});
  }
  world.settle();
  world.look();
  CHECK(world.list().empty());
  CHECK_EQ(world.shared->gaps.ready.size(), 1);
  CHECK(world.shared->gaps.ready.after({}) == ReadyKey{0xFF, 0, "", {}, 0});
  // And what comes then is found, also in the midst of them.
  world.put("s@s1.example", {World::to("late@d0.example")});
  world.look();
  CHECK_EQ(world.outbound.order.back(), "late@d0.example");
}

}  // namespace
}  // namespace queue
