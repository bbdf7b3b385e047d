#include <atomic>
#include <chrono>
#include <thread>

#include "directory/gate.h"
#include "directory/test_kit.h"

namespace directory {
namespace {

using base::Code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using namespace directory::test;

steady_clock::duration time_of(net::Task<base::Result<Identity>> login) {
  const auto start = steady_clock::now();
  (void)net::run(std::move(login));
  return steady_clock::now() - start;
}

TEST_CASE("a user logs in with the right password only, and repeats cost nothing") {
  Kit kit;
  const auto people = kit.people({"alice", "bob"});
  const Identity alice = good(kit->authenticate("Alice@Example.test", "secret of alice"));
  CHECK(alice.account == people[0].id);
  CHECK(alice.address == "alice@example.test");
  CHECK(alice.quota.bytes == kDefaultQuota);
  CHECK(alice.credential_version != 0);
  CHECK(alice.generation == kit->generation());

  CHECK(at_once(kit->authenticate("alice@example.test", "secret of alice"))->account == alice.account);
  CHECK(code(kit->authenticate("alice@example.test", "secret of bob")) == Code::denied);
  CHECK(code(kit->authenticate("bob@example.test", "secret of alice")) == Code::denied);
  CHECK(code(kit->authenticate("alice@example.test", "")) == Code::denied);
  CHECK(code(kit->authenticate("alice@example.test", std::string("secret of alice\0", 16))) == Code::denied);
  CHECK(code(kit->authenticate("alice@example.test", "\xff\xff")) == Code::denied);
  CHECK(code(kit->authenticate("alice", "secret of alice")) == Code::denied);
  CHECK(code(kit->authenticate("", "")) == Code::denied);
  CHECK(code(kit->authenticate("nobody@example.test", "secret of alice")) == Code::denied);
}

TEST_CASE("who may not log in learns nothing from the text, nor from the time") {
  Kit kit;
  kit.people({"alice"});
  const std::string wrong = text(kit->authenticate("alice@example.test", "wrong"));
  CHECK(text(kit->authenticate("nobody@example.test", "wrong")) == wrong);
  CHECK(text(kit->authenticate("no address", "wrong")) == wrong);
  CHECK(text(kit->authenticate("alice@example.test", std::string(5000, 'x'))) == wrong);

  steady_clock::duration known = steady_clock::duration::max();
  steady_clock::duration unknown = known;
  steady_clock::duration malformed = known;
  for (int i = 0; i < 5; ++i) {  // the fastest of five: what a quiet machine would take
    known = std::min(known, time_of(kit->authenticate("alice@example.test", "wrong")));
    unknown = std::min(unknown, time_of(kit->authenticate("nobody@example.test", "wrong")));
    malformed = std::min(malformed, time_of(kit->authenticate("alice@example.test", "\xff")));
  }
  CHECK(unknown > known / 3);
  CHECK(unknown < known * 3);
  CHECK(malformed > known / 3);
  CHECK(malformed < known * 3);
}

TEST_CASE("a wrong password is never remembered as right, nor a right one as another's") {
  Kit kit;
  kit.people({"alice"});
  for (int i = 0; i < 3; ++i) CHECK(code(kit->authenticate("alice@example.test", "wrong")) == Code::denied);
  good(kit->authenticate("alice@example.test", "secret of alice"));
  for (int i = 0; i < 3; ++i) CHECK(code(kit->authenticate("alice@example.test", "wrong")) == Code::denied);
  good(kit->add_account("al@example.test", "ice", 0));
  good(kit->authenticate("al@example.test", "ice"));
  CHECK(code(kit->authenticate("al@example.test", "secret of alice")) == Code::denied);
}

TEST_CASE("a changed password ends what the old one opened") {
  Kit kit;
  kit.people({"alice", "bob"});
  const Identity old = good(kit->authenticate("alice@example.test", "secret of alice"));
  const Identity bob = good(kit->authenticate("bob@example.test", "secret of bob"));
  CHECK(at_once(kit->recheck(old))->account == old.account);

  good(kit->set_password("ALICE@example.test", "another"));
  CHECK(kit->generation() != old.generation);
  CHECK(code(kit->authenticate("alice@example.test", "secret of alice")) == Code::denied);
  CHECK(code(kit->recheck(old)) == Code::denied);
  const Identity now = good(kit->authenticate("alice@example.test", "another"));
  CHECK(now.account == old.account);
  CHECK(now.credential_version > old.credential_version);
  CHECK(good(kit->recheck(now)).credential_version == now.credential_version);

  // Bob is not asked for anything: his session goes on, and knows the new generation.
  const Identity still = good(kit->recheck(bob));
  CHECK(still.generation == kit->generation());
  CHECK(still.credential_version == bob.credential_version);
  CHECK(at_once(kit->authenticate("bob@example.test", "secret of bob"))->account == bob.account);

  // The same password again is a new credential all the same.
  good(kit->set_password("alice@example.test", "another"));
  CHECK(code(kit->recheck(now)) == Code::denied);
}

TEST_CASE("a removed account is logged out, also when its address has a new owner") {
  Kit kit;
  kit.people({"alice"});
  const Identity old = good(kit->authenticate("alice@example.test", "secret of alice"));
  good(kit->remove_account("alice@example.test"));
  CHECK(code(kit->recheck(old)) == Code::denied);
  CHECK(code(kit->authenticate("alice@example.test", "secret of alice")) == Code::denied);
  good(kit->add_account("alice@example.test", "secret of alice", 0));
  CHECK(code(kit->recheck(old)) == Code::denied);
  CHECK(good(kit->authenticate("alice@example.test", "secret of alice")).account != old.account);
}

TEST_CASE("a password typed on another system logs in") {
  Kit kit;
  kit.people({});
  good(kit->add_account("alice@example.test", "Gru\u0308ße", 0));
  CHECK(net::run(kit->authenticate("alice@example.test", "Gr\u00fcße")));
}

TEST_CASE("the cache of right passwords is bounded") {
  Kit kit({.verified_credentials = 1});
  kit.people({"alice", "bob"});
  good(kit->authenticate("alice@example.test", "secret of alice"));
  good(kit->authenticate("bob@example.test", "secret of bob"));
  CHECK(at_once(kit->authenticate("bob@example.test", "secret of bob")));
  good(kit->authenticate("alice@example.test", "secret of alice"));  // checked again, and right
}

net::Task<void> log_in(Directory& directory, std::string login, std::string password, std::vector<Code>& refused,
                       std::size_t& accepted) {
  const auto identity = co_await directory.authenticate(std::move(login), std::move(password));
  if (identity) {
    ++accepted;
  } else {
    refused.push_back(identity.error().code);
  }
}

/// Looks up addresses that no cache knows until `flood` logins have been answered; returns the slowest.
net::Task<void> keep_routing(Directory& directory, const std::vector<Code>& refused, std::size_t flood,
                             std::size_t& routed, steady_clock::duration& slowest) {
  while (refused.size() < flood) {
    const auto start = steady_clock::now();
    const auto route = co_await directory.route("nobody" + std::to_string(routed) + "@example.test");
    slowest = std::max(slowest, steady_clock::now() - start);
    if (!route && route.error().code == Code::not_found) ++routed;
    co_await net::sleep_for(milliseconds(5));
  }
}

TEST_CASE("a flood of logins is bounded and mail goes on beside it") {
  Kit kit({.password_checks_at_once = 2, .password_checks_waiting = 100});
  kit.people({"alice"});
  good(kit->authenticate("alice@example.test", "secret of alice"));
  std::vector<Code> refused;
  std::size_t accepted = 0;
  std::size_t routed = 0;
  steady_clock::duration slowest{};
  std::vector<net::Task<void>> tasks;
  for (int i = 0; i < 200; ++i) {
    const std::string login = i % 2 == 0 ? "alice@example.test" : "u" + std::to_string(i) + "@example.test";
    tasks.push_back(log_in(*kit.dir, login, "guess " + std::to_string(i), refused, accepted));
  }
  tasks.push_back(keep_routing(*kit.dir, refused, 200, routed, slowest));
  // Somebody who was here before comes back in the midst of it.
  tasks.push_back(log_in(*kit.dir, "alice@example.test", "secret of alice", refused, accepted));
  const auto start = steady_clock::now();
  together(std::move(tasks));
  const auto took = steady_clock::now() - start;

  CHECK(accepted == 1);
  const auto busy = std::ranges::count(refused, Code::busy);
  const auto denied = std::ranges::count(refused, Code::denied);
  CHECK(busy + denied == 200);
  CHECK(denied >= 102);
  CHECK(busy >= 50);
  CHECK(routed > 20);
  MESSAGE("flood answered in ", std::chrono::duration_cast<milliseconds>(took).count(), " ms, ", routed,
          " look-ups beside it, the slowest ", std::chrono::duration_cast<milliseconds>(slowest).count(), " ms");
  CHECK(slowest < took / 2);
}

TEST_CASE("a client that opens many connections at once pays for one check or two") {
  Kit kit;
  kit.people({"alice"});
  const auto single = time_of(kit->authenticate("alice@example.test", "wrong"));
  std::vector<Code> refused;
  std::size_t accepted = 0;
  std::vector<net::Task<void>> tasks;
  for (int i = 0; i < 40; ++i) {
    tasks.push_back(log_in(*kit.dir, "alice@example.test", "secret of alice", refused, accepted));
  }
  const auto start = steady_clock::now();
  together(std::move(tasks));
  CHECK(accepted == 40);
  CHECK(steady_clock::now() - start < 15 * single);
}

net::Task<base::Result<int>> through(Gate& gate, std::atomic<int>& inside, std::atomic<int>& most) {
  return gate.run([&inside, &most]() -> base::Result<int> {
    const int now = ++inside;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
    std::this_thread::sleep_for(milliseconds(1));
    return inside-- > 0 ? 1 : 0;
  });
}

TEST_CASE("a gate lets no more through than it says, and hands on exceptions") {
  net::Pool pool(8);
  Gate gate(pool, 3, 1000);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::optional<base::Result<int>>> results(100);
  std::vector<net::Task<void>> tasks;
  for (auto& result : results) tasks.push_back(keep(through(gate, inside, most), result));
  together(std::move(tasks));
  for (const auto& result : results) CHECK(**result == 1);
  CHECK(most <= 3);
  CHECK(most >= 2);
  CHECK_THROWS_AS(net::run(gate.run([]() -> base::Result<void> { throw std::runtime_error("as it should"); })),
                  std::runtime_error);
  CHECK(net::run(gate.run([]() -> base::Result<int> { return 7; })) == 7);
}

/// Fails the syncs while it is told to.
struct Failing final : store::Faults {
  std::atomic<bool> fail = false;
  base::Result<void> sync() override {
    if (fail) return base::fail(Code::unavailable, "the disk failed");
    return {};
  }
};

TEST_CASE("a change that failed leaves one truth, whichever it is") {
  Failing faults;
  Kit kit({}, &faults);
  kit.people({"alice"});
  const Identity before = good(kit->authenticate("alice@example.test", "secret of alice"));
  faults.fail = true;
  CHECK(code(kit->set_password("alice@example.test", "another")) == Code::unavailable);
  faults.fail = false;
  for (int i = 0; i < 1000 && !kit.store->accepts_writes(); ++i) std::this_thread::sleep_for(milliseconds(5));
  REQUIRE(kit.store->accepts_writes());

  const auto with_old = net::run(kit->authenticate("alice@example.test", "secret of alice"));
  const auto with_new = net::run(kit->authenticate("alice@example.test", "another"));
  CHECK(with_old.has_value() != with_new.has_value());
  CHECK(net::run(kit->recheck(before)).has_value() == with_old.has_value());
  good(kit->set_password("alice@example.test", "third"));
  good(kit->authenticate("alice@example.test", "third"));
  CHECK(code(kit->recheck(before)) == Code::denied);
}

}  // namespace
}  // namespace directory
