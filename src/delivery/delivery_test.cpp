#include "delivery/delivery.h"

#include <doctest/doctest.h>

#include "delivery/test_world.h"
#include "queue/records.h"

namespace delivery {
namespace {

using queue::kMessages;
using queue::kQueueOwner;
using queue::kRecipients;
using test::good;
using test::World;

const std::string kMessage = "From: u1@example.test\r\nSubject: hello\r\n\r\ntext\r\n";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

base::Code code_of(const auto& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().code;
}

TEST_CASE("a message from outside is in the INBOX, its trace fields in front of what came over the wire") {
  World world;
  const auto u1 = world.add("u1");
  REQUIRE(world.rcpt("U1@Example.TEST").has_value());
  const std::string id = good(world.send({"U1@Example.TEST"}, kMessage));

  const auto inbox = world.inbox(u1.id);
  REQUIRE_EQ(inbox.size(), 1);
  // RFC 5321 §4.4: Return-Path, then the time stamp lines.
  CHECK(inbox[0].starts_with(
      "Return-Path: <a@example.org>\r\nDelivered-To: U1@Example.TEST\r\n"
      "Received: from client.example.org ([192.0.2.1])\r\n\tby mx.example.test with ESMTP\r\n\tid " +
      id + " for <U1@Example.TEST>;\r\n\t"));
  CHECK(inbox[0].ends_with("\r\n" + kMessage));
  CHECK_FALSE(has(inbox[0], "Message-ID"));  // a relay adds nothing of the kind
  CHECK(world.queue().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("an account gets one copy, however many of the addresses lead to it") {
  World world;
  const auto u1 = world.add("u1");
  const auto u2 = world.add("u2");
  world.alias("staff", {"u1@example.test", "u2@example.test"});
  REQUIRE(world.send({"staff@example.test", "u2@example.test", "u1@example.test", "U1@example.test"}, kMessage));
  CHECK_EQ(world.inbox(u1.id).size(), 1);
  CHECK_EQ(world.inbox(u2.id).size(), 1);
  // With several recipients no copy tells of the others.
  CHECK_FALSE(has(world.inbox(u2.id)[0], " for <"));
  CHECK(has(world.inbox(u2.id)[0], "Delivered-To: staff@example.test\r\n"));
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("postmaster is the first account, with and without a domain") {
  World world;
  const auto u1 = world.add("u1");
  for (const char* address : {"postmaster", "Postmaster@example.test"}) {
    REQUIRE(world.rcpt(address).has_value());
    REQUIRE(world.send({address}, kMessage));
  }
  CHECK_EQ(world.inbox(u1.id).size(), 2);
}

TEST_CASE("strangers reach our addresses and nothing else; our users everybody, but only as themselves") {
  World world;
  const auto u1 = world.add("u1");
  world.add("u2");
  world.alias("sales", {"u1@example.test"});
  const smtp::User user = World::user(u1);
  smtp::Peer trusted = world.peer();
  trusted.trusted = true;

  CHECK_EQ(code_of(world.rcpt("b@example.net")), base::Code::unsupported);
  CHECK_EQ(code_of(net::run(world.delivery->check_recipient(nullptr, "", "b@example.net", trusted))),
           base::Code::unsupported);
  CHECK_EQ(code_of(world.rcpt("b%example.net@example.test")), base::Code::not_found);
  CHECK_EQ(code_of(world.rcpt("nobody@example.test")), base::Code::not_found);
  CHECK_EQ(code_of(world.rcpt("nobody@example.test", &user)), base::Code::not_found);
  CHECK(world.rcpt("b@example.net", &user).has_value());

  const auto sender = [&](const smtp::User* who, const char* address) {
    return net::run(world.delivery->check_sender(who, address, world.peer()));
  };
  CHECK(sender(nullptr, "anybody@example.org").has_value());
  for (const char* own : {"", "u1@example.test", "U1@EXAMPLE.test", "sales@example.test"}) {
    CHECK(sender(&user, own).has_value());
  }
  for (const char* other : {"u2@example.test", "anybody@example.org", "nobody@example.test"}) {
    CHECK_EQ(code_of(sender(&user, other)), base::Code::denied);
  }
}

base::Result<smtp::User> log_in(World& world, std::string name, std::string password) {
  std::shared_ptr<sasl::Mechanism> plain = sasl::make_mechanism("PLAIN", {}, {}, {});
  const std::string response = std::string(1, '\0') + name + std::string(1, '\0') + password;
  TRY_ASSIGN(auto step, net::run(world.delivery->authenticate(std::move(plain), response, world.peer())));
  return std::get<smtp::User>(std::move(step));
}

TEST_CASE("a login lasts until its credential changes") {
  World world;
  world.add("u1");
  const auto user = good(log_in(world, "u1@example.test", "secret"));
  CHECK_EQ(code_of(log_in(world, "u1@example.test", "wrong")), base::Code::denied);
  CHECK_EQ(code_of(log_in(world, "u1", "secret")), base::Code::denied);
  world.add("u2");  // another generation, the same login
  const auto again = good(net::run(world.delivery->recheck(user)));
  CHECK_EQ(again.account, user.account);
  good(net::run(world.directory->set_password("u1@example.test", "new")));
  CHECK_EQ(code_of(net::run(world.delivery->recheck(again))), base::Code::denied);
}

TEST_CASE("submitted mail is filed here and queued for elsewhere in one commit, with the fields that it lacks") {
  World world;
  const auto u1 = world.add("u1");
  const auto u2 = world.add("u2");
  const std::string id = good(world.send({"b@example.net", "u2@example.test", "c@example.net", "b@example.net"},
                                         kMessage, World::user(u1), "u1@example.test"));
  const auto inbox = world.inbox(u2.id);
  REQUIRE_EQ(inbox.size(), 1);
  CHECK(has(inbox[0], " with ESMTPA\r\n"));
  CHECK(has(inbox[0], "\r\nDate: "));
  CHECK(has(inbox[0], "\r\nMessage-ID: <" + id + "."));

  const auto queue = world.queue();
  REQUIRE_EQ(queue.size(), 1);
  CHECK_EQ(std::to_string(queue[0].id.value), id);
  CHECK_EQ(queue[0].sender, "u1@example.test");
  CHECK(World::addresses(queue[0]) == std::vector<std::string>{"b@example.net", "c@example.net"});
  CHECK_EQ(queue[0].reason, "waits to be sent");
  CHECK_GT(queue[0].size, kMessage.size());
  CHECK_EQ(world.problems(), "");

  // What has them keeps its own.
  const std::string whole = "Date: Sat, 21 Nov 2026 08:56:02 +0000\r\nMessage-ID: <x@y>\r\n" + kMessage;
  REQUIRE(world.send({"u2@example.test"}, whole, World::user(u1), "u1@example.test"));
  const std::string copy = world.inbox(u2.id)[1];
  CHECK_EQ(copy.find("\r\nDate: "), copy.rfind("\r\nDate: "));
  CHECK_EQ(copy.find("\r\nMessage-ID: "), copy.rfind("\r\nMessage-ID: "));
}

TEST_CASE("an alias that leads elsewhere is queued, also for strangers") {
  World world;
  world.add("u1");
  world.alias("away", {"me@example.net", "u1@example.test"});
  REQUIRE(world.rcpt("away@example.test").has_value());
  REQUIRE(world.send({"away@example.test"}, kMessage));
  const auto queue = world.queue();
  REQUIRE_EQ(queue.size(), 1);
  CHECK(World::addresses(queue[0]) == std::vector<std::string>{"me@example.net"});
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("one full account among three waits in the queue and harms nobody") {
  World world;
  const auto u1 = world.add("u1");
  const auto full = world.add("full", 10);
  const auto u3 = world.add("u3");
  REQUIRE(world.send({"u1@example.test", "full@example.test", "u3@example.test"}, kMessage));
  CHECK_EQ(world.inbox(u1.id).size(), 1);
  CHECK_EQ(world.inbox(full.id).size(), 0);
  CHECK_EQ(world.inbox(u3.id).size(), 1);
  const auto queue = world.queue();
  REQUIRE_EQ(queue.size(), 1);
  CHECK(World::addresses(queue[0]) == std::vector<std::string>{"full@example.test"});
  CHECK(has(queue[0].reason, "of 10 bytes"));
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("when all are full the message is refused, and nothing of it stays") {
  World world;
  world.add("full1", 10);
  world.add("full2", 10);
  CHECK_EQ(code_of(world.send({"full1@example.test", "full2@example.test"}, kMessage)), base::Code::over_quota);
  CHECK(world.queue().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a mailbox that is full refuses at RCPT; an alias does only when all behind it are full") {
  World world;
  const auto u1 = world.add("u1", 2000);
  world.add("u2", 2000);
  world.alias("both", {"u1@example.test", "u2@example.test"});
  REQUIRE(world.rcpt("u1@example.test").has_value());
  // Exactly full: each message is its 500 bytes and what is put in front of it.
  const std::string body(500, 'x');
  while (world.send({"u1@example.test"}, body)) {
  }
  const std::uint64_t used = good(net::run(world.mail->usage(u1.id))).bytes;
  const std::uint64_t prefix = world.inbox(u1.id)[0].size() - body.size();
  REQUIRE_LT(used + prefix, 2000);
  REQUIRE(world.send({"u1@example.test"}, std::string(2000 - used - prefix, 'y')));
  CHECK_EQ(code_of(world.send({"u1@example.test"}, "")), base::Code::over_quota);
  // That it had room is remembered for moments; another server process would know nothing of it.
  auto restarted = open(*world.store, *world.directory, *world.mail, base::system_clock(), {}, world.live);
  const auto rcpt = [&](const char* to) { return net::run(restarted->check_recipient(nullptr, "", to, world.peer())); };
  CHECK_EQ(code_of(rcpt("u1@example.test")), base::Code::over_quota);
  CHECK(rcpt("both@example.test").has_value());
}

TEST_CASE("a message that went round too often is a loop") {
  World world({.hostname = "mx.example.test", .max_received_fields = 3});
  const auto u1 = world.add("u1");
  std::string content = kMessage;
  for (int i = 0; i < 3; ++i) content.insert(0, "Received: from a by b; Sat, 21 Nov 2026 08:56:02 +0000\r\n");
  CHECK(world.send({"u1@example.test"}, content).has_value());
  content.insert(0, "Received: once more\r\n");
  CHECK_EQ(code_of(world.send({"u1@example.test"}, content)), base::Code::conflict);
  CHECK_EQ(world.inbox(u1.id).size(), 1);
}

TEST_CASE("a commit that fails leaves nothing behind, and the next one works") {
  World world;
  const auto u1 = world.add("u1");
  world.faults.fail(1);
  CHECK_EQ(code_of(world.send({"u1@example.test"}, kMessage)), base::Code::unavailable);
  for (int i = 0; i < 200 && !world.store->accepts_writes(); ++i) {
    net::run(net::sleep_for(std::chrono::milliseconds(10)));
  }
  REQUIRE(world.send({"u1@example.test"}, kMessage));
  CHECK_EQ(world.inbox(u1.id).size(), 1);
  CHECK(world.queue().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("the limit of a message holds to the byte") {
  World world({.hostname = "mx.example.test", .max_message_bytes = 5000});
  world.add("u1");
  CHECK(world.send({"u1@example.test"}, std::string(5000, 'x')).has_value());
  CHECK_EQ(code_of(world.send({"u1@example.test"}, std::string(5001, 'x'))), base::Code::too_large);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a large message is spooled as it arrives and comes back byte for byte; one that is dropped leaves nothing") {
  World world;
  const auto u1 = world.add("u1");
  std::string content = kMessage;
  for (int i = 0; content.size() < 3'000'000; ++i) content += "line " + std::to_string(i * 7919) + "\r\n";
  REQUIRE(world.send({"u1@example.test", "u1@example.test"}, content));
  CHECK(world.inbox(u1.id)[0].ends_with(content));
  {
    smtp::Envelope envelope{.sender = "", .declared_size = {}, .recipients = {{.address = "u1@example.test"}}};
    auto sink = good(net::run(world.delivery->begin(envelope, {}, world.peer(), {})));
    good(net::run(sink->write(content)));
  }
  for (int i = 0; i < 200 && !world.problems().empty(); ++i) net::run(net::sleep_for(std::chrono::milliseconds(10)));
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("an address that vanished between RCPT and the end of the message is reported, or refused when it was all") {
  World world;
  const auto u1 = world.add("u1");
  world.add("u2");
  REQUIRE(world.rcpt("u2@example.test").has_value());
  good(net::run(world.directory->remove_account("u2@example.test")));
  CHECK_EQ(code_of(world.rcpt("u2@example.test")), base::Code::not_found);
  REQUIRE(world.send({"u1@example.test", "u2@example.test"}, kMessage));
  CHECK_EQ(world.inbox(u1.id).size(), 1);
  const auto queue = world.queue();
  REQUIRE_EQ(queue.size(), 1);
  CHECK(World::addresses(queue[0]) == std::vector<std::string>{"u2@example.test"});
  CHECK_EQ(code_of(world.send({"u2@example.test"}, kMessage)), base::Code::not_found);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a full queue refuses recipients elsewhere for now, and nobody here") {
  World world({.hostname = "mx.example.test", .queue = {.max_messages = 2, .max_messages_per_account = 1}});
  const auto u1 = world.add("u1");
  const auto u2 = world.add("u2");
  const auto user1 = World::user(u1);
  const auto user2 = World::user(u2);
  REQUIRE(world.rcpt("b@example.net", &user1));
  REQUIRE(world.send({"b@example.net"}, kMessage, user1, "u1@example.test"));
  CHECK_EQ(code_of(world.rcpt("b@example.net", &user1)), base::Code::no_space);
  REQUIRE(world.rcpt("b@example.net", &user2));
  REQUIRE(world.send({"b@example.net"}, kMessage, user2, "u2@example.test"));
  CHECK_EQ(code_of(world.rcpt("b@example.net", &user2)), base::Code::no_space);
  CHECK(world.rcpt("u2@example.test", &user1).has_value());
  good(net::run(
      world.delivery->queue().change({.sender = "u1@", .recipient = {}, .domain = {}}, queue::Change::remove)));
  CHECK(world.rcpt("b@example.net", &user1).has_value());
}

TEST_CASE("strangers send to domains that a route relays, and to no others") {
  Config config{.hostname = "mx.example.test"};
  config.queue.routes.push_back({.name = "inside",
                                 .recipients = {"inside.example"},
                                 .senders = {},
                                 .accounts = {},
                                 .by = queue::By::hosts,
                                 .hosts = {{.name = "mail.inside.example"}},
                                 .user = {},
                                 .password = {},
                                 .text = {},
                                 .source_address = {},
                                 .helo = {},
                                 .relay = true});
  World world(config);
  const auto u1 = world.add("u1");
  CHECK(world.rcpt("a@inside.example").has_value());
  CHECK_EQ(code_of(world.rcpt("a@outside.example")), base::Code::unsupported);
  REQUIRE(world.send({"a@inside.example", "u1@example.test"}, kMessage));
  CHECK_EQ(world.inbox(u1.id).size(), 1);
  REQUIRE_EQ(world.queue().size(), 1);
  CHECK(World::addresses(world.queue()[0]) == std::vector<std::string>{"a@inside.example"});
  CHECK_EQ(world.send({"a@outside.example"}, kMessage).error().code, base::Code::denied);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("live sessions hear of new mail") {
  World world;
  const auto u1 = world.add("u1");
  std::atomic<int> heard{0};
  const auto watch = world.mail->watch(u1.id, [&] { ++heard; });
  REQUIRE(world.send({"u1@example.test"}, kMessage));
  CHECK_EQ(heard.load(), 1);
}

TEST_CASE("the check names what is wrong with the queue, and goes on") {
  World world;
  const auto u1 = world.add("u1");
  for (int i = 0; i < 4; ++i) REQUIRE(world.send({"b@example.net"}, kMessage, World::user(u1), "u1@example.test"));
  const auto queue = world.queue();
  REQUIRE_EQ(queue.size(), 4);
  good(net::run(world.store->write({}, [&](store::Txn& tx) -> base::Result<void> {
    tx.put_raw(store::encode_key(kMessages.id, queue[0].id), "\xff");
    TRY_ASSIGN(auto record, tx.get(kMessages, {queue[1].id}));
    record->set_size(record->size() + 1);
    record->set_recipients(2);
    tx.put(kMessages, {queue[1].id}, *record);
    tx.erase(kMessages, {queue[2].id});
    TRY_ASSIGN(record, tx.get(kMessages, {queue[3].id}));
    return tx.unlink({.blob = base::BlobId{record->blob()}, .owner = kQueueOwner, .item = queue[3].id.value});
  })));
  const std::string problems = world.problems();
  const auto entry = [&](std::size_t i) { return "queue entry " + std::to_string(queue[i].id.value); };
  CHECK(has(problems, entry(0) + ": "));
  CHECK(has(problems, entry(1) + ": its size is "));
  CHECK(has(problems, entry(1) + ": it has 1 recipients, and its record says 2"));
  CHECK(has(problems, entry(2) + ": it has recipients, and no message"));
  CHECK(has(problems, "it is linked to " + entry(2) + ", which does not exist"));
  CHECK(has(problems, entry(3) + ": its body"));
  CHECK(has(problems, "has no link to it"));
  // The list shows what it cannot read as broken.
  const auto list = world.queue();
  REQUIRE_EQ(list.size(), 3);
  CHECK(list[0].state == queue::State::broken);
  CHECK(has(list[0].reason, "queue.message"));
}

TEST_CASE("a suspended account's mail waits, and the others of a list have theirs") {
  World world;
  const auto ann = world.add("ann");
  const auto bob = world.add("bob");
  world.alias("both", {"ann@example.test", "bob@example.test"});
  good(net::run(world.directory->set_account("bob@example.test", {.state = directory::State::suspended})));
  CHECK(code_of(world.rcpt("bob@example.test")) == base::Code::suspended);
  CHECK(world.rcpt("both@example.test"));
  good(world.send({"both@example.test"}, "Subject: both\r\n\r\nx\r\n"));
  CHECK(world.inbox(ann.id).size() == 1);
  CHECK(world.inbox(bob.id).empty());
  REQUIRE(world.queue().size() == 1);
  CHECK(world.queue()[0].reason == "bob@example.test is suspended");
  // It was suspended between RCPT and the end of the content, and there is nobody else.
  CHECK(code_of(world.send({"bob@example.test"}, "Subject: one\r\n\r\nx\r\n")) == base::Code::suspended);

  good(net::run(world.directory->set_account("bob@example.test", {.state = directory::State::disabled})));
  good(world.send({"bob@example.test"}, "Subject: taken\r\n\r\nx\r\n"));
  CHECK(world.inbox(bob.id).size() == 1);
  CHECK(world.problems().empty());
}

TEST_CASE("a list takes mail from those that its rule lets through") {
  World world;
  const auto ann = world.user(world.add("ann"));
  const auto bob = world.user(world.add("bob"));
  good(net::run(world.directory->add_alias("team@example.test", {"ann@example.test"}, directory::AliasKind::group,
                                           {.posting = directory::Posting::members})));
  CHECK(code_of(world.rcpt("team@example.test")) == base::Code::denied);
  CHECK(code_of(world.rcpt("team+x@example.test")) == base::Code::denied);
  CHECK(code_of(world.rcpt("team@example.test", &bob)) == base::Code::denied);
  CHECK(world.rcpt("team@example.test", &ann));
}

TEST_CASE("a tag stays in Delivered-To, and a grant that was withdrawn ends before the content") {
  World world;
  const auto ann = world.add("ann");
  good(world.send({"Ann+shop@example.test"}, "Subject: tagged\r\n\r\nx\r\n"));
  CHECK(world.inbox(ann.id)[0].find("Delivered-To: Ann+shop@example.test\r\n") != std::string::npos);

  good(net::run(world.directory->set_account("ann@example.test", {.grant = {"boss@example.org"}})));
  const auto user = world.user(ann);
  CHECK(net::run(world.delivery->check_sender(&user, "boss@example.org", world.peer())));
  good(net::run(world.directory->set_account("ann@example.test", {.withdraw = {"boss@example.org"}})));
  CHECK(code_of(world.send({"x@example.org"}, "Subject: x\r\n\r\nx\r\n", user, "boss@example.org")) ==
        base::Code::denied);
}

}  // namespace
}  // namespace delivery
