// A message to hosts that do what hosts do: every answer, every place where a connection can be lost (RFC 5321 §4.2,
// §5.1), and what the extensions of a host make possible.

#include "../../tests/support/temp_dir.h"
#include "outbound/outcome.h"
#include "outbound/test_kit.h"

namespace outbound {
namespace {

using namespace std::chrono_literals;
using test::Behaviour;
using test::World;

bool heard(const World& world, std::string_view line) {
  const auto lines = world.peer.heard().lines;
  return std::ranges::any_of(lines, [&](const std::string& one) { return one == line; });
}

TEST_CASE("a message arrives as it is, and the outcome says where") {
  World world;
  const Outcome outcome = world.send_one();
  CHECK_EQ(outcome.verdict, Verdict::delivered);
  CHECK_EQ(outcome.status, "2.0.0");
  CHECK_EQ(outcome.host, "mx.example.net");
  CHECK_EQ(outcome.address, "127.0.0.1");
  CHECK_EQ(outcome.diagnostic, "250 2.0.0 taken");
  CHECK_EQ(outcome.tls, "");
  CHECK_EQ(world.peer.heard().messages, std::vector<std::string>{world.content});
  CHECK(heard(world, "EHLO us.example.org"));
  CHECK(heard(world, "MAIL FROM:<from@example.org> SIZE=" + std::to_string(world.content.size())));
}

TEST_CASE("a host that is cut off at any byte defers, delivers, and never loses or fails a message") {
  for (const bool chunking : {false, true}) {
    World world;
    Behaviour behaviour;
    if (chunking) behaviour.extensions.push_back("CHUNKING");
    std::size_t cut = 0;
    for (; cut < 1000; ++cut) {
      behaviour.cut_after = cut;
      world.peer.set(behaviour);
      world.peer.forget();
      const Outcome outcome = world.send_one();
      const auto after = world.peer.heard();
      CAPTURE(cut);
      CHECK_NE(outcome.verdict, Verdict::failed);
      if (outcome.verdict == Verdict::delivered) {
        CHECK_EQ(after.taken, 1U);
        break;
      }
      CHECK_EQ(outcome.status.substr(0, 2), "4.");
      CHECK_NE(outcome.text, "");
      // RFC 5321 §4.5.3.2.6: taken, and the answer lost: it is tried later and not at once.
      if (after.taken > 0) CHECK_EQ(after.connections, 1U);
      CHECK_EQ(outcome.destination_down, after.taken == 0);
    }
    CHECK_GT(cut, 150U);
    CHECK_LT(cut, 1000U);
  }
}

TEST_CASE("each answer leads to the right verdict, wherever it comes") {
  struct Row {
    std::string verb, reply;
    Verdict verdict;
    std::string status;
    bool down;
  };
  const Row rows[] = {
      {"220", "421 4.3.2 go away", Verdict::deferred, "4.3.2", true},
      {"220", "554 5.7.1 you are on a list", Verdict::failed, "5.7.1", false},
      {"220", "hello there", Verdict::deferred, "4.4.2", true},
      {"220", "220-one\r\n220-two\r\n220 three", Verdict::delivered, "2.0.0", false},
      {"EHLO", "550 5.7.1 not you", Verdict::failed, "5.7.1", false},
      {"EHLO", "451 later", Verdict::deferred, "4.0.0", true},
      {"EHLO", "502 what?", Verdict::delivered, "2.0.0", false},
      {"MAIL", "450 4.7.1 grey", Verdict::deferred, "4.7.1", false},
      {"MAIL", "550 no", Verdict::failed, "5.0.0", false},
      {"MAIL", "421 4.7.0 too much", Verdict::deferred, "4.7.0", true},
      {"MAIL", "\x01\x02\x03", Verdict::deferred, "4.4.2", true},
      {"RCPT", "550 5.1.1 nobody", Verdict::failed, "5.1.1", false},
      {"RCPT", "550-5.1.1 no\r\n550 5.1.1 such user", Verdict::failed, "5.1.1", false},
      {"RCPT", "452 4.2.2 full", Verdict::deferred, "4.2.2", false},
      {"RCPT", "552 too many", Verdict::deferred, "4.0.0", false},
      {"RCPT", "421 bye", Verdict::deferred, "4.0.0", true},
      {"RCPT", "250 4.1.1 odd", Verdict::delivered, "2.0.0", false},
      {"MAIL", "250 fine\r\n250 and more", Verdict::deferred, "4.4.2", true},
      {"RCPT", "250 fine\r\n354 go on\r\n250 taken", Verdict::deferred, "4.4.2", true},
      {"DATA", "354 go on\r\n250 2.0.0 taken already", Verdict::deferred, "4.4.2", true},
      {"DATA", "554 5.5.1 no valid recipients", Verdict::failed, "5.5.1", false},
      {"DATA", "451 4.3.0 disk", Verdict::deferred, "4.3.0", false},
      {"DATA", "250 what", Verdict::deferred, "4.4.2", true},
      {".", "550 5.7.1 spam", Verdict::failed, "5.7.1", false},
      {".", "451 4.3.0 later", Verdict::deferred, "4.3.0", false},
      {".", "421 4.3.0 later", Verdict::deferred, "4.3.0", true},
      {".", "250", Verdict::delivered, "2.0.0", false},
  };
  World world;
  for (const Row& row : rows) {
    CAPTURE(row.verb);
    CAPTURE(row.reply);
    Behaviour behaviour;
    behaviour.says[row.verb] = {row.reply};
    world.peer.set(behaviour);
    const Outcome outcome = world.send_one();
    CHECK_EQ(outcome.verdict, row.verdict);
    CHECK_EQ(outcome.status, row.status);
    CHECK_EQ(outcome.destination_down, row.down);
  }
}

TEST_CASE("recipients of one transaction are told apart") {
  World world;
  Behaviour behaviour;
  behaviour.says["RCPT"] = {"250 fine", "550 5.1.1 nobody", "451 4.2.0 later", "250 fine"};
  world.peer.set(behaviour);
  const auto outcomes = world.send(world.destination(), world.message(),
                                   {"a@example.net", "b@example.net", "c@example.net", "d@example.net"});
  REQUIRE_EQ(outcomes.size(), 4U);
  CHECK_EQ(outcomes[0].verdict, Verdict::delivered);
  CHECK_EQ(outcomes[1].verdict, Verdict::failed);
  CHECK_EQ(outcomes[2].verdict, Verdict::deferred);
  CHECK_EQ(outcomes[3].verdict, Verdict::delivered);
  CHECK_EQ(world.peer.heard().messages.size(), 1U);
}

TEST_CASE("hundreds of recipients go in groups, each with the message") {
  World world;
  std::vector<std::string> many;
  for (int i = 0; i < 250; ++i) many.push_back("r" + std::to_string(i) + "@example.net");
  const auto outcomes = world.send(world.destination(), world.message(), many);
  CHECK(std::ranges::all_of(outcomes, [](const Outcome& one) { return one.verdict == Verdict::delivered; }));
  CHECK_EQ(world.peer.heard().messages.size(), 3U);
  CHECK_EQ(world.peer.heard().connections, 1U);
}

TEST_CASE(
    "a command that cannot be run is the operator's to mend, whatever the reason, and an address that cannot be is "
    "not") {
  World world;
  world.start_command = [](const Pipe&, const PipeValues&) -> base::Result<StartedCommand> {
    return base::fail(base::Code::invalid, "/srv/tickets is a directory");
  };
  world.open();
  const Destination to{.pipe = {.command = {"/srv/tickets", "{recipient}"}}};
  const Outcome kept = world.send(to, world.message(), {"ann@example.net"}).front();
  CHECK_EQ(kept.verdict, Verdict::deferred);
  CHECK_EQ(kept.status, "4.3.5");
  CHECK_EQ(kept.text, "the command cannot be run: /srv/tickets is a directory");
  const Outcome refused = world.send(to, world.message(), {"--all@example.net"}).front();
  CHECK_EQ(refused.verdict, Verdict::failed);
  CHECK_EQ(refused.status, "5.1.3");
}

TEST_CASE("a resolver that is down defers everything") {
  World world;
  world.resolver.down = true;
  const Outcome outcome = world.send_one();
  CHECK_EQ(outcome.verdict, Verdict::deferred);
  CHECK_EQ(outcome.status, "4.4.3");
  CHECK(outcome.destination_down);
  CHECK_EQ(world.peer.heard().connections, 0U);
}

TEST_CASE("what the DNS says of a domain") {
  World world;
  const auto to = [&](const std::string& domain) {
    return world.send({.domain = domain}, world.message(), {"to@" + domain}).front();
  };
  CHECK_EQ(to("nowhere.example").status, "5.1.2");
  world.resolver.mx("null.example", 0, "");
  const Outcome null = to("null.example");  // RFC 7505 §4.1
  CHECK_EQ(null.verdict, Verdict::failed);
  CHECK_EQ(null.status, "5.1.10");
  world.resolver.address("implicit.example", "127.0.0.1");
  CHECK_EQ(to("implicit.example").verdict, Verdict::delivered);
  world.resolver.mx("dead.example", 10, "gone.example");
  CHECK_EQ(to("dead.example").status, "5.4.4");
  world.resolver.set("bogus.example", dns::Type::mx, {.status = dns::Status::bogus, .why = "signature expired"});
  CHECK_EQ(to("bogus.example").verdict, Verdict::deferred);
  CHECK_EQ(to("127.0.0.1").verdict, Verdict::delivered);
  // RFC 5321 §5.1: hosts behind ourselves are not tried.
  world.resolver.mx("loop.example", 10, "US.example.org");
  world.resolver.mx("loop.example", 20, "mx.example.net");
  CHECK_EQ(to("loop.example").status, "5.4.6");
  world.resolver.mx("backup.example", 10, "mx.example.net");
  world.resolver.mx("backup.example", 20, "us.example.org");
  CHECK_EQ(to("backup.example").verdict, Verdict::delivered);
}

TEST_CASE("a host that calls itself by our name is ourselves") {
  World world;
  Behaviour behaviour;
  behaviour.name = "us.example.org";
  world.peer.set(behaviour);
  CHECK_EQ(world.send_one().status, "5.4.6");
}

TEST_CASE("the next host is tried when one is out of reach, and not when one has spoken for good") {
  World world;
  world.resolver.mx("two.example", 10, "first.example");
  world.resolver.mx("two.example", 20, "mx.example.net");
  world.resolver.address("first.example", "127.0.0.3");
  world.resolver.address("first.example", "::1");
  const Destination two{.domain = "two.example"};
  CHECK_EQ(world.send(two, world.message(), {"a@two.example"}).front().host, "mx.example.net");
  world.resolver.address("mx.example.net", "127.0.0.1");
  Behaviour behaviour;
  behaviour.says["RCPT"] = {"550 5.1.1 nobody"};
  world.peer.set(behaviour);
  world.peer.forget();
  CHECK_EQ(world.send(two, world.message(), {"a@two.example"}).front().verdict, Verdict::failed);
  CHECK_EQ(world.peer.heard().connections, 1U);
}

TEST_CASE("hosts of equal preference share the load, lower ones wait") {
  World world;
  for (const char* const name : {"a.example", "b.example"}) {
    world.resolver.mx("pair.example", 10, name);
    world.resolver.address(name, "127.0.0.1");
  }
  world.resolver.mx("pair.example", 20, "mx.example.net");
  std::map<std::string, int> hosts;
  for (int i = 0; i < 40; ++i) {
    ++hosts[world.send({.domain = "pair.example"}, world.message(), {"x@pair.example"}).front().host];
  }
  CHECK_EQ(hosts.size(), 2U);
  CHECK_EQ(hosts.count("mx.example.net"), 0U);
}

TEST_CASE("the attempt is given up before the end when its owner says so") {
  for (const char* const extension : {"HELP", "CHUNKING"}) {
    World world;
    Behaviour behaviour;
    behaviour.extensions.push_back(extension);
    world.peer.set(behaviour);
    world.commit = false;
    const Outcome outcome = world.send_one();
    CHECK_EQ(outcome.verdict, Verdict::deferred);
    CHECK_FALSE(outcome.destination_down);
    CHECK(world.peer.heard().messages.empty());
  }
}

TEST_CASE("a slow host is waited for until the deadline, and no longer") {
  World world;
  world.config.timeouts = {};
  world.open();
  Behaviour behaviour;
  behaviour.says["EHLO"] = {"250-never ends"};
  world.peer.set(behaviour);
  const auto began = std::chrono::steady_clock::now();
  const auto outcome = world.send(world.destination(), world.message(), {"to@example.net"}, 300ms).front();
  CHECK_LT(std::chrono::steady_clock::now() - began, 5s);
  CHECK_EQ(outcome.verdict, Verdict::deferred);
  CHECK_EQ(outcome.status, "4.4.1");
}

TEST_CASE("a large message goes in pieces, by DATA with dots and by BDAT without") {
  for (const bool chunking : {false, true}) {
    World world;
    Behaviour behaviour;
    if (chunking) behaviour.extensions.push_back("CHUNKING");
    world.peer.set(behaviour);
    world.content = "Subject: large\r\n\r\n";
    while (world.content.size() < 600'000) world.content += "..dots\r\n.\r\n" + std::string(70, 'x') + "\r\n";
    world.piece = 1000;
    CHECK_EQ(world.send_one().verdict, Verdict::delivered);
    CHECK(world.peer.heard().messages == std::vector<std::string>{world.content});
  }
}

TEST_CASE("what a host cannot do for a message is seen before anything is sent") {
  World world;
  Behaviour behaviour;
  behaviour.extensions = {"SIZE 10"};
  world.peer.set(behaviour);
  CHECK_EQ(world.send_one().status, "5.3.4");
  behaviour.extensions = {"PIPELINING"};
  world.peer.set(behaviour);
  Message message = world.message();
  message.envelope.body = smtp::BodyType::binary_mime;
  CHECK_EQ(world.send(world.destination(), message, {"a@example.net"}).front().status, "5.6.3");
  message.envelope.body = smtp::BodyType::eight_bit_mime;  // declared, and not so: RFC 6152 §3
  CHECK_EQ(world.send(world.destination(), message, {"a@example.net"}).front().verdict, Verdict::delivered);
  world.content += "caf\xC3\xA9\r\n";
  CHECK_EQ(world.send(world.destination(), message, {"a@example.net"}).front().status, "5.6.3");
  // RFC 6531 §3.5: only the recipient who needs it is refused.
  world.content = "Subject: x\r\n\r\nx\r\n";
  message.envelope.body = smtp::BodyType::seven_bit;
  const auto outcomes = world.send(world.destination(), message, {"a@example.net", "\xC3\xA9@example.net"});
  CHECK_EQ(outcomes[0].verdict, Verdict::delivered);
  CHECK_EQ(outcomes[1].status, "5.6.7");
  message.envelope.smtputf8 = true;
  CHECK_EQ(world.send(world.destination(), message, {"a@example.net"}).front().verdict, Verdict::delivered);
  message.eight_bit_header = true;
  CHECK_EQ(world.send(world.destination(), message, {"a@example.net"}).front().status, "5.6.7");
  message.eight_bit_header = false;
  message.envelope.require_tls = true;
  CHECK_EQ(world.send(world.destination(), message, {"a@example.net"}).front().status, "5.7.10");
}

TEST_CASE("parameters go to hosts that know them, and only there") {
  World world;
  Message message = world.message();
  message.envelope.ret = smtp::Return::headers;
  message.envelope.envid = "QQ314159";
  message.envelope.priority = 3;
  smtp::Recipient recipient{
      .address = "to@example.net", .notify = {.success = true, .failure = true}, .orcpt = "rfc822;to@example.net"};
  const auto send = [&] {
    return net::run(world.outbound->send(world.destination(), message, {recipient}, [] { return true; },
                                         std::chrono::steady_clock::now() + 20s, {}))
        .front();
  };
  const Outcome plain = send();
  CHECK_EQ(plain.verdict, Verdict::delivered);
  CHECK_FALSE(plain.reports);
  CHECK(heard(world, "RCPT TO:<to@example.net>"));
  Behaviour behaviour;
  behaviour.extensions = {"DSN", "MT-PRIORITY", "SMTPUTF8", "8BITMIME"};
  world.peer.set(behaviour);
  CHECK(send().reports);
  CHECK(heard(world, "MAIL FROM:<from@example.org> RET=HDRS ENVID=QQ314159 MT-PRIORITY=3"));
  CHECK(heard(world, "RCPT TO:<to@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;to@example.net"));
}

TEST_CASE("LMTP answers for each recipient") {
  World world;
  Behaviour behaviour;
  behaviour.lmtp = true;
  behaviour.says["."] = {"250 2.0.0 a", "452 4.2.2 b is full", "550 5.2.1 c is gone"};
  world.peer.set(behaviour);
  const Destination lmtp{
      .domain = "example.net", .hosts = {{.name = "127.0.0.1", .port = world.peer.port()}}, .lmtp = true};
  const auto outcomes = world.send(lmtp, world.message(), {"a@x.example", "b@x.example", "c@x.example"});
  CHECK_EQ(outcomes[0].verdict, Verdict::delivered);
  CHECK_EQ(outcomes[1].verdict, Verdict::deferred);
  CHECK_EQ(outcomes[2].verdict, Verdict::failed);
  CHECK(heard(world, "LHLO us.example.org"));
}

TEST_CASE("LMTP over a Unix socket") {
  World world;
  tests::TempDir directory;
  const std::string path = directory.path() + "/lmtp";
  test::Peer peer([&](net::Loop& loop) { return net::listen_unix(loop, path, 0600); });
  peer.set({.lmtp = true});
  const Destination lmtp{.domain = "example.net", .hosts = {{.path = path}}, .lmtp = true};
  const Outcome outcome = world.send(lmtp, world.message(), {"a@x.example"}).front();
  CHECK_EQ(outcome.verdict, Verdict::delivered);
  CHECK_EQ(outcome.host, path);
  CHECK_EQ(outcome.address, "");
  const Destination gone{.domain = "example.net", .hosts = {{.path = path + "x"}}, .lmtp = true};
  CHECK_EQ(world.send(gone, world.message(), {"a@x.example"}).front().verdict, Verdict::deferred);
}

TEST_CASE("connections come from the address that was asked for") {
  World world;
  Destination to{.domain = "example.net", .source_address = {"127.0.0.9"}};
  CHECK_EQ(world.send(to, world.message(), {"a@example.net"}).front().verdict, Verdict::delivered);
  CHECK_EQ(world.peer.heard().from, "127.0.0.9");
  to.source_address = {"192.0.2.9"};
  CHECK_EQ(world.send(to, world.message(), {"a@example.net"}).front().verdict, Verdict::deferred);
  // Only an IPv6 address to come from: hosts with IPv4 alone cannot be reached.
  to.source_address = {"::1"};
  CHECK_EQ(world.send(to, world.message(), {"a@example.net"}).front().status, "5.4.4");
}

TEST_CASE("LMTP whose connection is lost among its answers delivers what was answered") {
  World world;
  Behaviour behaviour;
  behaviour.lmtp = true;
  const Destination lmtp{
      .domain = "example.net", .hosts = {{.name = "127.0.0.1", .port = world.peer.port()}}, .lmtp = true};
  bool halfway = false;
  for (behaviour.cut_after = 100; behaviour.cut_after < 600 && !halfway; ++behaviour.cut_after) {
    world.peer.set(behaviour);
    const auto outcomes = world.send(lmtp, world.message(), {"a@x.example", "b@x.example"});
    halfway = outcomes[0].verdict == Verdict::delivered && outcomes[1].verdict == Verdict::deferred;
    CHECK_NE(outcomes[1].verdict, Verdict::failed);
  }
  CHECK(halfway);
}

TEST_CASE("connections are used again, and a dead one harms nobody") {
  World world;
  world.config.idle_timeout = 5s;
  world.open();
  const auto twice = [](World& w) -> net::Task<std::vector<Outcome>> {
    std::vector<Outcome> all;
    for (int i = 0; i < 3; ++i) {
      auto outcomes = co_await w.outbound->send(w.destination(), w.message(), {{.address = "to@example.net"}},
                                                [] { return true; }, std::chrono::steady_clock::now() + 10s, {});
      all.push_back(outcomes.front());
      co_await net::sleep_for(20ms);
    }
    co_return all;
  };
  for (const Outcome& one : net::run(twice(world))) CHECK_EQ(one.verdict, Verdict::delivered);
  CHECK_EQ(world.peer.heard().connections, 1U);
  CHECK_EQ(world.peer.heard().messages.size(), 3U);
  // A host that ends the second transaction by 421: the first was delivered, the next gets a new connection.
  Behaviour behaviour;
  behaviour.says["MAIL"] = {"250 fine", "421 4.4.2 idle for too long", "250 fine"};
  world.peer.set(behaviour);
  world.peer.forget();
  for (const Outcome& one : net::run(twice(world))) CHECK_EQ(one.verdict, Verdict::delivered);
  CHECK_EQ(world.peer.heard().connections, 3U);
}

TEST_CASE("whether a recipient is taken can be asked without sending anything") {
  World world;
  const auto ask = [&] {
    return net::run(
        world.outbound->verify(world.destination(), "", "who@example.net", std::chrono::steady_clock::now() + 10s, {}));
  };
  CHECK_EQ(ask().verdict, Verdict::delivered);
  Behaviour behaviour;
  behaviour.says["RCPT"] = {"550 5.1.1 nobody"};
  world.peer.set(behaviour);
  const Outcome nobody = ask();
  CHECK_EQ(nobody.verdict, Verdict::failed);
  CHECK_EQ(nobody.status, "5.1.1");
  CHECK(world.peer.heard().messages.empty());
  CHECK(heard(world, "RSET"));
}

TEST_CASE("what may pass counts more than what is for good") {
  const Outcome now = out_of_reach("4.4.1", "no answer");
  const Outcome never = failed("5.4.4", "no address");
  CHECK_EQ(worse(now, never).verdict, Verdict::deferred);
  CHECK_EQ(worse(never, now).verdict, Verdict::deferred);
  CHECK_FALSE(worse(now, never).destination_down);
  CHECK(worse(now, now).destination_down);
  CHECK_EQ(worse(never, never).verdict, Verdict::failed);
}

}  // namespace
}  // namespace outbound
