// What accounts may send in a day.

#include "guard/day.h"

#include "guard/tables.h"
#include "guard/test_kit.h"

namespace guard {
namespace {

using namespace test;

constexpr base::AccountId kAnn{7};

std::vector<std::string> people(int from, int to) {
  std::vector<std::string> all;
  for (int i = from; i < to; ++i) all.push_back("p" + std::to_string(i) + "@elsewhere.test");
  return all;
}

TEST_CASE("a stolen password sends no more than the account may in a day, and its owner goes on the next") {
  World world({.messages_per_day = 3, .new_recipients_per_day = 0});
  for (int i = 0; i < 3; ++i) CHECK_FALSE(world.send(kAnn, people(i, i + 1)));
  CHECK_FALSE(world.guard->spent(kAnn));  // nobody was refused yet
  const auto spent = world.send(kAnn, people(9, 10));
  REQUIRE(spent);
  CHECK(spent->of == Spent::Of::messages);
  CHECK_EQ(spent->limit, 3);
  CHECK_EQ(base::rfc3339_seconds(spent->until), "2026-11-22T00:00:00Z");
  CHECK(world.guard->spent(kAnn));
  CHECK_FALSE(world.guard->spent({8}));
  CHECK_FALSE(world.send({8}, people(0, 1)));
  world.clock.pass(15h);
  CHECK_FALSE(world.guard->spent(kAnn));
  CHECK_FALSE(world.send(kAnn, people(9, 10)));
}

TEST_CASE("recipients that the account has written to before are not counted again, in whatever case") {
  World world({.messages_per_day = 0, .new_recipients_per_day = 5});
  CHECK_FALSE(world.send(kAnn, people(0, 5)));
  CHECK_FALSE(world.send(kAnn, people(0, 5)));
  CHECK_FALSE(world.send(kAnn, {"P3@Elsewhere.TEST", "p3@elsewhere.test"}));
  const auto spent = world.send(kAnn, people(4, 6));
  REQUIRE(spent);
  CHECK(spent->of == Spent::Of::new_recipients);
  CHECK(spent->none_left);
  CHECK(good(net::run(world.guard->knows(kAnn, "p4@elsewhere.test"))));
  CHECK_FALSE(good(net::run(world.guard->knows(kAnn, "p5@elsewhere.test"))));
  CHECK_FALSE(world.send(kAnn, people(0, 5)));  // the known ones still get mail
  world.clock.pass(24h);
  CHECK_FALSE(world.send(kAnn, people(4, 9)));
  CHECK(world.problems().empty());
}

TEST_CASE("a message to too many at once is refused, and one to fewer goes") {
  World world({.new_recipients_per_day = 5});
  const auto spent = world.send(kAnn, people(0, 6));
  REQUIRE(spent);
  CHECK_FALSE(spent->none_left);
  CHECK_FALSE(world.send(kAnn, people(0, 5)));
}

TEST_CASE("what was sent today survives a restart, and a message that was not committed is not counted") {
  World world({.messages_per_day = 2});
  CHECK_FALSE(world.send(kAnn, people(0, 1)));
  const auto spending = world.guard->spending(kAnn, "ann@example.org", people(1, 2));
  const auto failed = net::run(world.store->write({}, [&](store::Txn& txn) -> base::Result<void> {
    CHECK(spending->take(txn));
    return base::fail(base::Code::unavailable, "something else went wrong");
  }));
  CHECK_FALSE(failed);
  spending->settle();
  CHECK_FALSE(world.guard->spent(kAnn));
  world.start();
  CHECK_FALSE(world.send(kAnn, people(0, 1)));
  CHECK(world.send(kAnn, people(0, 1)));
  const auto allowance = good(net::run(world.guard->allowance(kAnn)));
  CHECK_EQ(allowance.messages_today, 2);
  CHECK_EQ(allowance.new_recipients_today, 1);
}

TEST_CASE("an account may have limits of its own, and raising them helps at once") {
  World world({.messages_per_day = 1});
  CHECK_FALSE(world.send(kAnn, people(0, 1)));
  CHECK(world.send(kAnn, people(0, 1)));
  good(net::run(world.guard->set_allowance(kAnn, {.messages = 3})));
  CHECK_FALSE(world.guard->spent(kAnn));
  CHECK_FALSE(world.send(kAnn, people(0, 1)));
  CHECK_FALSE(world.send(kAnn, people(0, 1)));
  CHECK(world.send(kAnn, people(0, 1)));
  good(net::run(world.guard->set_allowance(kAnn, {.messages = 0})));
  CHECK_FALSE(world.send(kAnn, people(0, 1)));
  CHECK_EQ(good(net::run(world.guard->allowance(kAnn))).own_messages, 0);
  good(net::run(world.guard->set_allowance(kAnn, {.messages = std::optional<std::uint64_t>()})));
  CHECK(world.send(kAnn, people(0, 1)));
  // The same for the limit of all.
  world.live.set({.messages_per_day = 100});
  CHECK_FALSE(world.guard->spent(kAnn));
  CHECK_FALSE(world.send(kAnn, people(0, 1)));
}

TEST_CASE("without limits nothing is written") {
  World world({.messages_per_day = 0, .new_recipients_per_day = 0});
  CHECK_FALSE(world.send(kAnn, people(0, 100)));
  CHECK_EQ(good(net::run(world.guard->allowance(kAnn))).messages_today, 0);
  CHECK_FALSE(good(net::run(world.guard->knows(kAnn, "p1@elsewhere.test"))));
}

TEST_CASE("known recipients are bounded, and those that were not written to for longest are forgotten") {
  World world({.messages_per_day = 0, .new_recipients_per_day = 100'000});
  CHECK_FALSE(world.send(kAnn, people(0, 5000)));
  world.clock.pass(24h);
  CHECK_FALSE(world.send(kAnn, people(5000, 10'000)));
  CHECK_FALSE(world.send(kAnn, people(0, 100)));
  CHECK_FALSE(world.send(kAnn, people(10'000, 10'001)));
  CHECK(world.problems().empty());
  CHECK(good(net::run(world.guard->knows(kAnn, "p10000@elsewhere.test"))));
  int old_known = 0, new_known = 0;
  for (const auto& one : people(0, 100)) old_known += good(net::run(world.guard->knows(kAnn, one)));
  for (const auto& one : people(5000, 5100)) new_known += good(net::run(world.guard->knows(kAnn, one)));
  CHECK_EQ(old_known, 100);
  CHECK_EQ(new_known, 100);
  CHECK_FALSE(world.send(kAnn, people(20'000, 35'000)));
  CHECK(world.problems().empty());
}

TEST_CASE("an account that was removed leaves nothing") {
  World world;
  CHECK_FALSE(world.send(kAnn, people(0, 10)));
  CHECK_FALSE(world.send({8}, people(0, 10)));
  good(net::run(world.guard->forget(kAnn)));
  CHECK_FALSE(good(net::run(world.guard->knows(kAnn, "p1@elsewhere.test"))));
  CHECK(good(net::run(world.guard->knows({8}, "p1@elsewhere.test"))));
  CHECK_EQ(good(net::run(world.guard->allowance(kAnn))).messages_today, 0);
  CHECK(world.problems().empty());
}

TEST_CASE("broken records are found, and keep nobody from starting") {
  World world;
  good(net::run(world.guard->ban(*base::Network::parse("192.0.2.7"), std::nullopt, "")));
  CHECK_FALSE(world.send(kAnn, people(0, 10)));
  good(net::run(world.store->write({}, [](store::Txn& txn) -> base::Result<void> {
    txn.put_raw(store::encode_key(kBans.id, std::string("nonsense")), "");
    txn.put_raw(store::encode_key(kBans.id, std::string("192.0.2.9/32")), "\xFF");
    txn.put_raw(store::encode_key(kBans.id), "");
    txn.erase(kKnown, std::tuple(kAnn, recipient_hash("p1@elsewhere.test")));
    schema::GuardKnown known;
    txn.put(kKnown, std::tuple(base::AccountId{9}, std::uint64_t{1}), known);
    return {};
  })));
  CHECK_EQ(world.problems().size(), 5);
  world.start();
  CHECK_EQ(world.guard->bans().size(), 1);
}

}  // namespace
}  // namespace guard
