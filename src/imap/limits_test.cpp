// Logins and the guard: guesses, bans, and accounts that log in too often. RFC 9051 §11.7.

#include <doctest/doctest.h>

#include "../../tests/support/guarded.h"
#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::World;

struct Limited {
  explicit Limited(guard::Config limits) : guarded(limits) {
    world.mode.guard = guarded.guard.get();
    // Encrypted, so that nobody has to be trusted.
    world.mode.implicit_tls = true;
    world.mode.plaintext_auth = false;
    world.mode.trusted = {};
    world.tls = [] { return std::make_shared<tests::PlainAcceptor>(); };
  }
  tests::Guarded guarded;
  World world;
};

net::Task<void> guesses(World& world) {
  Client guesser(world);
  Client other(world);
  (void)co_await guesser.line();
  (void)co_await other.line();
  for (int i = 1; i <= 2; ++i) {
    const auto lines = co_await guesser.command("LOGIN u1@example.test wrong" + std::to_string(i));
    CHECK(lines.back() == "t NO [AUTHENTICATIONFAILED] The name or the password is wrong");
  }
  // The same wrong password again is no other guess.
  (void)co_await guesser.command("LOGIN u1@example.test wrong2");
  // "\0u1\0wrong": another mechanism goes on counting.
  const auto last = co_await guesser.command("AUTHENTICATE PLAIN AHUxAHdyb25n");
  CHECK(last == std::vector<std::string>{"* BYE Your address is banned for now, come back later",
                                         "t NO [AUTHENTICATIONFAILED] The name or the password is wrong"});
  // A session that was open meanwhile tries no more, not even with the right password.
  const auto late = co_await other.command("LOGIN u1@example.test test");
  CHECK(late.front() == "* BYE Your address is banned for now, come back later");
  co_await guesser.end();
  co_await other.end();
}
TEST_CASE("who guesses passwords is banned, whatever the mechanism") {
  Limited limited({.records = 256, .wrong_passwords = 3});
  net::run(guesses(limited.world));
  CHECK_EQ(limited.guarded.guard->bans().size(), 1);
}

net::Task<void> logins(World& world) {
  for (int i = 0; i < 3; ++i) {
    Client client(world);
    (void)co_await client.line();
    const auto lines = co_await client.command("LOGIN u1@example.test test");
    CHECK(lines.back().starts_with(i < 2 ? "t OK " : "t NO [LIMIT] Too many logins of this account"));
    const auto other = co_await client.command("NOOP");
    CHECK(other.back() == "t OK NOOP completed");
    co_await client.end();
  }
}
TEST_CASE("an account logs in so many times a minute") {
  Limited limited({.account = {.logins = 2}, .records = 256});
  net::run(logins(limited.world));
}

net::Task<void> errors(World& world) {
  Client client(world);
  (void)co_await client.line();
  (void)co_await client.command("NONSENSE");
  (void)co_await client.command("NONSENSE");
  const auto last = co_await client.command("LOGIN u1@example.test wrong");
  CHECK(last.front() == "* BYE Too many errors from you within a minute, come back later");
  co_await client.end();
}
TEST_CASE("malformed commands and wrong logins are counted over the sessions of a client") {
  Limited limited({.user = {.errors = 3}, .records = 256});
  net::run(errors(limited.world));
  CHECK(limited.guarded.guard->connect(guard::Visitor::of("192.0.2.1", guard::Group::users, false)));
}

TEST_CASE("a connection that is turned away is told why") {
  CHECK_EQ(refused_connection({.banned = true}), "* BYE Your address is banned for now, come back later\r\n");
  CHECK_EQ(refused_connection({.banned = true, .for_good = true}),
           "* BYE No connections are taken from your address\r\n");
  CHECK_EQ(refused_connection({.limit = {guard::What::connections, guard::Scope::network}}),
           "* BYE Too many connections from you within a minute, come back later\r\n");
  CHECK_EQ(refused_connection({.limit = {guard::What::errors, guard::Scope::client}}),
           "* BYE Too many errors from you within a minute, come back later\r\n");
  CHECK_EQ(too_many_connections(), "* BYE Too many connections, come back later\r\n");
}

}  // namespace
}  // namespace imap
