// Whose turn it is: fairness between senders and domains, bounds, pauses, and the order of what is urgent.
#include "queue/choice.h"

#include <doctest/doctest.h>

#include <random>

#include "queue/test_kit.h"

namespace queue {
namespace {

using namespace std::chrono_literals;
using test::good;
using test::World;

TEST_CASE("a bulk sender does not delay the others: everybody has a turn in the first choices") {
  World world;
  world.config->deliveries = 10;
  for (int i = 0; i < 300; ++i) {
    world.put("bulk@bulk.example", {World::to("r@d" + std::to_string(i) + ".example")});
  }
  world.put("one@small.example", {World::to("x@d0.example")});
  world.put("two@tiny.example", {World::to("y@d1.example")});
  world.look();
  const auto& order = world.outbound.order;
  const auto place = [&](const std::string& rcpt) { return std::ranges::find(order, rcpt) - order.begin(); };
  CHECK_LT(place("x@d0.example"), 20);
  CHECK_LT(place("y@d1.example"), 20);
}

TEST_CASE("a slow domain holds few places, and its limit is kept") {
  World world;
  world.config->deliveries = 20;
  world.config->destination_deliveries = 4;
  for (int i = 0; i < 100; ++i) world.put("u1@example.test", {World::to("r" + std::to_string(i) + "@slow.example")});
  for (int i = 0; i < 20; ++i) world.put("u1@example.test", {World::to("r@fast" + std::to_string(i) + ".example")});
  world.outbound.takes = 2ms;
  world.look();
  world.settle();
  CHECK_EQ(world.outbound.order.size(), 120);
  CHECK_LE(world.outbound.most_running, 4);
  // All that was for other domains went before most of the slow one's.
  std::size_t last_fast = 0;
  for (std::size_t i = 0; i < world.outbound.order.size(); ++i) {
    if (world.outbound.order[i].contains("@fast")) last_fast = i;
  }
  CHECK_LT(last_fast, 60);
}

TEST_CASE("property: whatever waits is sent exactly once, within all limits, and all senders advance together") {
  std::mt19937 random(7);
  for (int round = 0; round < 15; ++round) {
    World world;
    world.config->deliveries = 1 + random() % 12;
    world.config->destination_deliveries = 1 + random() % 5;
    std::size_t expected = 0;
    const std::size_t senders = 1 + random() % 5;
    std::multiset<std::string> wanted;
    for (std::size_t i = 0; i < 60; ++i) {
      std::vector<schema::QueuedRecipient> recipients;
      for (std::size_t r = 0; r <= random() % 3; ++r) {
        const std::string address =
            "r" + std::to_string(i) + "-" + std::to_string(r) + "@d" + std::to_string(random() % 6) + ".example";
        wanted.insert(address);
        recipients.push_back(World::to(address));
      }
      expected += recipients.size();
      world.put("s@s" + std::to_string(random() % senders) + ".example", recipients,
                [&](schema::QueuedMessage& message) { message.set_priority(static_cast<int>(random() % 19) - 9); });
    }
    world.outbound.takes = 1ms;
    world.settle();
    std::multiset<std::string> sent;
    for (const auto& one : world.outbound.all) sent.insert(one.recipients.begin(), one.recipients.end());
    CHECK_EQ(sent.size(), expected);
    CHECK(sent == wanted);
    CHECK_LE(world.outbound.most_running, world.config->destination_deliveries);
    CHECK(world.list().empty());
    CHECK_EQ(world.shared->leases.size(), 0);
    CHECK_EQ(world.problems(), "");
  }
}

// RFC 6710 §4.
TEST_CASE("what is more urgent goes first, and what is least urgent does not wait for ever") {
  World world;
  world.config->deliveries = 1;
  const auto put = [&](const std::string& rcpt, int priority) {
    world.put("u1@example.test", {World::to(rcpt)},
              [&](schema::QueuedMessage& message) { message.set_priority(priority); });
  };
  for (int i = 0; i < 8; ++i) put("low@l" + std::to_string(i) + ".example", -9);
  for (int i = 0; i < 30; ++i) put("normal@n" + std::to_string(i) + ".example", 0);
  put("urgent@u.example", 9);
  world.settle();
  REQUIRE_EQ(world.outbound.order.size(), 39);
  CHECK_EQ(world.outbound.order[0], "urgent@u.example");
  CHECK_EQ(world.outbound.order[1], "normal@n0.example");
  const auto low = std::ranges::find_if(world.outbound.order, [](const auto& rcpt) { return rcpt.starts_with("low"); });
  CHECK_LT(low - world.outbound.order.begin(), 6);
}

TEST_CASE("a destination that is out of reach is asked once, the others share its answer, and a probe finds it again") {
  World world;
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::deferred(true); };
  for (int i = 0; i < 100; ++i) world.put("u1@example.test", {World::to("r" + std::to_string(i) + "@down.example")});
  world.settle();
  CHECK_EQ(world.outbound.attempts.load(), 1);
  CHECK_EQ(world.shared->destinations.paused(world.clock.steady()), 1);
  const auto list = world.list();
  REQUIRE_EQ(list.size(), 100);
  for (const auto& entry : list) {
    CHECK_EQ(entry.reason, "no host could be reached");
    CHECK_EQ(entry.recipients[0].tries, 1);
  }
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::delivered(); };
  world.clock.pass(10min);
  world.settle();
  CHECK(world.list().empty());
  CHECK_EQ(world.outbound.all.size(), 100);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a rate is kept") {
  World world;
  world.config->messages_per_minute = 6;
  for (int i = 0; i < 5; ++i) world.put("u1@example.test", {World::to("r" + std::to_string(i) + "@rate.example")});
  world.settle();
  CHECK_EQ(world.outbound.all.size(), 1);
  for (std::size_t sent = 2; sent <= 5; ++sent) {
    world.clock.pass(9s);
    world.look();
    CHECK_EQ(world.outbound.all.size(), sent - 1);
    world.clock.pass(1s);
    world.look();
    CHECK_EQ(world.outbound.all.size(), sent);
  }
}

TEST_CASE("hosts that a route names take the recipients of all domains in one transaction") {
  World world;
  world.config->smarthost = {{.name = "relay.example", .port = 587}};
  world.put("u1@example.test", {World::to("a@d1.example"), World::to("b@d2.example"), World::to("c@d3.example")});
  world.look();
  REQUIRE_EQ(world.outbound.all.size(), 1);
  CHECK_EQ(world.outbound.all[0].recipients.size(), 3);
  CHECK_EQ(world.outbound.all[0].destination.hosts.front().name, "relay.example");
  CHECK(world.list().empty());
}

TEST_CASE("a message to very many recipients of a domain goes in transactions of a hundred") {
  World world;
  std::vector<schema::QueuedRecipient> recipients;
  for (int i = 0; i < 250; ++i) recipients.push_back(World::to("r" + std::to_string(i) + "@many.example"));
  world.put("u1@example.test", recipients);
  world.settle();
  std::size_t sent = 0;
  for (const auto& one : world.outbound.all) {
    CHECK_LE(one.recipients.size(), 100);
    sent += one.recipients.size();
  }
  CHECK_EQ(sent, 250);
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

}  // namespace
}  // namespace queue
