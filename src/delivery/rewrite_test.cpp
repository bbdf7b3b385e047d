// Addresses that the operator wants otherwise: the rules, header fields, and what becomes of messages.
#include "delivery/rewrite.h"

#include <doctest/doctest.h>

#include "delivery/test_world.h"

using namespace delivery;
using test::good;
using test::World;

namespace {

std::vector<Rewrite> rules(std::initializer_list<const char*> texts) {
  std::vector<Rewrite> all;
  for (const char* text : texts) all.push_back(good(parse_rewrite(text)));
  return all;
}

std::string changed(const std::vector<Rewrite>& all, std::string_view address) {
  return rewritten(all, address).value_or("(stays)");
}

const std::vector<Rewrite> kMasquerade = rules({"root@*=", "ann@old.example=Ann.Smith@example.org",
                                                "*@*.corp.example=*@corp.example", "*@old.example=*@new.example"});

}  // namespace

TEST_CASE("the first rule that fits counts, and what comes of it is not looked at again") {
  CHECK(changed(kMasquerade, "bob@pc7.corp.example") == "bob@corp.example");
  CHECK(changed(kMasquerade, "Bob+x@A.b.CORP.example") == "Bob+x@corp.example");
  CHECK(changed(kMasquerade, "bob@corp.example") == "(stays)");
  CHECK(changed(kMasquerade, "bob@othercorp.example") == "(stays)");
  CHECK(changed(kMasquerade, "ROOT@pc7.corp.example") == "(stays)");
  CHECK(changed(kMasquerade, "Ann@OLD.example") == "Ann.Smith@example.org");
  CHECK(changed(kMasquerade, "bob@old.example") == "bob@new.example");
  CHECK(changed(kMasquerade, "\"a b\"@old.example") == "\"a b\"@new.example");
  CHECK(changed(kMasquerade, "") == "(stays)");
  CHECK(changed(kMasquerade, "postmaster") == "(stays)");
  CHECK(changed(rules({"*@a.example=*@b.example", "*@b.example=*@a.example"}), "x@a.example") == "x@b.example");
  CHECK(changed(rules({"*@*=all@example.org"}), "x@a.example") == "all@example.org");
  CHECK(changed(rules({"*@b\xC3\xBC"
                       "cher.example=*@books.example"}),
                "x@xn--bcher-kva.example") == "x@books.example");
}

TEST_CASE("rules are printed as they are read, and others are refused") {
  for (const char* text :
       {"*@*.corp.example=*@corp.example", "root@*=", "a@x.example=b@*", "a=b@x.example=c@y.example"}) {
    const auto rule = parse_rewrite(text);
    REQUIRE(rule.has_value());
    CHECK(print(*rule) == text);
    CHECK(good(parse_rewrite(print(*rule))) == *rule);
  }
  for (const char* text : {"", "=", "a@x.example", "a=b", "@x.example=*@y.example", "*@=*@y.example", "*@x.example=y",
                           "*@x.example=*@*.y.example", "a b@x.example=c@y.example", "*@x..example=*@y.example"}) {
    CHECK_FALSE(parse_rewrite(text).has_value());
  }
}

TEST_CASE("header fields of senders are written anew where an address changes, and all else keeps its bytes") {
  const std::string header =
      "Received: from pc7.corp.example\r\n"
      "FROM: =?utf-8?q?J=C3=BCrgen?= <juergen@pc7.corp.example>,\r\n \"Root, the\" <root@pc7.corp.example> (c)\r\n"
      "To: x@pc7.corp.example\r\n"
      "Sender:  bob@corp.example  (stays)\r\n"
      "Reply-To: team: a@old.example, b@elsewhere.example;\r\n"
      "Subject: from bob@pc7.corp.example\r\n"
      "\r\n";
  const auto out = rewritten_header(kMasquerade, header);
  REQUIRE(out.has_value());
  CHECK(*out ==
        "Received: from pc7.corp.example\r\n"
        "FROM: =?utf-8?Q?J=C3=BCrgen?= <juergen@corp.example>, \"Root, the\"\r\n <root@pc7.corp.example>\r\n"
        "To: x@pc7.corp.example\r\n"
        "Sender:  bob@corp.example  (stays)\r\n"
        "Reply-To: team: a@new.example, b@elsewhere.example;\r\n"
        "Subject: from bob@pc7.corp.example\r\n"
        "\r\n");
  CHECK_FALSE(rewritten_header(kMasquerade, "From: a@example.org\r\n\r\n").has_value());
  CHECK_FALSE(rewritten_header(kMasquerade, "From: \xFF <<>,,;:\r\n\r\n").has_value());
  CHECK_FALSE(rewritten_header(kMasquerade, "").has_value());
}

TEST_CASE("what users submit goes out with other senders, and what strangers send does not") {
  Config config{.hostname = "mx.example.test"};
  config.rewrite_senders = rules({"*@example.test=*@example.org"});
  World world(config);
  const auto ann = world.add("ann");
  std::string text;
  for (int i = 0; i < 10'000; ++i)
    text += "a line of a message that is longer than a block " + std::to_string(i) + "\r\n";
  const std::string message = "From: Ann <ann@example.test>\r\nSubject: x\r\n\r\n" + text;
  good(world.send({"ann@example.test", "b@elsewhere.example"}, message, World::user(ann), "ann@example.test"));
  const std::string own = world.inbox(ann.id).at(0);
  CHECK(own.starts_with("Return-Path: <ann@example.org>\r\n"));
  CHECK(own.contains("\r\nFrom: Ann <ann@example.org>\r\nSubject: x\r\n\r\na line"));
  CHECK(own.ends_with("\r\n\r\n" + text));
  REQUIRE(world.queue().size() == 1);
  CHECK(world.queue()[0].sender == "ann@example.org");
  good(world.send({"ann@example.test"}, message, std::nullopt, "ann@example.test"));
  CHECK(world.inbox(ann.id).at(1).contains("From: Ann <ann@example.test>\r\n"));
  CHECK(world.problems() == "");
}

TEST_CASE("what programs of this machine and networks that may relay send goes out with other senders, too") {
  Config config{.hostname = "mx.example.test"};
  config.rewrite_senders = rules({"*@host.example.test=*@example.test"});
  World world(config);
  const auto ann = world.add("ann");
  const auto send = [&](smtp::Peer peer) {
    smtp::Envelope envelope{.sender = "cron@host.example.test", .declared_size = {}};
    envelope.recipients.push_back({.address = "ann@example.test"});
    good(world.send(std::move(envelope), "From: cron@host.example.test\r\n\r\n", std::nullopt, std::move(peer)));
  };
  smtp::Peer program = world.peer();
  program.relays = true;
  program.local = smtp::LocalUser{.name = "cron", .any_sender = true};
  send(program);
  smtp::Peer network = world.peer();
  network.relays = true;
  send(network);
  send(world.peer());
  const auto messages = world.inbox(ann.id);
  REQUIRE(messages.size() == 3);
  CHECK(messages[0].contains("Return-Path: <cron@example.test>"));
  CHECK(messages[0].contains("From: cron@example.test\r\n"));
  CHECK(messages[1].contains("Return-Path: <cron@example.test>"));
  CHECK(messages[1].contains("From: cron@example.test\r\n"));
  CHECK(messages[2].contains("Return-Path: <cron@host.example.test>"));
  CHECK(messages[2].contains("From: cron@host.example.test\r\n"));
}

TEST_CASE("recipients are rewritten before they are looked up, and a rule opens no relay") {
  Config config{.hostname = "mx.example.test"};
  config.rewrite_recipients = rules({"*@old.example=*@example.test", "*@far.example=*@farther.example"});
  World world(config);
  const auto ann = world.add("ann");
  good(world.send({"ann@old.example"}, "Subject: x\r\n\r\n"));
  CHECK(world.inbox(ann.id).at(0).contains("Delivered-To: ann@example.test\r\n"));
  const auto check = [&](const smtp::User* user, const std::string& recipient) {
    return net::run(world.delivery->check_recipient(user, "x@elsewhere.example", recipient, world.peer())).has_value();
  };
  const smtp::User user = World::user(ann);
  CHECK(check(nullptr, "ann@old.example"));
  CHECK_FALSE(check(nullptr, "nobody@old.example"));
  CHECK_FALSE(check(nullptr, "b@far.example"));
  CHECK(check(&user, "b@far.example"));
  CHECK(good(net::run(world.delivery->look_up("ann@old.example"))) == std::vector<std::string>{"ann@example.test"});
  good(world.send({"b+1@far.example"}, "From: ann@example.test\r\n\r\n", user, "ann@example.test"));
  REQUIRE(world.queue().size() == 1);
  CHECK(World::addresses(world.queue()[0]) == std::vector<std::string>{"b+1@farther.example"});
  CHECK(world.problems() == "");
}
