// What visitors may do within a minute, and what becomes of those who guess passwords.

#include "guard/guard.h"

#include "guard/ban_list.h"
#include "guard/strikes.h"
#include "guard/test_kit.h"

namespace guard {
namespace {

using namespace test;

TEST_CASE("a stranger gets ten connections a minute, and is heard again after it") {
  World world;
  const Visitor peer = world.stranger("192.0.2.7");
  for (int i = 0; i < 10; ++i) CHECK(world.may_connect(peer));
  const auto refusal = world.guard->connect(peer);
  REQUIRE(refusal);
  CHECK_FALSE(refusal->banned);
  CHECK(refusal->limit == Limit{What::connections, Scope::client});
  world.clock.pass(30s);
  CHECK_FALSE(world.may_connect(peer));
  world.clock.pass(40s);
  CHECK(world.may_connect(peer));
  // Others are not touched, nor the same client as a user.
  CHECK(world.may_connect(world.stranger("192.0.2.8")));
  CHECK(world.may_connect(world.user("192.0.2.7")));
}

TEST_CASE("an IPv6 client is its /64, and a network is a /24 or a /48") {
  World world;
  for (int i = 0; i < 10; ++i) CHECK(world.may_connect(world.stranger(("2001:db8::" + std::to_string(i)).c_str())));
  CHECK_FALSE(world.may_connect(world.stranger("2001:db8:0:0:ffff::1")));
  CHECK(world.may_connect(world.stranger("2001:db8:0:1::1")));

  int taken = 0;
  for (int i = 0; i < 200; ++i) taken += world.may_connect(world.stranger(("192.0.2." + std::to_string(i)).c_str()));
  CHECK_EQ(taken, 100);
  const auto refusal = world.guard->connect(world.stranger("192.0.2.250"));
  REQUIRE(refusal);
  CHECK(refusal->limit == Limit{What::connections, Scope::network});
  CHECK(world.may_connect(world.stranger("192.0.3.1")));
}

TEST_CASE("all clients together have a limit, and whoever is exempt is neither counted nor refused") {
  World world({.all = {.connections = 5}});
  const Visitor trusted = Visitor::of("10.0.0.1", Group::strangers, true);
  for (int i = 0; i < 100; ++i) CHECK(world.may_connect(trusted));
  for (int i = 0; i < 5; ++i) CHECK(world.may_connect(world.stranger(("192.0." + std::to_string(i) + ".1").c_str())));
  const auto refusal = world.guard->connect(world.user("198.51.100.1"));
  REQUIRE(refusal);
  CHECK(refusal->limit.scope == Scope::all);
  CHECK(world.may_connect(trusted));
  // Somebody without an address: of a Unix socket.
  CHECK(world.may_connect(Visitor::of("", Group::users, false)));
}

TEST_CASE("messages and recipients are counted by client, and those of users by account") {
  World world({.account = {.messages = 3}});
  const Visitor peer = world.stranger("192.0.2.7");
  for (int i = 0; i < 20; ++i) CHECK_FALSE(world.guard->take(What::messages, peer));
  CHECK(world.guard->take(What::messages, peer) == Limit{What::messages, Scope::client});
  for (int i = 0; i < 200; ++i) CHECK_FALSE(world.guard->take(What::recipients, peer));
  CHECK(world.guard->take(What::recipients, peer) == Limit{What::recipients, Scope::client});

  // From wherever the account sends, also from a trusted network.
  const base::AccountId ann{7};
  CHECK_FALSE(world.guard->take(What::messages, world.user("192.0.2.1"), ann));
  CHECK_FALSE(world.guard->take(What::messages, world.user("198.51.100.1"), ann));
  CHECK_FALSE(world.guard->take(What::messages, Visitor::of("10.0.0.1", Group::users, true), ann));
  CHECK(world.guard->take(What::messages, world.user("203.0.113.1"), ann) == Limit{What::messages, Scope::account});
  CHECK_FALSE(world.guard->take(What::messages, world.user("203.0.113.1"), base::AccountId{8}));
}

TEST_CASE("who has had too many commands refused is not heard again for a minute") {
  World world({.stranger = {.connections = 100, .errors = 3}});
  const Visitor peer = world.stranger("192.0.2.7");
  CHECK(world.may_connect(peer));
  CHECK_FALSE(world.guard->take(What::errors, peer));
  CHECK_FALSE(world.guard->take(What::errors, peer));
  CHECK(world.guard->take(What::errors, peer) == Limit{What::errors, Scope::client});
  CHECK_FALSE(world.may_connect(peer));
  CHECK_FALSE(world.guard->banned(peer));
  world.clock.pass(70s);
  CHECK(world.may_connect(peer));
}

TEST_CASE("the limits follow the configuration, and 0 is any number") {
  World world({.stranger = {.connections = 2}, .network_factor = 0, .all = {}});
  const Visitor peer = world.stranger("192.0.2.7");
  CHECK(world.may_connect(peer));
  CHECK(world.may_connect(peer));
  CHECK_FALSE(world.may_connect(peer));
  world.live.set({.stranger = {.connections = 0}, .all = {}});
  for (int i = 0; i < 1000; ++i) CHECK(world.may_connect(peer));
}

TEST_CASE("ten wrong passwords bring a ban, each further one is twice as long, and none is longer than a day") {
  World world;
  const Visitor thief = world.user("192.0.2.7");
  CHECK_EQ(world.guesses_until_banned(thief), 10);
  auto refusal = world.guard->connect(thief);
  REQUIRE(refusal);
  CHECK(refusal->banned);
  CHECK_FALSE(refusal->for_good);
  CHECK(world.guard->banned(thief));
  CHECK_FALSE(world.may_connect(world.stranger("192.0.2.7")));  // a ban is for all listeners
  CHECK(world.may_connect(world.user("192.0.2.8")));
  const auto bans = world.guard->bans();
  REQUIRE_EQ(bans.size(), 1);
  CHECK_EQ(bans[0].network.text(), "192.0.2.7/32");
  CHECK_EQ(bans[0].reason, "10 wrong passwords");
  CHECK(*bans[0].until - bans[0].created == 10min);

  world.clock.pass(10min);
  CHECK(world.may_connect(thief));
  CHECK_EQ(world.guesses_until_banned(thief), 10);
  CHECK(*world.guard->bans()[0].until - world.clock.now() == 20min);
  for (int i = 0; i < 12; ++i) {
    world.clock.pass(24h);
    CHECK_EQ(world.guesses_until_banned(thief), 10);
  }
  CHECK(*world.guard->bans()[0].until - world.clock.now() == 24h);
  // After a week of peace it begins anew.
  world.clock.pass(24h + 7 * 24h);
  CHECK_EQ(world.guesses_until_banned(thief), 10);
  CHECK(*world.guard->bans()[0].until - world.clock.now() == 10min);
}

TEST_CASE("the same wrong password again is no other guess, and slow ones bring no ban") {
  World world;
  const Visitor phone = world.user("192.0.2.7");
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(world.guess(phone, "the old password"));
  for (int i = 0; i < 50; ++i) {
    CHECK_FALSE(world.guess(phone, "guess " + std::to_string(i)));
    world.clock.pass(2min);
  }
  CHECK(world.guard->bans().empty());
}

TEST_CASE("nobody who is exempt is banned, and no guesses mean no bans") {
  World world;
  CHECK_EQ(world.guesses_until_banned(Visitor::of("10.0.0.1", Group::users, true)), 0);
  CHECK_EQ(world.guesses_until_banned(Visitor::of("", Group::users, false)), 0);
  world.live.set({.wrong_passwords = 0});
  CHECK_EQ(world.guesses_until_banned(world.user("192.0.2.7")), 0);
  CHECK(world.guard->bans().empty());
}

TEST_CASE("an IPv6 /64 is banned whole") {
  World world;
  int banned = 0;
  for (int i = 1; i <= 10; ++i) {
    banned += world.guess(world.user(("2001:db8::" + std::to_string(i)).c_str()), "guess " + std::to_string(i));
  }
  CHECK_EQ(banned, 1);
  CHECK_FALSE(world.may_connect(world.user("2001:db8::ffff")));
  CHECK_EQ(world.guard->bans()[0].network.text(), "2001:db8::/64");
}

TEST_CASE("bans survive a restart, and so does how often there was one; what is counted in a minute does not") {
  World world;
  const Visitor thief = world.user("192.0.2.7");
  world.guesses_until_banned(thief);
  good(net::run(world.guard->ban(*base::Network::parse("198.51.100.0/24"), std::nullopt, "spam")));
  const Visitor busy = world.stranger("203.0.113.9");
  for (int i = 0; i < 10; ++i) world.may_connect(busy);
  CHECK_FALSE(world.may_connect(busy));
  world.start();
  CHECK_FALSE(world.may_connect(thief));
  const auto refusal = world.guard->connect(world.stranger("198.51.100.77"));
  REQUIRE(refusal);
  CHECK(refusal->for_good);
  CHECK(world.may_connect(busy));
  world.clock.pass(11min);
  world.start();
  world.guesses_until_banned(thief);
  CHECK_EQ(world.guard->bans().size(), 2);
  CHECK_EQ(world.guard->bans()[0].times, 2);
  CHECK(world.problems().empty());
}

TEST_CASE("the operator bans networks for a time or for good, and takes it back") {
  World world;
  const auto network = *base::Network::parse("2001:db8::/32");
  const auto made = good(net::run(world.guard->ban(network, 1h, "too much")));
  CHECK(made.by_operator);
  CHECK_FALSE(world.may_connect(world.stranger("2001:db8:1234::1")));
  CHECK(world.may_connect(world.stranger("2001:db9::1")));
  CHECK(world.may_connect(Visitor::of("2001:db8::1", Group::strangers, true)));
  world.clock.pass(1h);
  CHECK(world.may_connect(world.stranger("2001:db8:1234::1")));
  CHECK(world.guard->bans().empty());
  CHECK(net::run(world.guard->unban(network)).error().code == base::Code::not_found);

  good(net::run(world.guard->ban(network, std::nullopt, "")));
  good(net::run(world.guard->unban(network)));
  CHECK(world.may_connect(world.stranger("2001:db8:1234::1")));
  world.start();
  CHECK(world.guard->bans().empty());

  CHECK(net::run(world.guard->ban(network, 0s, "")).error().code == base::Code::invalid);
  CHECK(net::run(world.guard->ban(network, 1h, "two\nlines")).error().code == base::Code::invalid);
  CHECK(net::run(world.guard->ban(network, 1h, std::string(201, 'x'))).error().code == base::Code::invalid);
}

TEST_CASE("guesses do not shorten what the operator said") {
  World world;
  good(net::run(world.guard->ban(*base::Network::parse("192.0.2.7"), std::nullopt, "for good")));
  CHECK_EQ(world.guesses_until_banned(world.user("192.0.2.7")), 1);  // it is banned already: its session ends
  REQUIRE_EQ(world.guard->bans().size(), 1);
  CHECK(world.guard->bans()[0].by_operator);
}

TEST_CASE("a list of bans is bounded, and those that end first make room") {
  BanList list;
  const base::WallTime now{};
  for (std::uint32_t i = 0; i < kMaxBans + 100; ++i) {
    base::Address address{.v4 = true, .bytes = {10, std::uint8_t(i >> 16), std::uint8_t(i >> 8), std::uint8_t(i)}};
    const auto left = list.put({.network = {address, 32}, .until = now + std::chrono::seconds(i + 1)});
    CHECK_EQ(left.size(), i < kMaxBans ? 0 : 1);
  }
  CHECK_EQ(list.size(), kMaxBans);
  CHECK(list.find(*base::Address::parse("10.0.0.5"), now) == nullptr);
  CHECK(list.find(*base::Address::parse("10.0.190.5"), now) != nullptr);
  CHECK_EQ(list.forget(now + kBanMemory + std::chrono::hours(24)).size(), kMaxBans);
  CHECK_EQ(list.size(), 0);
}

TEST_CASE("of several bans the one of the smallest network is told") {
  BanList list;
  const base::WallTime now{};
  const auto put = [&](const char* network, const char* reason) {
    list.put({.network = *base::Network::parse(network), .reason = reason});
  };
  put("0.0.0.0/0", "everybody");
  put("192.0.2.0/24", "network");
  put("192.0.2.7/32", "client");
  const auto reason = [&](const char* address) {
    const Ban* ban = list.find(*base::Address::parse(address), now);
    return ban != nullptr ? ban->reason : std::string();
  };
  CHECK_EQ(reason("192.0.2.7"), "client");
  CHECK_EQ(reason("192.0.2.8"), "network");
  CHECK_EQ(reason("203.0.113.1"), "everybody");
  CHECK_EQ(reason("2001:db8::1"), "");
  list.erase(*base::Network::parse("0.0.0.0/0"));
  CHECK_EQ(reason("203.0.113.1"), "");
}

TEST_CASE("the length of a ban doubles up to the longest") {
  CHECK(ban_length(10min, 24h, 1) == 10min);
  CHECK(ban_length(10min, 24h, 4) == 80min);
  CHECK(ban_length(10min, 24h, 1'000'000) == 24h);
  CHECK(ban_length(48h, 24h, 1) == 24h);
}

TEST_CASE("a flood from a million addresses leaves the table as it is, and a busy client limited") {
  World world({.network_factor = 0, .all = {}, .records = 1024});
  const Visitor busy = world.stranger("192.0.2.7");
  for (int i = 0; i < 10; ++i) CHECK(world.may_connect(busy));
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    Visitor one = busy;
    one.address->bytes = {10, std::uint8_t(i >> 16), std::uint8_t(i >> 8), std::uint8_t(i)};
    world.guard->connect(one);
  }
  CHECK_FALSE(world.may_connect(busy));
}

TEST_CASE("sessions on several threads get no more than the limit together, and bring one ban") {
  World world({.user = {.messages = 1000}, .network_factor = 0, .all = {}, .wrong_passwords = 50});
  const Visitor visitor = world.user("192.0.2.7");
  std::atomic<int> taken = 0, banned = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) taken += !world.guard->take(What::messages, visitor);
      for (int i = 0; i < 20; ++i) {
        banned += net::run(world.guard->wrong_password(visitor, "ann", std::to_string(t * 100 + i)));
        (void)world.guard->bans();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(taken, 1000);
  CHECK_GT(banned, 0);
  REQUIRE_EQ(world.guard->bans().size(), 1);
  CHECK_EQ(world.guard->bans()[0].times, 1);
  CHECK(world.problems().empty());
}

TEST_CASE("a session without a guard, and one of somebody exempt, are never refused") {
  const Visit nobody;
  CHECK_FALSE(nobody.take(What::messages));
  CHECK_FALSE(nobody.banned());
  CHECK_FALSE(nobody.spent({1}));
  CHECK_FALSE(net::run(nobody.wrong_password("u", "p")));
  World world;
  const Visit visit(world.guard.get(), world.stranger("192.0.2.7"));
  for (int i = 0; i < 20; ++i) CHECK_FALSE(visit.take(What::messages));
  CHECK(visit.take(What::messages));
}

}  // namespace
}  // namespace guard
