// What a client may not make of a session, whatever it sends: literals beyond the limit, deep nesting, giant sets,
// searches that multiply. The session says so, or ends with BYE, and the other one goes on meanwhile. RFC 9051 §4.3,
// §9.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// RFC 9051 §4.3: a client that waits is refused in the place of the continuation, and sends nothing; what one sends
// without waiting is taken off the line, up to a message's size; above that the session ends.
net::Task<void> literals(World& world, Client& one, Client& two) {
  const Lines early = co_await one.command("SELECT {70000}");
  CHECK(early == Lines{"t BAD The command is too long"});
  const Lines huge = co_await one.command("SELECT {18446744073709551616}");
  CHECK(huge == Lines{"t BAD The command is too long"});
  const Lines drained = co_await one.command("SELECT {70000+}\r\n" + std::string(70'000, '\n'));
  CHECK(drained == Lines{"t BAD The command is too long"});
  // Many that are small are one command, too.
  const Lines many = co_await one.command("URLFETCH" + repeated(" {1+}\r\nx", 10'000));
  CHECK(many == Lines{"t BAD The command is too long"});
  const Lines line = co_await one.command("SEARCH TEXT " + std::string(200'000, 'x'));
  CHECK(line == Lines{"t BAD The command is too long"});
  const Lines works = co_await one.command("NOOP");
  CHECK(works == Lines{"t OK NOOP completed"});
  co_await two.send("t SELECT {26214401+}\r\n");
  CHECK(co_await two.line() == "* BYE The command is too large to be skipped");
  // A stranger has less.
  Client stranger(world);
  (void)co_await stranger.line();
  const Lines refused = co_await stranger.command("LOGIN {17000}");
  CHECK(refused == Lines{"t BAD The command is too long"});
  co_await stranger.send("t LOGIN {70000+}\r\n");
  CHECK(co_await stranger.line() == "* BYE The command is too large to be skipped");
  co_await stranger.end();
}
TEST_CASE("literals are refused before they are sent, or drained within a bound, or end the session") {
  tell(literals, 1);
}

net::Task<void> nested(World&, Client& one, Client& two) {
  for (const std::string verb :
       {"SEARCH ", "UID SEARCH RETURN (ALL) ", "SORT (DATE) UTF-8 ", "THREAD REFERENCES UTF-8 ", "FETCH 1 ",
        "STORE 1 FLAGS ", "LIST ", "STATUS INBOX ", "SELECT INBOX ", "CREATE x ", "ESEARCH IN ", "ID ", "APPEND INBOX ",
        "APPEND INBOX CATENATE "}) {
    CAPTURE(verb);
    const Lines deep = co_await one.command(verb + std::string(60'000, '('));
    CHECK(deep.back().starts_with("t BAD "));
    CHECK(deep.back().size() < 200);
  }
  for (const std::string key : {"NOT ", "OR ALL ", "FUZZY ", "NOT ("}) {
    CAPTURE(key);
    const Lines deep = co_await one.command("SEARCH " + repeated(key, 9'000) + "ALL");
    CHECK(deep.back().starts_with("t BAD "));
  }
  // What is within the bounds is answered: 99 times not, and a thousand keys.
  const Lines fits = co_await one.command("SEARCH " + repeated("NOT ", 98) + "ALL");
  CHECK(fits == Lines{"* SEARCH 1", "t OK SEARCH completed"});
  const Lines wide = co_await one.command("SEARCH" + repeated(" ALL", 998));
  CHECK(wide == Lines{"* SEARCH 1", "t OK SEARCH completed"});
  const Lines wider = co_await one.command("SEARCH" + repeated(" ALL", 1'002));
  CHECK(wider == Lines{"t BAD The search has more than 1000 keys"});
  const Lines other = co_await two.command("NOOP");
  CHECK(other == Lines{"t OK NOOP completed"});
}
TEST_CASE("nesting and lists are bounded, at any depth") { tell(nested, 1); }

// A set is what it means in the mailbox, and never as many numbers as it names.
net::Task<void> giant(World&, Client& one, Client& two) {
  (void)co_await one.command("ENABLE QRESYNC");
  const std::string everything = "1:4294967295" + repeated(",1:4294967295", 4'000);
  std::string pieces = "1";
  for (std::uint32_t i = 3; pieces.size() < 60'000; i += 2) pieces += "," + std::to_string(i);
  std::string backwards = "4294967295";
  for (std::uint32_t i = 4'294'967'293; backwards.size() < 60'000; i -= 2) backwards += "," + std::to_string(i);
  const auto began = std::chrono::steady_clock::now();
  for (const std::string& set : {everything, pieces, backwards, std::string("*:4294967295,4294967295:1")}) {
    CAPTURE(set.substr(0, 30));
    const Lines found = co_await one.command("UID SEARCH RETURN (COUNT) UID " + set);
    CHECK(found.back() == "t OK UID SEARCH completed");
    const Lines numbers = co_await one.command("UID SEARCH RETURN (COUNT) " + set);
    CHECK(numbers.back() == "t OK UID SEARCH completed");
    const Lines fetched = co_await one.command("UID FETCH " + set + " (UID)");
    CHECK(fetched.back() == "t OK UID FETCH completed");
    CHECK(fetched.size() <= 4);
    const Lines stored = co_await one.command("UID STORE " + set + " +FLAGS.SILENT (\\Seen)");
    CHECK(stored.back().starts_with("t OK "));
    const Lines expunged = co_await one.command("UID EXPUNGE " + set);
    CHECK(expunged.back().starts_with("t OK "));
    // §9: numbers above EXISTS, which is where most of these are.
    const Lines bad = co_await one.command("FETCH " + set + " (UID)");
    CHECK(bad.back().starts_with("t BAD "));
    const Lines missed = co_await one.command("UID FETCH " + set + " (UID) (CHANGEDSINCE 1 VANISHED)");
    CHECK(missed.back() == "t OK UID FETCH completed");
    const Lines resync = co_await one.command("SELECT INBOX (QRESYNC (1 1 " + set.substr(0, set.rfind(',')) + "))");
    CHECK(resync.back().starts_with(set.contains('*') ? "t BAD " : "t OK "));
    (void)co_await one.command("SELECT INBOX");
  }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(20));
  const Lines other = co_await two.command("UID SEARCH RETURN (COUNT) UID 1:4294967295");
  CHECK(other[other.size() - 2] == "* ESEARCH (TAG \"t\") UID COUNT 3");
}
TEST_CASE("giant sets cost what they find") { tell(giant, 3); }

// Hundreds of keys over every body, the dearest that there are.
net::Task<void> multiplied(World& world, Client& one, Client& two) {
  const std::string body = repeated("Not a word of what is looked for stands in here.\r\n", 600);
  for (int i = 0; i < 8; ++i) co_await world.deliver(test::message(i, body));
  std::string search = "SEARCH ";
  for (int i = 0; i < 450; ++i) search += "OR TEXT n" + std::to_string(i) + "q NOT BODY Not ";
  (void)co_await one.command("NOOP");
  co_await one.send("t SEARCH NOT OR TEXT x9 TEXT y9" + repeated(" OR TEXT zq BODY word", 300) + "\r\n");
  for (int i = 0; i < 20; ++i) {
    const Lines meanwhile = co_await two.command("NOOP");
    CHECK(meanwhile.back() == "t OK NOOP completed");
  }
  const Lines found = co_await one.until("t ");
  CHECK(found == Lines{"* SEARCH 1 2 3 4 5 6 7 8", "t OK SEARCH completed"});
  const Lines most = co_await one.command(search + "ALL");
  CHECK(most.back() == "t BAD The search has more than 1000 keys");
}
TEST_CASE("a search of very many keys is answered, others meanwhile, and one of more keys is refused") {
  tell(multiplied, 0);
}

}  // namespace
}  // namespace imap
