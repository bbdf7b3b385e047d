// What a session was asked for outlives it in the queue's records; LMTP's answers; mail of the networks that relay.
#include "queue/entry.h"

#include <doctest/doctest.h>

#include "delivery/test_world.h"
#include "queue/records.h"

namespace delivery {
namespace {

using test::good;
namespace schema = postrider::schema;

using queue::kMessages;
using queue::kRecipients;
using test::World;

const std::string kMessage = "From: u1@example.test\r\nSubject: hello\r\n\r\ntext\r\n";

struct Records {
  schema::QueuedMessage message;
  std::vector<schema::QueuedRecipient> recipients;
};

/// All entries of the queue, oldest first.
std::vector<Records> records(World& world) {
  const auto reader = good(world.store->reader());
  std::vector<Records> all;
  for (auto cursor = reader->scan(kMessages); cursor.valid(); cursor.next()) {
    Records one{good(cursor.value()), {}};
    auto recipients = reader->scan(kRecipients, std::get<0>(cursor.key()));
    for (; recipients.valid(); recipients.next()) one.recipients.push_back(good(recipients.value()));
    all.push_back(std::move(one));
  }
  return all;
}

smtp::Envelope envelope_to(std::vector<smtp::Recipient> recipients) {
  return {.sender = "a@example.org", .declared_size = {}, .recipients = std::move(recipients)};
}

smtp::Peer relaying(const World& world) {
  smtp::Peer peer = world.peer();
  peer.relays = true;
  return peer;
}

// RFC 3461 §5.2.1, RFC 2852 §4, RFC 3030 §3, RFC 6710 §4, RFC 8689 §4.1.
TEST_CASE("all that the sender asked for is in the queue entry") {
  World world;
  smtp::Envelope envelope = envelope_to(
      {{.address = "b@example.net", .notify = {.success = true, .delay = true}, .orcpt = "rfc822;B+2B@example.net"},
       {.address = "c@example.net", .notify = {.never = true}},
       {.address = "d@example.net"}});
  const base::WallTime by{std::chrono::seconds(1'900'000'000)};
  envelope.body = smtp::BodyType::binary_mime;
  envelope.smtputf8 = true;
  envelope.ret = smtp::Return::headers;
  envelope.envid = "QQ+2B3";
  envelope.deliver_by = smtp::DeliverBy{.time = by, .give_back = true, .trace = true};
  envelope.priority = -4;
  envelope.require_tls = true;
  const std::string binary =
      "TLS-Required: No\r\nSubject: gr\xC3\xBC\xC3\x9F\x65\r\n\r\n" + std::string("a\0b\rc\n", 6);
  REQUIRE(world.send(envelope, binary, std::nullopt, relaying(world)));

  const auto queue = records(world);
  REQUIRE_EQ(queue.size(), 1);
  const schema::QueuedMessage& message = queue[0].message;
  CHECK(message.binary());
  CHECK_FALSE(message.eight_bit());
  CHECK(message.smtputf8());
  CHECK(message.eight_bit_header());
  CHECK_EQ(message.ret(), schema::QUEUED_RETURN_HEADERS);
  CHECK_EQ(message.envid(), "QQ+2B3");
  CHECK_EQ(message.deliver_by_us(), by.time_since_epoch().count());
  CHECK(message.deliver_by_gives_back());
  CHECK(message.deliver_by_trace());
  CHECK_EQ(message.priority(), -4);
  CHECK(message.prefix().contains(" priority -4;"));
  CHECK_EQ(message.tls(), schema::QUEUED_TLS_REQUIRED);  // the parameter counts more than the field
  CHECK_EQ(message.hold_until_us(), 0);
  CHECK_EQ(message.account(), 0);
  REQUIRE_EQ(queue[0].recipients.size(), 3);
  CHECK_EQ(queue[0].recipients[0].orcpt(), "rfc822;B+2B@example.net");
  CHECK(queue[0].recipients[0].notify_success());
  CHECK(queue[0].recipients[0].notify_delay());
  CHECK_FALSE(queue[0].recipients[0].notify_failure());
  CHECK(queue[0].recipients[1].notify_never());
  CHECK_FALSE(queue[0].recipients[2].notify_never());
  CHECK_EQ(world.problems(), "");

  // RFC 8689 §3, §4.1: the field is a sender's word, too.
  envelope.require_tls = false;
  REQUIRE(world.send(envelope, "TLS-Required: no\r\n\r\n", std::nullopt, relaying(world)));
  REQUIRE(world.send(envelope, kMessage, std::nullopt, relaying(world)));
  CHECK_EQ(records(world)[1].message.tls(), schema::QUEUED_TLS_OPTIONAL);
  CHECK_EQ(records(world)[2].message.tls(), schema::QUEUED_TLS_BY_POLICY);
}

TEST_CASE("an alias that leads elsewhere takes along what was asked for its recipient") {
  World world;
  world.add("u1");
  world.alias("away", {"me@example.net"});
  REQUIRE(
      world.send(envelope_to({{.address = "u1@example.test"},
                              {.address = "away@example.test", .notify = {.failure = true}, .orcpt = "rfc822;x@y"}}),
                 kMessage, std::nullopt, world.peer()));
  const auto queue = records(world);
  REQUIRE_EQ(queue.size(), 1);
  REQUIRE_EQ(queue[0].recipients.size(), 1);
  CHECK_EQ(queue[0].recipients[0].address(), "me@example.net");
  CHECK_EQ(queue[0].recipients[0].original(), "away@example.test");
  CHECK_EQ(queue[0].recipients[0].orcpt(), "rfc822;x@y");
  CHECK(queue[0].recipients[0].notify_failure());
}

// RFC 3461 §5.2.3.
TEST_CASE("that a delivery is to be reported is written with the delivery, and never for the null sender") {
  World world;
  const auto u1 = world.add("u1");
  const smtp::Recipient asks{
      .address = "u1@example.test", .notify = {.success = true}, .orcpt = "rfc822;old@example.org"};
  smtp::Envelope envelope = envelope_to({asks, {.address = "u1@example.test", .notify = {.failure = true}}});
  REQUIRE(world.send(envelope, kMessage, std::nullopt, world.peer()));
  const auto queue = records(world);
  REQUIRE_EQ(queue.size(), 1);
  REQUIRE_EQ(queue[0].recipients.size(), 1);
  CHECK_EQ(queue[0].recipients[0].reason(), schema::QUEUED_REASON_DELIVERED);
  CHECK_EQ(queue[0].recipients[0].orcpt(), "rfc822;old@example.org");
  CHECK_EQ(world.queue()[0].reason, "was delivered; its sender asked to be told");

  envelope.sender = "";
  REQUIRE(world.send(envelope, kMessage, std::nullopt, world.peer()));
  CHECK_EQ(world.queue().size(), 1);
  CHECK_EQ(world.inbox(u1.id).size(), 2);
  CHECK_EQ(world.problems(), "");
}

// RFC 4865.
TEST_CASE("a message that is held is in the queue for all its recipients, and nowhere else") {
  World world;
  const auto u1 = world.add("u1");
  smtp::Envelope envelope = envelope_to({{.address = "u1@example.test"}, {.address = "b@example.net"}});
  const base::WallTime until{std::chrono::seconds(1'900'000'000)};
  envelope.sender = "u1@example.test";
  envelope.hold = smtp::Hold{until, "HOLDFOR=3600"};
  REQUIRE(world.send(envelope, kMessage, World::user(u1), world.peer()));
  CHECK(world.inbox(u1.id).empty());
  const auto queue = records(world);
  REQUIRE_EQ(queue.size(), 1);
  CHECK_EQ(queue[0].message.hold_until_us(), until.time_since_epoch().count());
  CHECK_EQ(queue[0].message.hold_request(), "HOLDFOR=3600");
  CHECK_EQ(queue[0].message.account(), u1.id.value);
  REQUIRE_EQ(queue[0].recipients.size(), 2);
  CHECK_EQ(queue[0].recipients[0].reason(), schema::QUEUED_REASON_HELD);
  CHECK_EQ(world.queue()[0].reason, "is held until 2030-03-17T17:46:40Z");
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("hosts of the networks that relay send to anywhere; what they send has the fields that it lacked") {
  World world;
  const auto u1 = world.add("u1");
  const auto rcpt = [&](const char* to) {
    return net::run(world.delivery->check_recipient(nullptr, "a@example.org", to, relaying(world)));
  };
  CHECK(rcpt("b@example.net").has_value());
  CHECK_EQ(rcpt("nobody@example.test").error().code, base::Code::not_found);
  REQUIRE(world.send(envelope_to({{.address = "b@example.net"}, {.address = "u1@example.test"}}), kMessage,
                     std::nullopt, relaying(world)));
  CHECK_NE(world.inbox(u1.id)[0].find("\r\nMessage-ID: "), std::string::npos);
  REQUIRE_EQ(world.queue().size(), 1);
  CHECK(World::addresses(world.queue()[0]) == std::vector<std::string>{"b@example.net"});
  // The same from elsewhere, though RCPT had let it through: it leads nowhere.
  CHECK_EQ(world.send({"b@example.net"}, kMessage).error().code, base::Code::denied);
  CHECK_EQ(world.problems(), "");
}

// RFC 2033 §4.2.
TEST_CASE("where each recipient is answered, one that refuses is told so, and does not wait in the queue as well") {
  World world;
  const auto u1 = world.add("u1");
  world.add("full", 10);
  world.alias("team", {"full@example.test", "u1@example.test"});
  world.alias("away", {"me@example.net"});
  smtp::Envelope envelope = envelope_to({{.address = "full@example.test"},
                                         {.address = "u1@example.test"},
                                         {.address = "gone@example.test"},
                                         {.address = "away@example.test"},
                                         {.address = "u1@example.test"}});
  envelope.answer_each = true;
  auto accepted = good(world.send(envelope, kMessage, std::nullopt, world.peer()));
  REQUIRE_EQ(accepted.refused.size(), 5);
  CHECK_EQ(accepted.refused[0]->code, base::Code::over_quota);
  CHECK_FALSE(accepted.refused[1].has_value());
  CHECK_EQ(accepted.refused[2]->code, base::Code::not_found);
  CHECK_FALSE(accepted.refused[3].has_value());
  CHECK_FALSE(accepted.refused[4].has_value());
  CHECK_EQ(world.inbox(u1.id).size(), 1);
  REQUIRE_EQ(world.queue().size(), 1);
  CHECK(World::addresses(world.queue()[0]) == std::vector<std::string>{"me@example.net"});

  // A list is taken when one of its accounts takes it; the full one waits.
  envelope.recipients = {{.address = "team@example.test"}};
  accepted = good(world.send(envelope, kMessage, std::nullopt, world.peer()));
  REQUIRE_EQ(accepted.refused.size(), 1);
  CHECK_FALSE(accepted.refused[0].has_value());
  CHECK_EQ(world.queue().size(), 2);

  // All refuse: each is told, and nothing stays.
  envelope.recipients = {{.address = "full@example.test"}, {.address = "gone@example.test"}};
  accepted = good(world.send(envelope, kMessage, std::nullopt, world.peer()));
  REQUIRE_EQ(accepted.refused.size(), 2);
  CHECK(accepted.refused[0].has_value());
  CHECK(accepted.refused[1].has_value());
  CHECK_EQ(world.queue().size(), 2);
  CHECK_EQ(world.problems(), "");

  // The store's own failure is nobody's answer, also when all had refused.
  world.faults.fail(1);
  envelope.recipients = {{.address = "u1@example.test"}};
  CHECK_EQ(world.send(envelope, kMessage, std::nullopt, world.peer()).error().code, base::Code::unavailable);
}

TEST_CASE(
    "where each recipient is answered, a suspended account refuses alone, and waits when somebody else took the "
    "message") {
  World world;
  world.add("u1");
  world.add("u2");
  world.alias("bobs", {"u2@example.test"});
  world.alias("both", {"u1@example.test", "u2@example.test"});
  good(net::run(world.directory->set_account("u2@example.test", {.state = directory::State::suspended})));
  smtp::Envelope envelope =
      envelope_to({{.address = "u1@example.test"}, {.address = "u2@example.test"}, {.address = "bobs@example.test"}});
  envelope.answer_each = true;
  auto accepted = good(world.send(envelope, kMessage, std::nullopt, world.peer()));
  REQUIRE_EQ(accepted.refused.size(), 3);
  CHECK_FALSE(accepted.refused[0].has_value());
  CHECK_EQ(accepted.refused[1]->code, base::Code::suspended);
  CHECK_EQ(accepted.refused[2]->code, base::Code::suspended);
  CHECK(world.queue().empty());

  envelope.recipients = {{.address = "u2@example.test"}, {.address = "both@example.test"}};
  accepted = good(world.send(envelope, kMessage, std::nullopt, world.peer()));
  CHECK_EQ(accepted.refused[0]->code, base::Code::suspended);
  CHECK_FALSE(accepted.refused[1].has_value());
  CHECK_EQ(world.queue().size(), 1);

  // Not answered one by one, its mail waits once, whoever leads to it.
  envelope.answer_each = false;
  good(world.send(envelope, kMessage, std::nullopt, world.peer()));
  CHECK_EQ(world.queue().size(), 2);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("what an address stands for") {
  World world;
  world.add("u1");
  world.alias("team", {"u1@example.test", "me@example.net"});
  const auto look_up = [&](const char* address) { return net::run(world.delivery->look_up(address)); };
  CHECK(good(look_up("U1@example.test")) == std::vector<std::string>{"u1@example.test"});
  CHECK(good(look_up("team@example.test")) == std::vector<std::string>{"u1@example.test", "me@example.net"});
  CHECK_EQ(look_up("nobody@example.test").error().code, base::Code::not_found);
  CHECK_EQ(look_up("b@example.net").error().code, base::Code::denied);
}

}  // namespace
}  // namespace delivery
