// What a dialog cannot show: TLS, time, size, and the end of the server.

#include "smtp/session.h"

#include <doctest/doctest.h>

#include "net/loop.h"
#include "net/memory_stream.h"
#include "smtp/fake_host.h"

namespace smtp {
namespace {

using namespace std::chrono_literals;

/// A server end and a client end, and what the client reads.
class Talk {
 public:
  FakeHost host;
  Config config{.hostname = "mx.example.test", .command_timeout = 20s};
  Mode mode;
  TlsSource tls;
  net::Stopping stopping;
  std::unique_ptr<net::Stream> client;
  net::Stream* server = nullptr;  // until TLS has taken it
  bool ended = false;
  std::optional<net::Closed::Why> closed;

  void start() {
    auto [ours, theirs] = net::memory_pair({.peer_address = "192.0.2.25"}, {.peer_address = "192.0.2.1"});
    client = std::move(ours);
    client->set_deadline(std::chrono::steady_clock::now() + 20s);
    server = theirs.get();
    net::Loop::current()->spawn(serve_it(*this, std::move(theirs)));
  }
  net::Task<void> say(std::string text) { co_await client->write(text); }
  /// One line without its line end; "" at the end of the connection.
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
  /// The last line of the reply to a command.
  net::Task<std::string> ask(std::string command) {
    co_await say(command + "\r\n");
    co_return co_await reply();
  }
  net::Task<std::string> reply() {
    std::string last = co_await line();
    while (last.size() > 3 && last[3] == '-') last = co_await line();
    co_return last;
  }
  net::Task<void> wait_for_end() {
    for (int i = 0; i < 4000 && !ended; ++i) co_await net::sleep_for(5ms);
    REQUIRE(ended);
  }

 private:
  static net::Task<void> serve_it(Talk& talk, std::unique_ptr<net::Stream> stream) {
    try {
      co_await serve(std::move(stream), talk.host, talk.config, talk.mode, talk.tls, base::system_clock(), {},
                     talk.stopping);
    } catch (const net::Closed& closed) {
      talk.closed = closed.why;
    }
    talk.ended = true;
  }
  std::string buffer_;
};

net::Task<void> to_its_end(net::Task<void> story, Talk& talk) {
  co_await std::move(story);
  talk.client.reset();  // streams do not outlive their loop
  co_await talk.wait_for_end();
}

void run(net::Task<void> story, Talk& talk) { net::run(to_its_end(std::move(story), talk)); }

TlsSource self_signed() {
  static const auto acceptor = [] {
    const auto pair = tls::make_self_signed({"mx.example.test"}, base::system_clock().now());
    return *tls::make_acceptor(*pair);
  }();
  return [] { return acceptor; };
}

net::Task<void> start_tls(Talk& talk) {
  const auto connector = *tls::make_connector("");
  talk.client = co_await connector->connect(std::move(talk.client), "mx.example.test");
  talk.client->set_deadline(std::chrono::steady_clock::now() + 20s);
}

bool is(const std::string& line, std::string_view begins) { return line.starts_with(begins); }

// --- TLS -------------------------------------------------------------------------------------------------------------

net::Task<void> submit_over_starttls(Talk& talk) {
  talk.start();
  co_await talk.reply();
  co_await talk.ask("EHLO c");
  CHECK_EQ(co_await talk.ask("STARTTLS"), "220 2.0.0 Ready to start TLS");
  co_await start_tls(talk);
  CHECK(is(co_await talk.ask("MAIL FROM:<u1@example.test>"), "503 5.5.1 "));
  co_await talk.ask("EHLO c");
  CHECK(is(co_await talk.ask("AUTH PLAIN AHUxQGV4YW1wbGUudGVzdABzZWNyZXQ="), "235 "));
  CHECK(is(co_await talk.ask("MAIL FROM:<u1@example.test>"), "250 "));
  CHECK(is(co_await talk.ask("RCPT TO:<b@example.net>"), "250 "));
  CHECK(is(co_await talk.ask("DATA"), "354 "));
  CHECK_EQ(co_await talk.ask("Subject: x\r\n\r\ny\r\n."), "250 2.0.0 OK id=1");
  // The password was changed meanwhile: in the middle of a transaction, which ends with it.
  CHECK(is(co_await talk.ask("MAIL FROM:<u1@example.test>"), "250 "));
  talk.host.login_ended = true;
  CHECK(is(co_await talk.ask("RCPT TO:<b@example.net>"), "530 5.7.0 The login is no longer valid"));
  CHECK(is(co_await talk.ask("RCPT TO:<b@example.net>"), "503 5.5.1 "));
  CHECK(is(co_await talk.ask("MAIL FROM:<u1@example.test>"), "530 5.7.0 Authentication required"));
  CHECK(is(co_await talk.ask("QUIT"), "221 "));
  CHECK_EQ(co_await talk.line(), "");
  co_await talk.wait_for_end();
  CHECK_FALSE(talk.closed.has_value());
}

TEST_CASE("a user submits over STARTTLS, until the login ends") {
  Talk talk;
  talk.mode.service = Service::submission;
  talk.tls = self_signed();
  run(submit_over_starttls(talk), talk);
  REQUIRE_EQ(talk.host.accepted.size(), 1);
  CHECK_EQ(talk.host.accepted[0].user, "u1@example.test");
}

net::Task<void> greet_over_tls(Talk& talk) {
  talk.start();
  co_await start_tls(talk);
  CHECK(is(co_await talk.reply(), "220 "));
  CHECK(is(co_await talk.ask("EHLO c"), "250 "));
  CHECK(is(co_await talk.ask("STARTTLS"), "503 "));
  talk.client.reset();
  co_await talk.wait_for_end();
  CHECK(talk.closed.has_value());
}

TEST_CASE("with implicit TLS the greeting comes under it") {
  Talk talk;
  talk.mode = {.service = Service::submission, .implicit_tls = true, .trusted = {}};
  talk.tls = self_signed();
  run(greet_over_tls(talk), talk);
}

net::Task<void> inject(Talk& talk) {
  talk.start();
  co_await talk.reply();
  // As somebody on the way would: one packet with the client's STARTTLS and commands of their own.
  co_await talk.say("EHLO c\r\nSTARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<u1@example.test>\r\n");
  co_await talk.reply();
  CHECK(is(co_await talk.reply(), "220 2.0.0 "));
  co_await start_tls(talk);
  CHECK(is(co_await talk.ask("RCPT TO:<u1@example.test>"), "503 "));
  CHECK(is(co_await talk.ask("DATA"), "503 "));
  CHECK(is(co_await talk.ask("NOOP"), "250 "));
}

TEST_CASE("what was sent in the clear behind STARTTLS is never executed") {
  Talk talk;
  talk.tls = self_signed();
  run(inject(talk), talk);
  CHECK(talk.host.accepted.empty());
}

net::Task<void> talk_plain_after_starttls(Talk& talk) {
  talk.start();
  co_await talk.reply();
  CHECK(is(co_await talk.ask("STARTTLS"), "220 "));
  co_await talk.say("EHLO evil\r\nMAIL FROM:<evil@example.org>\r\n");
  co_await talk.wait_for_end();
  REQUIRE(talk.closed.has_value());
  CHECK(*talk.closed == net::Closed::Why::tls);
}

TEST_CASE("plaintext in place of the handshake ends the session") {
  Talk talk;
  talk.tls = self_signed();
  run(talk_plain_after_starttls(talk), talk);
}

// --- Time ------------------------------------------------------------------------------------------------------------

net::Task<void> say_nothing(Talk& talk, std::string before) {
  talk.start();
  co_await talk.reply();
  if (!before.empty()) co_await talk.say(before);
  std::string last = co_await talk.line();
  while (!is(last, "421 ") && !last.empty()) last = co_await talk.line();
  CHECK_EQ(last, "421 4.4.2 mx.example.test timed out, closing connection");
  co_await talk.wait_for_end();
}

TEST_CASE("a client that says nothing, or stops within a message, is told 421 and sent away") {
  for (const char* before :
       {"", "EHLO c", "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@example.test>\r\nDATA\r\nhalf a mess",
        "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@example.test>\r\nBDAT 10 LAST\r\nhalf"}) {
    Talk talk;
    talk.config.command_timeout = 1s;
    talk.config.data_timeout = 1s;
    run(say_nothing(talk, before), talk);
    CHECK(talk.host.accepted.empty());
  }
}

net::Task<void> say_nothing_over_tls(Talk& talk) {
  talk.start();
  co_await start_tls(talk);
  co_await talk.reply();
  CHECK_EQ(co_await talk.line(), "421 4.4.2 mx.example.test timed out, closing connection");
  co_await talk.wait_for_end();
}

TEST_CASE("the same under TLS") {
  Talk talk;
  talk.mode.implicit_tls = true;
  talk.tls = self_signed();
  talk.config.command_timeout = 1s;
  run(say_nothing_over_tls(talk), talk);
}

net::Task<void> hold_back_a_chunk(Talk& talk) {
  talk.start();
  co_await talk.reply();
  co_await talk.say("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@example.test>\r\nBDAT 3 LAST\r\n");
  co_await talk.reply();
  CHECK(is(co_await talk.reply(), "250 2.1.0 "));
  CHECK(is(co_await talk.reply(), "250 2.1.5 "));
  CHECK_EQ(co_await talk.ask("x"), "250 2.0.0 OK id=1");
}

TEST_CASE("a client may wait for its replies before it sends the octets that it announced") {
  Talk talk;
  run(hold_back_a_chunk(talk), talk);
}

TEST_CASE("a session ends some time, whatever the client does") {
  Talk talk;
  talk.config.session_timeout = 1s;
  run(say_nothing(talk, "NOOP\r\n"), talk);
}

net::Task<void> drip(Talk& talk) {
  talk.start();
  co_await talk.reply();
  try {
    for (int i = 0; i < 100 && !talk.ended; ++i) {
      co_await talk.say("N");
      co_await net::sleep_for(100ms);
    }
  } catch (const net::Closed&) {
  }
  co_await talk.wait_for_end();
  CHECK(is(co_await talk.line(), "421 4.4.2 "));
}

TEST_CASE("a byte now and then does not keep a command waiting for ever") {
  Talk talk;
  talk.config.command_timeout = 1s;
  const auto began = std::chrono::steady_clock::now();
  run(drip(talk), talk);
  CHECK_LT(std::chrono::steady_clock::now() - began, 5s);
}

// --- Limits ----------------------------------------------------------------------------------------------------------

net::Task<void> send_long_lines(Talk& talk) {
  talk.start();
  co_await talk.reply();
  CHECK(is(co_await talk.ask("NOOP " + std::string(3000, 'x')), "500 5.5.2 Line too long"));
  CHECK(is(co_await talk.ask(std::string(3'000'000, 'x')), "500 5.5.2 Line too long"));
  CHECK(is(co_await talk.ask("NOOP"), "250 "));
}

TEST_CASE("over-long lines are thrown away and answered, and the session goes on") {
  Talk talk;
  run(send_long_lines(talk), talk);
}

net::Task<void> send_long_credentials(Talk& talk) {
  talk.start();
  co_await talk.reply();
  co_await talk.ask("EHLO c");
  CHECK(is(co_await talk.ask("AUTH PLAIN"), "334 "));
  CHECK(is(co_await talk.ask(std::string(12'288, 'A')), "500 5.5.6 "));
  CHECK(is(co_await talk.ask("AUTH PLAIN"), "334 "));
  // As long as RFC 4954 §4 wants it to be taken: no credentials, but a line.
  CHECK(is(co_await talk.ask(std::string(12'284, 'A')), "501 5.5.2 "));
}

TEST_CASE("a line of an authentication exchange may have 12,288 bytes") {
  Talk talk;
  talk.mode = {
      .service = Service::submission, .plaintext_auth = true, .trusted = [](std::string_view) { return true; }};
  run(send_long_credentials(talk), talk);
}

net::Task<void> send_too_many_commands(Talk& talk) {
  talk.start();
  co_await talk.reply();
  for (int i = 0; i < 3; ++i) CHECK(is(co_await talk.ask("NOOP"), "250 "));
  CHECK(is(co_await talk.ask("NOOP"), "421 4.7.0 "));
  co_await talk.wait_for_end();
}

TEST_CASE("a session has a number of commands") {
  Talk talk;
  talk.config.max_commands = 3;
  run(send_too_many_commands(talk), talk);
}

net::Task<void> send_large(Talk& talk, std::string content) {
  talk.start();
  co_await talk.reply();
  co_await talk.say("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@example.test>\r\nDATA\r\n");
  for (int i = 0; i < 4; ++i) co_await talk.reply();
  CHECK_EQ(co_await talk.ask(content + "."), "250 2.0.0 OK id=1");
}

TEST_CASE("a large message arrives in bounded pieces, byte for byte") {
  std::string content;
  for (int i = 0; content.size() < 2'000'000; ++i) content += "line " + std::to_string(i * 7919) + "\r\n";
  Talk talk;
  run(send_large(talk, content), talk);
  REQUIRE_EQ(talk.host.accepted.size(), 1);
  CHECK(talk.host.accepted[0].content == content);
  CHECK_LE(talk.host.largest_write, 64 * 1024);
}

// --- The end of the server -------------------------------------------------------------------------------------------

net::Task<void> stop_an_idle_session(Talk& talk) {
  talk.start();
  co_await talk.reply();
  co_await talk.ask("EHLO c");
  talk.stopping.request();
  talk.server->wake();
  CHECK(is(co_await talk.reply(), "421 4.3.2 "));
  co_await talk.wait_for_end();
}

TEST_CASE("a server that stops tells its idle clients") {
  Talk talk;
  run(stop_an_idle_session(talk), talk);
}

net::Task<void> stop_within_a_message(Talk& talk) {
  talk.start();
  co_await talk.reply();
  co_await talk.say("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@example.test>\r\nDATA\r\n");
  for (int i = 0; i < 4; ++i) co_await talk.reply();
  talk.stopping.request();
  talk.server->wake();
  CHECK_EQ(co_await talk.ask("text\r\n."), "250 2.0.0 OK id=1");
  CHECK(is(co_await talk.reply(), "421 4.3.2 "));
  co_await talk.wait_for_end();
}

TEST_CASE("a message that is under way when the server stops is taken first") {
  Talk talk;
  run(stop_within_a_message(talk), talk);
  CHECK_EQ(talk.host.accepted.size(), 1);
}

net::Task<void> stop_within_a_login(Talk& talk) {
  talk.start();
  co_await talk.reply();
  co_await talk.ask("EHLO c");
  CHECK(is(co_await talk.ask("AUTH LOGIN"), "334 "));
  talk.stopping.request();
  talk.server->wake();
  co_await talk.wait_for_end();
}

TEST_CASE("a login that is under way when the server stops does not hold it") {
  Talk talk;
  talk.mode = {
      .service = Service::submission, .plaintext_auth = true, .trusted = [](std::string_view) { return true; }};
  run(stop_within_a_login(talk), talk);
}

}  // namespace
}  // namespace smtp
