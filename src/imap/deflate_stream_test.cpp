// COMPRESS=DEFLATE (RFC 4978): what a session says and hears through it, and what a client may not do with it.
#include "imap/deflate_stream.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <random>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

net::Task<void> compress(Client& client) {
  const Lines answer = co_await client.command("COMPRESS DEFLATE");
  CHECK(answer == Lines{"t OK DEFLATE active"});
  client.wrap(make_deflate_stream);
}

// RFC 4978 §3: everything behind the tagged OK is compressed, both ways; nothing else changes.
net::Task<void> both_ways(World& world, Client& one, Client& two) {
  co_await compress(one);
  CHECK(co_await one.command("COMPRESS DEFLATE") == Lines{"t BAD DEFLATE is active already"});
  std::string text = "Subject: large\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i * 7919) + " of the message\r\n";
  const Lines appended = co_await one.command("APPEND INBOX {" + std::to_string(text.size()) + "+}\r\n" + text);
  CHECK(appended.back().ends_with("APPEND completed"));
  CHECK((co_await two.command("NOOP"))[0] == "* 2 EXISTS");
  const Lines fetched = co_await one.command("FETCH 2 BODY[TEXT]");
  CHECK(fetched.size() > 20'000);
  CHECK(fetched[1] == "line 0 of the message");
  CHECK(fetched[20'000] == "line " + std::to_string(19'999 * 7919) + " of the message");
  (void)world;
}
TEST_CASE("a session goes on compressed, in both directions") { tell(both_ways, 1); }

// What one client does wakes another that waits within its compressed IDLE.
net::Task<void> woken(World&, Client& one, Client& two) {
  co_await compress(one);
  co_await one.send("i IDLE\r\n");
  CHECK((co_await one.line()).starts_with("+ "));
  (void)co_await two.command("STORE 1 +FLAGS.SILENT (\\Flagged)");
  CHECK((co_await one.line()).contains("FLAGS (\\Flagged"));
  co_await one.send("DONE\r\n");
  CHECK(co_await one.line() == "i OK IDLE completed");
  // RFC 8437: another user comes through the same layer.
  CHECK(co_await one.command("UNAUTHENTICATE") == Lines{"t OK UNAUTHENTICATE completed"});
  CHECK((co_await one.command("LOGIN u1@example.test test")).back().starts_with("t OK [CAPABILITY "));
  CHECK(co_await one.command("COMPRESS DEFLATE") == Lines{"t BAD DEFLATE is active already"});
}
TEST_CASE("a compressed session is woken, and keeps its layer when its user goes") { tell(woken, 1); }

net::Task<void> garbage(World&, Client& one, Client& two) {
  // Sent behind COMPRESS before its answer: it would be read as compressed, so there is no compression.
  co_await one.send("a COMPRESS DEFLATE\r\nb NOOP\r\n");
  CHECK(co_await one.line() == "a BAD Nothing may follow COMPRESS before its answer");
  CHECK(co_await one.line() == "b OK NOOP completed");
  CHECK(co_await one.command("COMPRESS DEFLATE") == Lines{"t OK DEFLATE active"});
  co_await one.send("c NOOP in the clear\r\n");
  CHECK_THROWS_AS((void)co_await one.line(), net::Closed);
  CHECK((co_await two.command("NOOP")).back() == "t OK NOOP completed");
}
TEST_CASE("what is not compressed ends the session, and no other") { tell(garbage, 1); }

// A few bytes that become very many are read like any others: within the limits of a command.
net::Task<void> bomb(World&, Client& one, Client& two) {
  CHECK(co_await one.command("COMPRESS DEFLATE") == Lines{"t OK DEFLATE active"});
  z_stream out{};
  REQUIRE(deflateInit2(&out, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  const std::string zeros(1 << 20, 'x');
  std::string small(100'000, '\0');
  out.next_out = reinterpret_cast<Bytef*>(small.data());
  out.avail_out = static_cast<uInt>(small.size());
  for (int i = 0; i < 50; ++i) {
    out.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
    out.avail_in = static_cast<uInt>(zeros.size());
    deflate(&out, i == 49 ? Z_SYNC_FLUSH : Z_NO_FLUSH);
  }
  small.resize(small.size() - out.avail_out);
  deflateEnd(&out);
  CHECK(small.size() < 100'000);
  try {
    co_await one.send(small);
    one.wrap(make_deflate_stream);
    const std::string answer = co_await one.line();
    CHECK(answer.ends_with(" BAD The command is too long"));
  } catch (const net::Closed&) {
  }
  CHECK((co_await two.command("NOOP")).back() == "t OK NOOP completed");
}
TEST_CASE("a bomb is a long line") { tell(bomb, 1); }

net::Task<void> any_cuts(bool& done) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    auto [left, right] = net::memory_pair({}, {});
    auto one = make_deflate_stream(std::move(left));
    auto two = make_deflate_stream(std::move(right));
    std::string sent;
    std::string got;
    for (int i = 0; i < 20; ++i) {
      std::string piece(random() % 300, '\0');
      for (char& c : piece) c = static_cast<char>(random() % (i % 2 == 0 ? 4 : 256));
      co_await one->write(piece);
      sent += piece;
      while (got.size() < sent.size() && random() % 4 != 0) {
        if (random() % 2 == 0) CHECK(co_await two->wait() == net::Ready::data);
        char bytes[64];
        got.append(bytes, co_await two->read(std::span(bytes, 1 + random() % sizeof bytes)));
      }
    }
    while (got.size() < sent.size()) {
      char bytes[1000];
      CHECK(co_await two->wait() == net::Ready::data);
      got.append(bytes, co_await two->read(bytes));
    }
    CHECK(got == sent);
    two->wake();
    CHECK(co_await two->wait() == net::Ready::woken);
    one.reset();
    char byte[1];
    CHECK(co_await two->wait() == net::Ready::data);
    CHECK(co_await two->read(byte) == 0);
  }
  done = true;
}
TEST_CASE("property: what is written is read, in any pieces, and a wait gives what can be read") {
  bool done = false;
  net::run(any_cuts(done));
  CHECK(done);
}

}  // namespace
}  // namespace imap
