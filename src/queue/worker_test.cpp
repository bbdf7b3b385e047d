// The queue as a whole, over hosts that answer as a script says and a clock that the test turns.
#include "queue/worker.h"

#include <doctest/doctest.h>

#include <thread>

#include "queue/history.h"
#include "queue/srs.h"
#include "queue/test_kit.h"

namespace queue {
namespace {

using namespace std::chrono_literals;
using test::good;
using test::World;

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST_CASE("a message is sent once, streamed as prefix and body, and nothing of it stays") {
  World world;
  std::string content = "Subject: long\r\n\r\n";
  while (content.size() < 700'000) content += "seventy characters of text, a line like any other in a long message\r\n";
  world.put("u1@example.test", {World::to("b@example.net"), World::to("c@example.net"), World::to("d@example.org")}, {},
            content);
  world.look();
  REQUIRE_EQ(world.outbound.all.size(), 2);
  for (const auto& sent : world.outbound.all) CHECK_EQ(sent.content, "Received: from there\r\n" + content);
  CHECK_EQ(world.outbound.all[0].recipients.size() + world.outbound.all[1].recipients.size(), 3);
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
  world.look();
  CHECK_EQ(world.outbound.attempts.load(), 2);
}

TEST_CASE("each recipient has its own fate, written as it happens") {
  World world;
  const auto u1 = world.add("u1");
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient& to) {
    if (to.address.starts_with("bad")) return test::failed();
    return to.address.starts_with("later") ? test::deferred() : test::delivered();
  };
  world.put("u1@example.test",
            {World::to("good@example.net"), World::to("bad@example.net"), World::to("later@example.net")});
  world.look();
  const auto list = world.list();
  REQUIRE_EQ(list.size(), 1);
  REQUIRE_EQ(list[0].recipients.size(), 1);
  CHECK_EQ(list[0].recipients[0].address, "later@example.net");
  CHECK_EQ(list[0].recipients[0].tries, 1);
  CHECK(list[0].state == State::waiting);
  CHECK_EQ(list[0].recipients[0].diagnostic, "450 4.2.0 later");
  const auto wait = *list[0].recipients[0].next - world.clock.now();
  CHECK(wait >= 4min);
  CHECK(wait <= 6min);
  const auto inbox = world.inbox(u1.id);
  REQUIRE_EQ(inbox.size(), 1);
  CHECK(has(inbox[0], "Final-Recipient: rfc822; bad@example.net\r\n"));
  CHECK_FALSE(has(inbox[0], "later@example.net"));
  CHECK_EQ(world.problems(), "");
}

// RFC 5321 §4.5.4.1: retries for at least 4-5 days, with growing pauses.
TEST_CASE("an outage of five days: tried at growing distances, warned of once, and reported at the end") {
  World world;
  const auto u1 = world.add("u1");
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::deferred(true); };
  world.put("u1@example.test", {World::to("b@example.net")});
  const base::WallTime begun = world.clock.now();
  world.look();
  std::vector<base::WallTime::duration> gaps;
  base::WallTime last = begun;
  while (world.next()) {
    gaps.push_back(world.clock.now() - last);
    last = world.clock.now();
    REQUIRE_LT(gaps.size(), 100);
  }
  CHECK(gaps.size() >= 30);
  CHECK(gaps.size() <= 40);
  CHECK(gaps.front() <= 6min);
  CHECK(*std::ranges::max_element(gaps) <= 4h + 30min);
  CHECK(last - begun >= 5 * 24h - 1h);
  CHECK(last - begun <= 5 * 24h + 5h);
  const auto inbox = world.inbox(u1.id);
  REQUIRE_EQ(inbox.size(), 2);
  CHECK(has(inbox[0], "Action: delayed\r\n"));
  CHECK(has(inbox[0], "Will-Retry-Until: "));
  CHECK(has(inbox[1], "Action: failed\r\nStatus: 4.4.7\r\n"));
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("after an outage of three days what waited is delivered") {
  World world;
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::deferred(true); };
  for (int i = 0; i < 20; ++i) world.put("u1@example.test", {World::to("b" + std::to_string(i) + "@example.net")});
  world.settle();
  const base::WallTime end = world.clock.now() + 72h;
  while (world.clock.now() < end) REQUIRE(world.next());
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::delivered(); };
  while (world.next()) world.settle();
  CHECK_EQ(world.outbound.all.size(), 20);
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a jump of the clock expires nothing by itself") {
  World world;
  const auto u1 = world.add("u1");
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::deferred(); };
  world.put("u1@example.test", {World::to("b@example.net")});
  world.look();
  world.clock.jump(24h * 3650);
  world.look();
  CHECK_EQ(world.list().size(), 1);
  world.clock.jump(-24h * 3650);  // the clock is put right
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::delivered(); };
  REQUIRE(world.next());
  CHECK(world.list().empty());
  CHECK_EQ(world.outbound.all.size(), 1);
  for (const auto& message : world.inbox(u1.id)) CHECK_FALSE(has(message, "Action: failed"));
}

TEST_CASE("the time that a user asked for is waited for, and who is here gets the message then") {
  World world;
  const auto u1 = world.add("u1");
  const smtp::Hold hold{world.clock.now() + 1h, "HOLDFOR=3600"};
  const auto held_for = [&](const std::string& address) { return held({.address = address, .orcpt = {}}, hold); };
  world.put("u1@example.test", {held_for("u1@example.test"), held_for("b@example.net")},
            [&](schema::QueuedMessage& message) { message.set_hold_until_us(micros(hold.until)); });
  world.look();
  CHECK_EQ(world.outbound.attempts.load(), 0);
  REQUIRE(world.next());
  world.settle();
  const auto inbox = world.inbox(u1.id);
  REQUIRE_EQ(inbox.size(), 1);
  CHECK(inbox[0].starts_with(
      "Return-Path: <u1@example.test>\r\nDelivered-To: u1@example.test\r\nReceived: from there\r\nMessage-ID:"));
  CHECK_EQ(world.outbound.order, std::vector<std::string>{"b@example.net"});
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("who is full gets the mail when there is room, and who has vanished is reported") {
  World world;
  const auto u1 = world.add("u1");
  const auto full = world.add("full", 10);
  const base::Error why{base::Code::over_quota, "full@example.test is full"};
  world.put("u1@example.test",
            {waiting({.address = "full@example.test", .orcpt = {}}, full.id, why),
             waiting({.address = "nobody@example.test", .orcpt = {}}, {}, {base::Code::not_found, "gone"})});
  world.settle();
  REQUIRE_EQ(world.inbox(u1.id).size(), 1);
  CHECK(has(world.inbox(u1.id)[0],
            "Final-Recipient: rfc822; nobody@example.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
  REQUIRE_EQ(world.list().size(), 1);
  CHECK_EQ(world.list()[0].recipients[0].status, "4.2.2");
  good(net::run(world.directory->set_account("full@example.test", {.quota_bytes = 1'000'000})));
  REQUIRE(world.next());
  CHECK_EQ(world.inbox(full.id).size(), 1);
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

// RFC 3461 §5.2.2 (b), §5.2.3.
TEST_CASE("success is reported where it was asked for: delivered, relayed, or by the next host") {
  World world;
  const auto u1 = world.add("u1");
  const smtp::Notify success{.success = true};
  world.put("u1@example.test", {queue::delivered({.address = "u1@example.test", .notify = success, .orcpt = {}}),
                                World::to("b@example.net", success), World::to("c@example.net")});
  world.settle();
  const auto inbox = world.inbox(u1.id);
  REQUIRE_EQ(inbox.size(), 2);
  CHECK(has(inbox[0] + inbox[1], "Final-Recipient: rfc822; u1@example.test\r\nAction: delivered\r\nStatus: 2.1.5\r\n"));
  CHECK(has(inbox[0] + inbox[1], "Final-Recipient: rfc822; b@example.net\r\nAction: relayed\r\nStatus: 2.0.0\r\n"));
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) {
    return test::delivered("mx.remote.example", true);
  };
  world.put("u1@example.test", {World::to("b@example.net", success)});
  world.settle();
  CHECK_EQ(world.inbox(u1.id).size(), 2);
}

TEST_CASE("nobody is told who does not want it, and nobody of what came from the null sender") {
  World world;
  const auto u1 = world.add("u1");
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::failed(); };
  world.put("u1@example.test", {World::to("b@example.net", {.never = true})});
  world.put("u1@example.test", {World::to("b@example.net", {.success = true})});
  world.put("", {World::to("b@example.net")});
  world.settle();
  CHECK(world.inbox(u1.id).empty());
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a report to somebody elsewhere goes by the queue, from the null sender, and is not reported of") {
  World world;
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient& to) {
    return to.address == "b@example.net" ? test::failed() : test::delivered();
  };
  world.put("a@example.org", {World::to("b@example.net")});
  world.settle();
  REQUIRE_EQ(world.outbound.all.size(), 1);
  CHECK_EQ(world.outbound.all[0].sender, "");
  CHECK_EQ(world.outbound.all[0].recipients, std::vector<std::string>{"a@example.org"});
  CHECK(has(world.outbound.all[0].content, "multipart/report"));
  CHECK_EQ(world.problems(), "");
  // It is refused in turn: that is the end.
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::failed(); };
  world.put("a@example.org", {World::to("b@example.net")});
  world.settle();
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

// RFC 2852 §4.
TEST_CASE("what should have been delivered by a time goes back, or its sender is told that it takes longer") {
  World world;
  const auto u1 = world.add("u1");
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::deferred(); };
  const auto by = [&](bool back) {
    return [&world, back](schema::QueuedMessage& message) {
      message.set_deliver_by_us(micros(world.clock.now() + 10min));
      message.set_deliver_by_gives_back(back);
    };
  };
  world.put("u1@example.test", {World::to("b@example.net")}, by(true));
  world.put("u1@example.test", {World::to("c@example.net")}, by(false));
  world.look();
  for (int i = 0; i < 4; ++i) REQUIRE(world.next());
  const auto inbox = world.inbox(u1.id);
  REQUIRE_EQ(inbox.size(), 2);
  const std::string both = inbox[0] + inbox[1];
  CHECK(has(both, "b@example.net\r\nAction: failed\r\nStatus: 5.4.7\r\n"));
  CHECK(has(both, "c@example.net\r\nAction: delayed\r\n"));
  REQUIRE_EQ(world.list().size(), 1);
  CHECK_EQ(world.list()[0].recipients[0].address, "c@example.net");
}

TEST_CASE("a result that could not be written is written when the store takes it: the message is not sent again") {
  World world;
  world.put("u1@example.test", {World::to("b@example.net")});
  world.faults.fail(2);
  world.settle();
  CHECK_EQ(world.outbound.attempts.load(), 1);
  CHECK(world.list().empty());
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a crash between the answer and the commit: sent again, and at no other point") {
  World world;
  const auto u1 = world.add("u1");
  world.outbound.answer = [&](const outbound::Destination&, const smtp::Recipient&) {
    world.shared->given_up = true;  // as if the process ended here
    world.faults.fail(1);
    return test::failed();
  };
  world.put("u1@example.test", {World::to("b@example.net")});
  world.look();
  CHECK(world.inbox(u1.id).empty());
  CHECK_EQ(world.list().size(), 1);
  world.reopen();
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::failed(); };
  world.settle();
  CHECK_EQ(world.outbound.attempts.load(), 2);
  CHECK_EQ(world.inbox(u1.id).size(), 1);  // one report
  CHECK(world.list().empty());
  world.reopen();
  world.settle();
  CHECK_EQ(world.outbound.attempts.load(), 2);
  CHECK_EQ(world.inbox(u1.id).size(), 1);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("an attempt whose lease was lost does not commit, and its failure does not count") {
  World world;
  world.outbound.answer = [&](const outbound::Destination&, const smtp::Recipient&) {
    world.clock.pass(2h);
    return test::failed();
  };
  world.put("u1@example.test", {World::to("b@example.net")});
  world.look();
  REQUIRE_EQ(world.list().size(), 1);
  CHECK_EQ(world.list()[0].recipients[0].tries, 0);
  // One that stopped before the end of the message may not go on with it.
  std::size_t committed = 0;
  world.outbound.answer = [&](const outbound::Destination&, const smtp::Recipient&) {
    ++committed;
    return test::delivered();
  };
  world.shared->given_up = true;
  world.look();
  CHECK_EQ(committed, 0);
}

TEST_CASE("an entry that cannot be read is set aside with its reason, and the rest goes on") {
  World world;
  const auto bad = world.put("u1@example.test", {World::to("b@example.net")});
  const auto worse = world.put("u1@example.test", {World::to("b@example.net")});
  world.put("u1@example.test", {World::to("c@example.net")});
  good(net::run(world.store->write({}, [&](store::Txn& tx) -> base::Result<void> {
    tx.put_raw(store::encode_key(kMessages.id, bad), "\xff");
    tx.put_raw(store::encode_key(kRecipients.id, worse, std::uint32_t{0}), "\xff");
    return {};
  })));
  world.settle();
  CHECK_EQ(world.outbound.order, std::vector<std::string>{"c@example.net"});
  const auto list = world.list();
  REQUIRE_EQ(list.size(), 2);
  CHECK(list[0].state == State::broken);
  CHECK(has(list[0].reason, "queue.message"));
  CHECK(list[1].state == State::broken);
  CHECK_FALSE(world.anything_ready());
}

TEST_CASE("what an older version left without a row in the tables of today is found and taken up") {
  World world;
  const auto id = world.put("u1@example.test", {World::to("b@example.net"), World::to("c@example.org")});
  const auto held_back =
      world.put("u1@example.test", {World::to("d@example.net")},
                [&](schema::QueuedMessage& message) { message.set_hold_until_us(micros(world.clock.now() + 1h)); });
  good(net::run(world.store->write({}, [&](store::Txn& tx) -> base::Result<void> {
    for (const auto entry : {id, held_back}) {
      TRY_ASSIGN(const auto message, tx.get(kMessages, {entry}));
      for (const std::uint32_t number : {0u, 1u}) {
        TRY_ASSIGN(auto record, tx.get(kRecipients, {entry, number}));
        if (!record) continue;
        displace(tx, {entry, number}, *message, *record);
        record->set_due_us(0);
        tx.put(kRecipients, {entry, number}, *record);
      }
    }
    return {};
  })));
  CHECK_NE(world.problems(), "");
  world.look();
  CHECK_EQ(world.outbound.attempts.load(), 0);

  std::unique_ptr<Queue> queue;
  net::Loops loops(1);
  queue = open(*world.store, *world.directory, *world.mail, world.clock, {},
               [&] { return std::shared_ptr<const Config>(world.config); });
  good(queue->start(loops, world.outbound));
  for (int i = 0; i < 500 && world.list().size() > 1; ++i) std::this_thread::sleep_for(10ms);
  net::run(queue->stop(5s));
  CHECK_EQ(world.list().size(), 1);
  CHECK_EQ(world.list()[0].id, held_back);
  CHECK(world.list()[0].state == State::waiting);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("a stop lets attempts end, and gives up what takes longer before it commits") {
  World world;
  const auto run_with = [&](std::chrono::milliseconds takes, std::chrono::seconds grace) {
    std::unique_ptr<Queue> queue;
    net::Loops loops(1);  // with it goes what still runs, as when the server ends
    world.outbound.takes = takes;
    world.put("u1@example.test", {World::to("b@example.net")});
    queue = open(*world.store, *world.directory, *world.mail, world.clock, {},
                 [&] { return std::shared_ptr<const Config>(world.config); });
    const std::size_t before = world.outbound.attempts.load();
    good(queue->start(loops, world.outbound));
    for (int i = 0; i < 500 && world.outbound.attempts.load() == before; ++i) std::this_thread::sleep_for(10ms);
    net::run(queue->stop(grace));
    if (grace == 0s) std::this_thread::sleep_for(1s);
  };
  run_with(200ms, 5s);
  CHECK_EQ(world.outbound.all.size(), 1);
  CHECK(world.list().empty());
  run_with(500ms, 0s);
  CHECK_EQ(world.outbound.all.size(), 1);
  REQUIRE_EQ(world.list().size(), 1);
  CHECK_EQ(world.problems(), "");
}

TEST_CASE("what happened to a message is kept, found by its id and its names, and forgotten in time") {
  World world;
  const auto u1 = world.add("u1");
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient& to) {
    return to.address.starts_with("bad") ? test::failed() : test::deferred();
  };
  const auto id = world.put("u1@example.test", {World::to("b@example.net"), World::to("bad@example.net")});
  good(net::run(world.store->write({}, [&](store::Txn& tx) -> base::Result<void> {
    note(tx, world.config->trace_keep, id, world.clock.now(),
         {noted("accepted", "u1@example.test", "from here", {"U1@example.test", "<1@Example.Test>"})});
    return {};
  })));
  world.look();
  world.outbound.answer = [](const outbound::Destination&, const smtp::Recipient&) { return test::delivered(); };
  REQUIRE(world.next());
  const auto find = [&](const std::string& what) { return good(find_events(*good(world.store->reader()), what, 10)); };
  std::string story;
  for (const auto& one : find(std::to_string(id.value)))
    story += one.event + " " + one.recipient + " " + one.diagnostic + "\n";
  CHECK_EQ(story,
           "accepted u1@example.test \ndeferred b@example.net 450 4.2.0 later\n"
           "failed bad@example.net 550 5.1.1 no such user\ndelivered b@example.net 250 2.0.0 OK\n");
  CHECK_EQ(find("<1@example.test>").size(), 4);
  const auto of_u1 = find("U1@Example.Test");
  REQUIRE_EQ(of_u1.size(), 5);  // and the report
  CHECK_EQ(of_u1.back().event, "report");
  CHECK_EQ(of_u1.back().text, "a report of message " + std::to_string(id.value));
  CHECK(find("nobody@example.test").empty());
  CHECK_EQ(world.problems(), "");
  net::run(world.worker->forget());
  CHECK_EQ(find("u1@example.test").size(), 5);
  world.clock.pass(8 * 24h);
  net::run(world.worker->forget());
  CHECK(find("u1@example.test").empty());
  CHECK_FALSE(good(world.store->reader())->scan(kEvents).valid());
  CHECK_FALSE(good(world.store->reader())->scan(kEventsOf).valid());
  CHECK_EQ(world.inbox(u1.id).size(), 1);
}

// RFC 7208 §11.2.
TEST_CASE("what an alias sends on goes out with a sender of ours, and what comes back finds the first sender") {
  World world;
  std::unique_ptr<Queue> queue;
  net::Loops loops(1);
  queue = open(*world.store, *world.directory, *world.mail, world.clock, {},
               [&] { return std::shared_ptr<const Config>(world.config); });
  const auto by_alias = to_send({.address = "alias@example.test", .orcpt = {}}, "me@elsewhere.example");
  world.put("ann@far.example", {by_alias});
  world.put("u1@example.test", {by_alias});                    // ours: SPF holds
  world.put("ann@far.example", {World::to("b@net.example")});  // no alias
  good(queue->start(loops, world.outbound));
  for (int i = 0; i < 500 && !world.list().empty(); ++i) std::this_thread::sleep_for(10ms);
  net::run(queue->stop(5s));
  REQUIRE_EQ(world.outbound.all.size(), 3);
  std::multiset<std::string> senders;
  std::string rewritten;
  for (const auto& sent : world.outbound.all) {
    if (is_srs(sent.sender)) {
      rewritten = sent.sender;
    } else {
      senders.insert(sent.sender);
    }
  }
  CHECK(senders == std::multiset<std::string>{"ann@far.example", "u1@example.test"});
  CHECK(rewritten.ends_with("=far.example=ann@example.test"));
  CHECK_EQ(queue->relayed(rewritten), "ann@far.example");
  rewritten[5] = rewritten[5] == 'a' ? 'b' : 'a';
  CHECK_FALSE(queue->relayed(rewritten));
  CHECK_FALSE(queue->relayed("u1@example.test"));
}

TEST_CASE("a relayed domain is open to anybody, and its hosts can be asked for recipients first") {
  World world;
  world.config->routes.push_back({.name = "inside",
                                  .recipients = {"inside.example"},
                                  .senders = {},
                                  .accounts = {},
                                  .by = By::hosts,
                                  .hosts = {{.name = "mail.inside.example"}},
                                  .user = {},
                                  .password = {},
                                  .text = {},
                                  .source_address = {},
                                  .helo = {},
                                  .relay = true,
                                  .verify = true});
  std::unique_ptr<Queue> queue;
  net::Loops loops(1);
  queue = open(*world.store, *world.directory, *world.mail, world.clock, {},
               [&] { return std::shared_ptr<const Config>(world.config); });
  good(queue->start(loops, world.outbound));
  int asked = 0;
  world.outbound.answer = [&](const outbound::Destination& destination, const smtp::Recipient& to) {
    ++asked;
    CHECK_EQ(destination.hosts.at(0).name, "mail.inside.example");
    return to.address.starts_with("bad")     ? test::failed()
           : to.address.starts_with("later") ? test::deferred()
                                             : test::delivered();
  };
  CHECK_EQ(queue->relayed("a@inside.example"), "a@inside.example");
  CHECK_FALSE(queue->relayed("a@other.example"));
  CHECK(net::run(queue->verify("a@inside.example")).has_value());
  CHECK(net::run(queue->verify("a@inside.example")).has_value());
  CHECK_EQ(asked, 1);
  CHECK_EQ(net::run(queue->verify("bad@inside.example")).error().code, base::Code::not_found);
  CHECK(net::run(queue->verify("later@inside.example")).has_value());
  world.clock.pass(2h);
  CHECK(net::run(queue->verify("a@inside.example")).has_value());
  CHECK_EQ(asked, 4);
  net::run(queue->stop(5s));
}

TEST_CASE("the queue takes no more than its limits") {
  World world;
  world.config->max_messages = 3;
  world.config->max_messages_per_account = 2;
  const auto queue = open(*world.store, *world.directory, *world.mail, world.clock, {},
                          [&] { return std::shared_ptr<const Config>(world.config); });
  const base::AccountId ann{1};
  schema::QueuedMessage of_ann;
  of_ann.set_account(ann.value);
  CHECK(queue->room_for(ann).has_value());
  queue->added(base::QueueId{1}, of_ann, {World::to("r@remote.example")});
  queue->added(base::QueueId{2}, of_ann, {World::to("r@remote.example")});
  CHECK_EQ(queue->room_for(ann).error().code, base::Code::no_space);
  CHECK(queue->room_for({}).has_value());
  queue->added(base::QueueId{3}, {}, {World::to("r@remote.example")});
  CHECK_EQ(queue->room_for({}).error().code, base::Code::no_space);
}

}  // namespace
}  // namespace queue
