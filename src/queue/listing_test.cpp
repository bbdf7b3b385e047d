// The queue as the operator sees it and changes it, and what `store check` says of it.
#include "queue/listing.h"

#include <doctest/doctest.h>

#include <thread>

#include "queue/test_kit.h"

namespace queue {
namespace {

using namespace std::chrono_literals;
using test::good;
using test::World;

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The queue's public side over a World; nothing is delivered.
struct House {
  World world;
  std::unique_ptr<Queue> queue = open(*world.store, *world.directory, *world.mail, world.clock, {},
                                      [this] { return std::shared_ptr<const Config>(world.config); });

  std::vector<EntryView> list(Filter filter = {}) { return good(net::run(queue->list(std::move(filter), 1000))); }
  Changed change(Filter filter, Change change) {
    const Changed changed = good(net::run(queue->change(std::move(filter), change)));
    world.shared->gaps.forget();  // the World's worker is another than the queue's own
    return changed;
  }
};

TEST_CASE("filters choose entries and recipients") {
  House house;
  const auto first = house.world.put("ann@example.test", {World::to("b@example.net"), World::to("c@example.org")});
  house.world.clock.pass(2h);
  const auto second = house.world.put("Bob@example.test", {World::to("d@EXAMPLE.net")});
  CHECK_EQ(house.list().size(), 2);
  CHECK_EQ(house.list({.sender = "BOB", .recipient = {}, .domain = {}})[0].id, second);
  CHECK_EQ(house.list({.sender = {}, .recipient = "c@", .domain = {}})[0].recipients.size(), 1);
  CHECK_EQ(house.list({.sender = {}, .recipient = {}, .domain = "example.net"}).size(), 2);
  CHECK_EQ(house.list({.sender = {}, .recipient = {}, .domain = "example.org"})[0].id, first);
  CHECK_EQ(house.list({.ids = {second}, .sender = {}, .recipient = {}, .domain = {}})[0].id, second);
  const auto old =
      house.list({.sender = {}, .recipient = {}, .domain = {}, .created_before = house.world.clock.now() - 1h});
  REQUIRE_EQ(old.size(), 1);
  CHECK_EQ(old[0].id, first);
  CHECK(house.list({.sender = {}, .recipient = {}, .domain = {}, .state = State::waiting}).empty());
  CHECK_EQ(house.list({.sender = {}, .recipient = {}, .domain = {}, .state = State::ready}).size(), 2);
}

TEST_CASE("what is held is not tried, what is released is, and what is removed is gone with its body") {
  House house;
  World& world = house.world;
  world.put("ann@example.test", {World::to("b@example.net"), World::to("c@example.org")});
  const auto removed = world.put("bob@example.test", {World::to("d@example.net")});
  const Changed held = house.change({.sender = {}, .recipient = {}, .domain = "example.net"}, Change::hold);
  CHECK_EQ(held.entries, 2);
  CHECK_EQ(held.recipients, 2);
  world.settle();
  CHECK_EQ(world.outbound.order, std::vector<std::string>{"c@example.org"});
  CHECK_EQ(house.list({.sender = {}, .recipient = {}, .domain = {}, .state = State::held}).size(), 2);
  CHECK_EQ(world.problems(), "");
  // Not a retry: it is held.
  house.change({.sender = {}, .recipient = "b@", .domain = {}}, Change::retry);
  world.settle();
  CHECK_EQ(world.outbound.order.size(), 1);
  house.change({.ids = {removed}, .sender = {}, .recipient = {}, .domain = {}}, Change::remove);
  CHECK_EQ(house.list().size(), 1);
  CHECK_EQ(world.problems(), "");
  house.change({.sender = {}, .recipient = {}, .domain = {}, .state = State::held}, Change::release);
  world.settle();
  CHECK(house.list().empty());
  CHECK_EQ(world.outbound.order.back(), "b@example.net");
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a retry is at once, and what a sender wanted to be held can be released") {
  House house;
  World& world = house.world;
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::deferred(); };
  world.put("ann@example.test", {World::to("b@example.net")});
  world.settle();
  CHECK(house.list()[0].state == State::waiting);
  house.change({.sender = {}, .recipient = {}, .domain = "example.net"}, Change::retry);
  CHECK(house.list()[0].state == State::ready);
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::delivered(); };
  world.settle();
  CHECK(house.list().empty());
  const auto later = world.put("ann@example.test", {World::to("b@example.net")}, [&](schema::QueuedMessage& message) {
    message.set_hold_until_us(micros(world.clock.now() + 24h));
  });
  CHECK(house.list()[0].state == State::waiting);
  house.change({.ids = {later}, .sender = {}, .recipient = {}, .domain = {}}, Change::release);
  world.settle();
  CHECK(house.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("what the operator removes or holds during an attempt: the answer of the host counts") {
  House house;
  World& world = house.world;
  const auto during = [&](Change change, outbound::Outcome outcome) {
    world.outbound.answer = [&, change, outcome](const outbound::Destination&, const smtp::Recipient&) {
      // On the loop of the attempt: the same write, without the await.
      auto queue = house.queue.get();
      std::thread([queue, change] {
        static_cast<void>(net::run(queue->change({.sender = "ann", .recipient = {}, .domain = {}}, change)));
      }).join();
      return outcome;
    };
  };
  world.put("ann@example.test", {World::to("b@example.net")});
  during(Change::hold, test::deferred());
  world.settle();
  REQUIRE_EQ(house.list().size(), 1);
  CHECK(house.list()[0].state == State::held);
  CHECK_EQ(house.list()[0].recipients[0].tries, 1);
  during(Change::hold, test::delivered());
  house.change({.sender = "ann", .recipient = {}, .domain = {}}, Change::release);
  world.settle();
  CHECK(house.list().empty());
  world.put("ann@example.test", {World::to("b@example.net")});
  during(Change::remove, test::deferred());
  world.settle();
  CHECK(house.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("an entry whose body is lost is set aside; a retry puts it back, and a removal removes all of it") {
  House house;
  World& world = house.world;
  const auto id = world.put("ann@example.test", {World::to("b@example.net"), World::to("c@example.net")});
  const auto message = good(good(world.store->reader())->get(kMessages, {id}));
  good(net::run(world.store->write({}, [&](store::Txn& tx) {
    return tx.unlink({.blob = base::BlobId{message->blob()}, .owner = kQueueOwner, .item = id.value});
  })));
  world.settle();
  auto list = house.list();
  REQUIRE_EQ(list.size(), 1);
  CHECK(list[0].state == State::broken);
  CHECK_FALSE(world.anything_ready());
  CHECK_EQ(house.list({.sender = {}, .recipient = {}, .domain = {}, .state = State::broken}).size(), 1);
  house.change({.ids = {id}, .sender = {}, .recipient = {}, .domain = {}}, Change::hold);
  CHECK(house.list()[0].state == State::broken);
  house.change({.ids = {id}, .sender = {}, .recipient = {}, .domain = {}}, Change::retry);
  CHECK(world.anything_ready());
  world.settle();
  CHECK(house.list()[0].state == State::broken);
  house.change({.ids = {id}, .sender = {}, .recipient = {}, .domain = {}}, Change::remove);
  CHECK(house.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("an entry that cannot be read can be removed, and its body goes with it") {
  House house;
  World& world = house.world;
  const auto id = world.put("ann@example.test", {World::to("b@example.net")});
  good(net::run(world.store->write({}, [&](store::Txn& tx) -> base::Result<void> {
    tx.put_raw(store::encode_key(kMessages.id, id), "\xff");
    return {};
  })));
  world.settle();
  CHECK_NE(world.problems(), "");
  house.change({.ids = {id}, .sender = {}, .recipient = {}, .domain = {}}, Change::remove);
  CHECK(house.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("many entries are changed in several commits, and counted by domain") {
  House house;
  World& world = house.world;
  for (int i = 0; i < 350; ++i) world.put("ann@example.test", {World::to("r@d" + std::to_string(i % 3) + ".example")});
  const Stats stats = good(net::run(house.queue->stats(2)));
  CHECK_EQ(stats.messages, 350);
  CHECK_EQ(stats.ready, 350);
  REQUIRE_EQ(stats.domains.size(), 2);
  CHECK_EQ(stats.domains[0].domain, "d0.example");
  CHECK_EQ(stats.domains[0].recipients, 117);
  CHECK_EQ(house.change({.sender = {}, .recipient = {}, .domain = "d1.example"}, Change::remove).entries, 117);
  CHECK_EQ(house.change({}, Change::hold).entries, 233);
  CHECK_EQ(good(net::run(house.queue->stats(5))).held, 233);
  CHECK_EQ(good(net::run(house.queue->summary())).messages, 233);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("the check names what stands where it does not belong") {
  World world;
  const auto id = world.put("ann@example.test", {World::to("b@example.net"), World::to("c@example.net")});
  good(net::run(world.store->write({}, [&](store::Txn& tx) -> base::Result<void> {
    TRY_ASSIGN(const auto message, tx.get(kMessages, {id}));
    TRY_ASSIGN(const auto record, tx.get(kRecipients, {id, 0}));
    displace(tx, {id, 0}, *message, *record);
    tx.put(kDue, {77, id, 1}, store::Nothing{});
    tx.put(kReady, {9, 5, "x.example", base::QueueId{1}, 0}, store::Nothing{});
    return {};
  })));
  const std::string problems = world.problems();
  CHECK(has(problems, "recipient 0 is in neither queue.due nor queue.ready"));
  CHECK(has(problems, "queue.due has a row for recipient 1"));
  CHECK(has(problems, "queue entry 1: queue.ready has a row for recipient 0"));
  // The worker removes rows that lead to nothing.
  world.settle();
  CHECK_FALSE(has(world.problems(), "queue entry 1: "));
}

}  // namespace
}  // namespace queue
