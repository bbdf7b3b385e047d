#include "delivery/submission.h"

#include <doctest/doctest.h>

#include "delivery/test_world.h"
#include "mime/header.h"
#include "mime/repair_header.h"

using namespace delivery;
using base::Code;
using test::good;
using test::World;

namespace {

const std::string kOwn = "From: ann@example.test\r\nSubject: x\r\n";

smtp::Peer program(World& world, std::string user, bool any_sender = false) {
  smtp::Peer peer = world.peer();
  peer.relays = true;
  peer.local = smtp::LocalUser{.uid = 1000, .name = std::move(user), .any_sender = any_sender};
  return peer;
}

smtp::Envelope to(const std::string& recipient, std::string sender = "ann@example.test") {
  smtp::Envelope envelope{.sender = std::move(sender), .declared_size = {}};
  envelope.recipients.push_back({.address = recipient, .notify = {}, .orcpt = {}});
  return envelope;
}

std::string refusal(const base::Result<std::string>& sent) { return sent ? "(taken)" : sent.error().text; }

}  // namespace

TEST_CASE("what a user submits is mended for every transport, and what strangers send is not") {
  World world;
  const auto ann = world.add("ann");
  const std::string eight_bit = kOwn +
                                "Content-Type: text/plain; charset=utf-8\r\n\r\nSch\xC3\xB6ne Gr\xC3\xBC\xC3\x9F"
                                "e von hier aus, wo wir nun schon seit einer Woche sind\r\n";
  good(world.send({"ann@example.test"}, eight_bit, World::user(ann), "ann@example.test"));
  good(world.send({"ann@example.test"}, eight_bit));
  const auto inbox = world.inbox(ann.id);
  REQUIRE(inbox.size() == 2);
  CHECK_FALSE(mime::has_eight_bit(inbox[0]));
  CHECK(inbox[0].contains("Content-Transfer-Encoding: quoted-printable\r\n"));
  CHECK(inbox[1].ends_with(eight_bit));
  CHECK(world.problems() == "");
}

TEST_CASE("what needs no mending keeps every byte") {
  World world;
  const auto ann = world.add("ann");
  const std::string plain = kOwn + "Content-Transfer-Encoding: 8bit\r\n\r\nplain\r\n";
  good(world.send({"ann@example.test"}, plain, World::user(ann), "ann@example.test"));
  CHECK(world.inbox(ann.id).at(0).ends_with(plain));
}

TEST_CASE("a large message is mended in pieces, and its queue entry says what it is then") {
  World world;
  const auto ann = world.add("ann");
  std::string body;
  while (body.size() < 3'000'000)
    body += "Eine Zeile mit Umlauten: \xC3\xA4\xC3\xB6\xC3\xBC, und noch etwas mehr dahinter\r\n";
  body += std::string(5000, 'x') + "\r\n";
  smtp::Envelope envelope = to("far@example.net");
  envelope.body = smtp::BodyType::eight_bit_mime;
  good(world.send(envelope, kOwn + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + body, World::user(ann),
                  world.peer()));
  good(world.send({"ann@example.test"}, kOwn + "\r\n" + body, World::user(ann), "ann@example.test"));
  const std::string message = world.inbox(ann.id).at(0);
  CHECK_FALSE(mime::has_eight_bit(message));
  CHECK_FALSE(mime::has_long_line(message));
  CHECK(message.contains("charset=utf-8"));
  CHECK(world.queue().size() == 1);
  CHECK(world.problems() == "");
}

TEST_CASE("the header says to be from somebody that the sender may send as, where that is asked") {
  World world({.hostname = "mx.example.test", .refuse_forged = true});
  const auto ann = world.add("ann");
  world.add("boss");
  world.alias("sales", {"ann@example.test"});
  const auto send = [&](const std::string& header) {
    return refusal(world.send({"ann@example.test"}, header + "\r\n\r\nbody\r\n", World::user(ann), "ann@example.test"));
  };
  CHECK(send("From: Ann <ann@example.test>") == "(taken)");
  CHECK(send("From: Sales <Sales@Example.TEST>, ann@example.test\r\nSender: ann@example.test") == "(taken)");
  CHECK(send("Subject: nobody says who") == "(taken)");
  CHECK(send("From: boss@example.test") ==
        "the header says to be from boss@example.test, which ann@example.test may not send as");
  CHECK(send("From: ann@example.test\r\nSender: boss@example.test").contains("boss@example.test"));
  CHECK(send("From: ann@example.test\r\nResent-From: ceo@elsewhere.example").contains("ceo@elsewhere.example"));
  CHECK(send("From: ann@example.test\r\nFrom: boss@example.test") == "From stands twice in the header");
  CHECK(send("From: undisclosed:;") == "From names no address");
  CHECK(world.inbox(ann.id).size() == 3);
  SUBCASE("unless the operator lets it pass, as by default") {
    Config config = *world.live.get();
    config.refuse_forged = false;
    world.live.set(config);
    CHECK(send("From: boss@example.test") == "(taken)");
  }
  SUBCASE("of others it is not asked") {
    good(world.send({"ann@example.test"}, "From: boss@example.test\r\n\r\nbody\r\n"));
  }
}

TEST_CASE("a program of this machine sends as its user, and as the rules say") {
  const Config config{.hostname = "mail.example.org",
                      .local_senders = {"www=shop@example.org", "www=@shop.example", "backup=*"}};
  const auto may = [&](const char* user, const char* address) {
    return may_send_locally(config, {.uid = 1, .name = user}, address);
  };
  CHECK(may("www", "www@mail.example.org"));
  CHECK(may("www", "Shop@Example.ORG"));
  CHECK(may("www", "any@shop.example"));
  CHECK_FALSE(may("www", "any@not-shop.example"));
  CHECK_FALSE(may("www", "root@mail.example.org"));
  CHECK(may("backup", "anybody@anywhere.example"));
  CHECK_FALSE(may("ww", "shop@example.org"));
  CHECK(may_send_locally(config, {.uid = 0, .name = "root", .any_sender = true}, "anybody@anywhere.example"));
}

TEST_CASE("a message of a program is asked the same, and mail at the hostname is the machine's") {
  World world({.hostname = "mx.example.test", .refuse_forged = true, .queue = {.hostname = "mx.example.test"}});
  const auto ann = world.add("ann");
  const auto send = [&](const std::string& from) {
    return world.send(to("root@mx.example.test", "cron@mx.example.test"), "From: " + from + "\r\n\r\nbody\r\n", {},
                      program(world, "cron"));
  };
  CHECK(send("cron@mx.example.test").has_value());
  CHECK(send("ann@example.test").error().code == Code::denied);
  CHECK(net::run(world.delivery->check_sender(nullptr, "ann@example.test", program(world, "cron"))).error().code ==
        Code::denied);
  CHECK(net::run(world.delivery->check_sender(nullptr, "", program(world, "cron"))).has_value());
  CHECK(net::run(world.delivery->check_recipient(nullptr, "", "root@mx.example.test", program(world, "cron")))
            .has_value());
  // Of strangers it is not taken.
  CHECK(world.rcpt("root@mx.example.test").error().code == Code::unsupported);
  const auto inbox = world.inbox(ann.id);
  REQUIRE(inbox.size() == 1);
  CHECK(inbox[0].contains("Delivered-To: root@mx.example.test\r\n"));
  CHECK(inbox[0].contains("Received: by mx.example.test (from user cron, uid 1000)\r\n"));
}

TEST_CASE("under one id one message is taken, and a recipient who turns out to be none is not lost") {
  World world;
  const auto ann = world.add("ann");
  smtp::Envelope envelope = to("ann@example.test", "");
  envelope.once = std::string(32, 'a');
  envelope.accepted = true;
  const auto first = good(world.send(envelope, "Subject: x\r\n\r\nbody\r\n", {}, program(world, "root", true)));
  const auto second = good(world.send(envelope, "Subject: x\r\n\r\nbody\r\n", {}, program(world, "root", true)));
  CHECK(first.id == second.id);
  CHECK(world.inbox(ann.id).size() == 1);
  const auto taken = good(net::run(world.delivery->taken(envelope.once)));
  REQUIRE(taken.has_value());
  CHECK(std::to_string(taken->value) == first.id);

  smtp::Envelope lost = to("nobody@example.test");
  CHECK_FALSE(world.send(lost, "Subject: y\r\n\r\nbody\r\n", {}, program(world, "root", true)).has_value());
  lost.accepted = true;
  good(world.send(lost, "Subject: y\r\n\r\nbody\r\n", {}, program(world, "root", true)));
  REQUIRE(world.queue().size() == 1);
  CHECK(World::addresses(world.queue()[0]) == std::vector<std::string>{"nobody@example.test"});

  // What is remembered goes, but not while its file is there.
  const auto later = base::system_clock().now() + std::chrono::hours(1);
  good(net::run(world.delivery->forget_taken({envelope.once}, later)));
  CHECK(good(net::run(world.delivery->taken(envelope.once))).has_value());
  good(net::run(world.delivery->forget_taken({}, later)));
  CHECK_FALSE(good(net::run(world.delivery->taken(envelope.once))).has_value());
  CHECK(world.problems() == "");
}

TEST_CASE("a user's program is not told of where that is wanted") {
  World world;
  const auto ann = world.add("ann");
  smtp::Peer peer = world.peer();
  peer.service = smtp::Service::submission;
  peer.hidden = true;
  good(world.send(to("ann@example.test"), kOwn + "\r\nbody\r\n", World::user(ann), peer));
  Config config = *world.live.get();
  config.hide_clients = true;
  world.live.set(config);
  peer.hidden = false;
  good(world.send(to("ann@example.test"), kOwn + "\r\nbody\r\n", World::user(ann), peer));
  // Of other hosts the way is told.
  good(world.send({"ann@example.test"}, kOwn + "\r\nbody\r\n"));
  const auto inbox = world.inbox(ann.id);
  REQUIRE(inbox.size() == 3);
  for (const int i : {0, 1}) {
    CHECK(inbox[static_cast<std::size_t>(i)].contains("Received: by mx.example.test with ESMTPA\r\n"));
    CHECK_FALSE(inbox[static_cast<std::size_t>(i)].contains("192.0.2.1"));
    CHECK_FALSE(inbox[static_cast<std::size_t>(i)].contains("client.example.org"));
  }
  CHECK(inbox[2].contains("from client.example.org ([192.0.2.1])"));
}
