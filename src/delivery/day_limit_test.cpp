// What an account may send in a day is counted by the commit that accepts the message.

#include <doctest/doctest.h>

#include "delivery/test_world.h"

namespace delivery {
namespace {

using test::World;

constexpr const char* kMail = "Subject: x\r\n\r\nhello\r\n";

TEST_CASE("an account sends as many messages a day as it may, and what is refused is nowhere") {
  World world({.hostname = "mx.example.test"}, {.messages_per_day = 2});
  const auto ann = world.add("ann");
  const auto user = World::user(ann);
  CHECK(world.send({"a@elsewhere.test"}, kMail, user, "ann@example.test"));
  CHECK(world.send({"ann@example.test"}, kMail, user, "ann@example.test"));
  const auto refused = world.send({"a@elsewhere.test", "ann@example.test"}, kMail, user, "ann@example.test");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::Code::busy);
  const auto spent = world.guard->spent(ann.id);
  REQUIRE(spent);
  CHECK(spent->of == guard::Spent::Of::messages);
  CHECK_EQ(world.queue().size(), 1);
  CHECK_EQ(world.inbox(ann.id).size(), 1);
  // What comes for it from elsewhere is no business of its day.
  CHECK(world.send({"ann@example.test"}, kMail));
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("recipients here are no strangers, and known ones are written to when the day is over") {
  World world({.hostname = "mx.example.test"}, {.new_recipients_per_day = 2});
  const auto ann = world.add("ann");
  world.add("bob");
  const auto user = World::user(ann);
  CHECK(world.send({"a@elsewhere.test", "bob@example.test", "ann@EXAMPLE.test"}, kMail, user, "ann@example.test"));
  CHECK(world.send({"b@elsewhere.test"}, kMail, user, "ann@example.test"));
  CHECK(world.rcpt("c@elsewhere.test", &user));  // nobody knows yet
  CHECK_FALSE(world.send({"c@elsewhere.test"}, kMail, user, "ann@example.test"));
  const auto refused = world.rcpt("c@elsewhere.test", &user);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::Code::busy);
  CHECK(world.rcpt("B@elsewhere.test", &user));
  CHECK(world.rcpt("bob@example.test", &user));
  CHECK(world.send({"b@elsewhere.test", "a@elsewhere.test"}, kMail, user, "ann@example.test"));
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a message that is held counts on the day it was handed in, and one that failed on none") {
  World world({.hostname = "mx.example.test"}, {.messages_per_day = 1, .new_recipients_per_day = 0});
  const auto ann = world.add("ann");
  const auto user = World::user(ann);
  world.faults.fail(1);
  CHECK_FALSE(world.send({"a@elsewhere.test"}, kMail, user, "ann@example.test"));
  CHECK_FALSE(world.guard->spent(ann.id));
  for (int i = 0; i < 200 && !world.store->accepts_writes(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  smtp::Envelope envelope{.sender = "ann@example.test", .declared_size = {}};
  envelope.recipients.push_back({.address = "a@elsewhere.test"});
  envelope.hold = smtp::Hold{base::system_clock().now() + std::chrono::hours(48), "HOLDFOR=172800"};
  CHECK(world.send(envelope, kMail, user, world.peer()));
  CHECK_FALSE(world.send({"a@elsewhere.test"}, kMail, user, "ann@example.test"));
  CHECK_EQ(world.queue().size(), 1);
}

}  // namespace
}  // namespace delivery
