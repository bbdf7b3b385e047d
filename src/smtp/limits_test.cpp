// What a session does with the guard: limits of a minute, wrong passwords, bans; and clients that do not wait for the
// greeting.

#include <doctest/doctest.h>

#include "../../tests/support/guarded.h"
#include "../../tests/support/plain_tls.h"
#include "base/text.h"
#include "net/loop.h"
#include "net/memory_stream.h"
#include "smtp/fake_host.h"
#include "smtp/session.h"

namespace smtp {
namespace {

using namespace std::chrono_literals;

/// A client of a server that has a guard; one session after the other.
class Talk {
 public:
  explicit Talk(guard::Config limits, Service service = Service::mx) : guarded(limits) {
    mode.service = service;
    mode.guard = guarded.guard.get();
    mode.implicit_tls = service == Service::submission;
    tls = [] { return std::make_shared<tests::PlainAcceptor>(); };
    config.hostname = "mx.example.test";
  }

  net::Task<std::string> connect(std::string address = "192.0.2.1") {
    open(std::move(address));
    co_return co_await reply();
  }
  void open(std::string address) {
    live.set(config);
    auto [ours, theirs] = net::memory_pair({.peer_address = "192.0.2.25"},
                                           {.peer_address = std::move(address), .local_address = "192.0.2.25"});
    client = std::move(ours);
    client->set_deadline(std::chrono::steady_clock::now() + 20s);
    buffer_.clear();
    ended = false;
    net::Loop::current()->spawn(serve_it(*this, std::move(theirs)));
  }
  net::Task<std::string> reply() {
    std::string last = co_await line();
    while (last.size() > 3 && last[3] == '-') last = co_await line();
    co_return last;
  }
  net::Task<std::string> ask(std::string command) {
    co_await client->write(command + "\r\n");
    co_return co_await reply();
  }
  /// "" at the end of the connection.
  net::Task<std::string> line() {
    while (buffer_.find('\n') == std::string::npos) {
      char bytes[4096];
      const std::size_t count = co_await client->read(bytes);
      if (count == 0) co_return std::exchange(buffer_, {});
      buffer_.append(bytes, count);
    }
    std::string line = buffer_.substr(0, buffer_.find('\n') - 1);
    buffer_.erase(0, line.size() + 2);
    co_return line;
  }
  net::Task<void> hang_up() {
    client.reset();
    for (int i = 0; i < 4000 && !ended; ++i) co_await net::sleep_for(5ms);
    REQUIRE(ended);
  }

  tests::Guarded guarded;
  FakeHost host;
  Config config;
  base::Live<Config> live{};
  Mode mode;
  TlsSource tls;
  std::unique_ptr<net::Stream> client;
  bool ended = false;

 private:
  static net::Task<void> serve_it(Talk& talk, std::unique_ptr<net::Stream> stream) {
    try {
      co_await serve(std::move(stream), talk.host, talk.live, std::make_shared<const Mode>(talk.mode), talk.tls,
                     base::system_clock(), {}, {});
    } catch (const net::Closed&) {
    }
    talk.ended = true;
  }
  std::string buffer_;
};

bool is(const std::string& line, std::string_view begins) { return line.starts_with(begins); }

net::Task<void> sends_too_much(Talk& talk) {
  co_await talk.connect();
  co_await talk.ask("EHLO c");
  for (int i = 0; i < 3; ++i) {
    CHECK(is(co_await talk.ask("MAIL FROM:<a@example.org>"), "250 "));
    CHECK(is(co_await talk.ask("RCPT TO:<u1@example.test>"), "250 "));
    co_await talk.ask("RSET");
  }
  CHECK_EQ(co_await talk.ask("MAIL FROM:<a@example.org>"),
           "450 4.7.1 Too many messages from your address within a minute, try again later");
  CHECK(is(co_await talk.ask("NOOP"), "250 "));
  co_await talk.hang_up();
  // In the next session as well, and somebody else is not touched.
  co_await talk.connect();
  co_await talk.ask("EHLO c");
  CHECK(is(co_await talk.ask("MAIL FROM:<a@example.org>"), "450 4.7.1 "));
  co_await talk.hang_up();
  co_await talk.connect("198.51.100.1");
  co_await talk.ask("EHLO c");
  CHECK(is(co_await talk.ask("MAIL FROM:<a@example.org>"), "250 "));
  co_await talk.hang_up();
}
TEST_CASE("a message too many within a minute is put off, in whichever session it comes") {
  Talk talk({.stranger = {.messages = 3}, .records = 256});
  net::run(sends_too_much(talk));
}

net::Task<void> writes_to_too_many(Talk& talk) {
  co_await talk.connect("192.0.2.77");
  co_await talk.ask("EHLO c");
  co_await talk.ask("MAIL FROM:<a@example.org>");
  CHECK(is(co_await talk.ask("RCPT TO:<u1@example.test>"), "250 "));
  CHECK(is(co_await talk.ask("RCPT TO:<u2@example.test>"), "250 "));
  CHECK_EQ(co_await talk.ask("RCPT TO:<u3@example.test>"),
           "450 4.7.1 Too many recipients from your address within a minute, try again later");
  // The message goes to those that were taken.
  CHECK(is(co_await talk.ask("DATA"), "354 "));
  CHECK(is(co_await talk.ask("Subject: x\r\n\r\ny\r\n."), "250 "));
  co_await talk.hang_up();

  co_await talk.connect("192.0.2.78");
  co_await talk.ask("EHLO c");
  co_await talk.ask("MAIL FROM:<a@example.org>");
  CHECK_EQ(co_await talk.ask("RCPT TO:<u1@example.test>"),
           "450 4.7.1 Too many recipients from your network within a minute, try again later");
  co_await talk.hang_up();
}
TEST_CASE("a recipient too many is put off alone, by client and by network") {
  Talk talk({.stranger = {.recipients = 2}, .network_factor = 1, .records = 256});
  net::run(writes_to_too_many(talk));
  CHECK_EQ(talk.host.accepted.size(), 1);
}

net::Task<void> floods_with_errors(Talk& talk) {
  co_await talk.connect();
  co_await talk.ask("EHLO c");
  for (int i = 0; i < 5; ++i) CHECK(is(co_await talk.ask("NONSENSE"), "500 "));
  CHECK_EQ(co_await talk.reply(),
           "421 4.7.0 mx.example.test too many errors from your address within a minute, try again later");
  CHECK_EQ(co_await talk.reply(), "");
  co_await talk.hang_up();
}
TEST_CASE("errors are counted over the sessions of a client") {
  Talk talk({.stranger = {.errors = 5}, .records = 256});
  net::run(floods_with_errors(talk));
  const auto refusal = talk.guarded.guard->connect(guard::Visitor::of("192.0.2.1", guard::Group::strangers, false));
  REQUIRE(refusal);
  CHECK_EQ(refused_connection("mx.example.test", *refusal),
           "421 4.7.0 mx.example.test too many errors from your address within a minute, try again later\r\n");
}

net::Task<void> guesses(Talk& talk) {
  co_await talk.connect();
  co_await talk.ask("EHLO c");
  // The same wrong password again is no other guess.
  for (int i = 0; i < 4; ++i) CHECK(is(co_await talk.ask("AUTH PLAIN AHUxAHdyb25n"), "535 5.7.8 "));
  CHECK(is(co_await talk.ask("AUTH PLAIN AHUxAHdyb25nMg=="), "535 5.7.8 "));
  CHECK(is(co_await talk.ask("AUTH LOGIN"), "334 "));
  CHECK(is(co_await talk.ask("dTE="), "334 "));
  CHECK(is(co_await talk.ask("d3Jvbmcz"), "535 5.7.8 "));
  CHECK_EQ(co_await talk.reply(), "421 4.7.0 mx.example.test your address is banned for now, try again later");
  CHECK_EQ(co_await talk.reply(), "");
  co_await talk.hang_up();
  // A session that was open meanwhile tries no more.
  co_await talk.connect();
  co_await talk.ask("EHLO c");
  CHECK(is(co_await talk.ask("AUTH PLAIN AHUxQGV4YW1wbGUudGVzdABzZWNyZXQ="), "421 4.7.0 "));
  co_await talk.hang_up();
}
TEST_CASE("who guesses passwords is banned, whatever the mechanism, and its session ends") {
  Talk talk({.records = 256, .wrong_passwords = 3}, Service::submission);
  net::run(guesses(talk));
}

net::Task<void> guesses_by_scram(Talk& talk) {
  co_await talk.connect();
  co_await talk.ask("EHLO c");
  for (int i = 0; i < 3; ++i) {
    const std::string challenge =
        co_await talk.ask("AUTH SCRAM-SHA-256 " + base::base64_encode("n,,n=u1@example.test,r=abc"));
    CHECK(is(challenge, "334 "));
    const std::string first = *base::base64_decode(std::string_view(challenge).substr(4));
    const std::string nonce = first.substr(2, first.find(',') - 2);
    const std::string proof(32, static_cast<char>('a' + i));
    const std::string last = "c=biws,r=" + nonce + ",p=" + base::base64_encode(proof);
    CHECK(is(co_await talk.ask(base::base64_encode(last)), "535 5.7.8 "));
  }
  CHECK(is(co_await talk.reply(), "421 4.7.0 "));
  co_await talk.hang_up();
}
TEST_CASE("guesses by SCRAM, whose proofs tell no password, count as well") {
  Talk talk({.records = 256, .wrong_passwords = 3}, Service::submission);
  net::run(guesses_by_scram(talk));
}

net::Task<void> many_logins(Talk& talk) {
  for (const char* expected : {"235 ", "235 ", "454 4.7.0 Too many logins of this account "}) {
    co_await talk.connect();
    co_await talk.ask("EHLO c");
    CHECK(is(co_await talk.ask("AUTH PLAIN AHUxQGV4YW1wbGUudGVzdABzZWNyZXQ="), expected));
    co_await talk.hang_up();
  }
}

TEST_CASE("an account logs in so many times a minute, whoever does it") {
  Talk talk({.account = {.logins = 2}, .records = 256}, Service::submission);
  net::run(many_logins(talk));
}

net::Task<void> early(Talk& talk, bool speaks, std::string expected) {
  talk.open("192.0.2.1");
  const auto start = std::chrono::steady_clock::now();
  if (speaks) co_await talk.client->write("EHLO c\r\n");
  CHECK_EQ(co_await talk.reply(), expected);
  if (speaks) {
    CHECK_EQ(co_await talk.reply(), "");
  } else {
    CHECK(std::chrono::steady_clock::now() - start >= 1s);
    CHECK(is(co_await talk.ask("EHLO c"), "250 "));
  }
  co_await talk.hang_up();
}
net::Task<void> speaks_at_once(Talk& talk, std::string expected) {
  talk.open("192.0.2.1");
  co_await talk.client->write("EHLO c\r\n");
  CHECK_EQ(co_await talk.reply(), expected);
  CHECK(is(co_await talk.reply(), "250 "));
  co_await talk.hang_up();
}
TEST_CASE("who speaks before the greeting is refused, who waits is served, and nobody else has to") {
  Talk talk({.records = 256});
  talk.config.greet_delay = 1s;
  const std::string greeting = "220 mx.example.test ESMTP postrider ready";
  net::run(early(talk, true, "554 5.5.0 You spoke before the greeting, which RFC 5321 section 4.3.1 forbids"));
  net::run(early(talk, false, greeting));
  talk.config.greet_delay = 0s;
  net::run(speaks_at_once(talk, greeting));
  talk.config.greet_delay = 60s;
  talk.mode.exempt = [](std::string_view) { return true; };
  net::run(speaks_at_once(talk, greeting));
}

TEST_CASE("a connection that is turned away is told why, in one line") {
  const auto line = [](guard::Refusal refusal) { return refused_connection("mx.example.test", refusal); };
  CHECK_EQ(line({.banned = true, .for_good = true}),
           "554 5.7.1 mx.example.test takes no connections from your address\r\n");
  CHECK_EQ(line({.banned = true}), "421 4.7.0 mx.example.test your address is banned for now, try again later\r\n");
  CHECK_EQ(line({.limit = {guard::What::connections, guard::Scope::client}}),
           "421 4.7.0 mx.example.test too many connections from your address within a minute, try again later\r\n");
  CHECK_EQ(line({.limit = {guard::What::connections, guard::Scope::all}}),
           "421 4.7.0 mx.example.test too many connections from all together within a minute, try again later\r\n");
}

}  // namespace
}  // namespace smtp
