#include "guard/counts.h"

#include <doctest/doctest.h>

#include <deque>
#include <random>

#include "guard/table.h"

namespace guard {
namespace {

TEST_CASE("what happened within the window is counted whole, and what is older than it and a sixth not at all") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    Counts<std::uint32_t, 2> counts;
    std::deque<Tick> happened;
    Tick now = 1000;
    for (int step = 0; step < 300; ++step) {
      now += random() % 4 == 0 ? random() % 12 : 0;
      if (random() % 2 == 0) {
        counts.add(1, now);
        happened.push_back(now);
      }
      while (!happened.empty() && now - happened.front() > kTicksPerWindow) happened.pop_front();
      REQUIRE_EQ(counts.count(1, now), happened.size());
      REQUIRE_EQ(counts.count(0, now), 0);
      REQUIRE_EQ(counts.weight(now), happened.size());
    }
  }
}

TEST_CASE("whoever is let through below a limit never gets more than the limit within any window") {
  std::mt19937 random(2);
  constexpr std::uint32_t kLimit = 10;
  Counts<std::uint16_t, 1> counts;
  std::vector<double> let_through;  // in ticks
  for (double time = 1000; time < 2000; time += (random() % 100) / 200.0) {
    const auto now = static_cast<Tick>(time);
    if (counts.count(0, now) >= kLimit) continue;
    counts.add(0, now);
    let_through.push_back(time);
  }
  REQUIRE_GT(let_through.size(), 1000);  // and it is no more than a sixth too strict
  for (std::size_t i = kLimit; i < let_through.size(); ++i) {
    REQUIRE_GT(let_through[i] - let_through[i - kLimit], kTicksPerWindow);
  }
}

TEST_CASE("a slot that is full stays full") {
  Counts<std::uint8_t, 1> counts;
  for (int i = 0; i < 1000; ++i) counts.add(0, 5);
  CHECK_EQ(counts.count(0, 5), 255);
}

struct Record {
  std::uint32_t number = 0;
  std::uint32_t weight(Tick) const { return number; }
};

TEST_CASE("a table of fixed size keeps who does much, however many others come") {
  Table<Record> table(1024);
  const std::size_t capacity = table.capacity();
  CHECK_LE(capacity, 1024 + 16);
  const Subject busy = subject(0, base::Network::parse("192.0.2.7").value());
  table.make(busy, 1).number = 1000;
  for (std::uint64_t i = 1; i <= 200'000; ++i) table.make(subject(1, base::AccountId{i}), 1).number = 1;
  CHECK_EQ(table.capacity(), capacity);
  CHECK_GT(table.evicted(), 190'000);
  REQUIRE(table.find(busy) != nullptr);
  CHECK_EQ(table.find(busy)->number, 1000);
}

TEST_CASE("records with nothing to remember give way first, and that loses nothing") {
  Table<Record> table(64);
  for (std::uint64_t i = 1; i <= 10'000; ++i) table.make(subject(1, base::AccountId{i}), 1);
  CHECK_EQ(table.evicted(), 0);
}

TEST_CASE("subjects are told apart by kind, family, prefix and number") {
  const auto network = [](const char* text) { return base::Network::parse(text).value(); };
  const std::vector<Subject> all{subject(0, network("192.0.2.0/24")),  subject(1, network("192.0.2.0/24")),
                                 subject(0, network("192.0.2.0/32")),  subject(0, network("c000:200::/24")),
                                 subject(0, network("c000:200::/32")), subject(0, base::AccountId{1}),
                                 subject(0, base::AccountId{256}),     subject(1, base::AccountId{1})};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(all[i] != all[j]);
  }
}

}  // namespace
}  // namespace guard
