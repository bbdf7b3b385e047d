// UIDONLY (RFC 9586): of two sessions one names messages by UIDs alone, and each is told of the other's doing in its
// own way.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::World;
using Lines = std::vector<std::string>;

net::Task<void> told(World& world, Client& one, Client& two) {
  CHECK(co_await one.command("ENABLE UIDONLY") == Lines{"* ENABLED UIDONLY", "t OK ENABLE completed"});
  CHECK(co_await one.command("ENABLE UIDONLY") == Lines{"* ENABLED", "t OK ENABLE completed"});
  (void)co_await two.command("STORE 3 +FLAGS (\\Flagged)");
  CHECK(co_await one.command("NOOP") == Lines{"* 3 UIDFETCH (FLAGS (\\Flagged \\Recent))", "t OK NOOP completed"});
  (void)co_await two.command("STORE 1 +FLAGS (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  CHECK(co_await one.command("NOOP") == Lines{"* VANISHED 1", "t OK NOOP completed"});
  co_await world.deliver(test::message(4));
  CHECK(co_await one.command("NOOP") == Lines{"* 3 EXISTS", "* 3 RECENT", "t OK NOOP completed"});
  // The other one goes on with numbers.
  CHECK(co_await one.command("UID STORE 2 +FLAGS (\\Deleted)") ==
        Lines{"* 2 UIDFETCH (FLAGS (\\Deleted \\Recent))", "t OK UID STORE completed"});
  CHECK(co_await one.command("UID EXPUNGE 2") == Lines{"* VANISHED 2", "t OK UID EXPUNGE completed"});
  CHECK(co_await two.command("NOOP") == Lines{"* 1 EXPUNGE", "* 2 EXISTS", "* 0 RECENT", "t OK NOOP completed"});
  // IDLE, with mod-sequences.
  (void)co_await one.command("ENABLE CONDSTORE");
  co_await one.send("t IDLE\r\n");
  CHECK(co_await one.line() == "+ idling");
  (void)co_await two.command("STORE 1 -FLAGS (\\Flagged)");
  CHECK((co_await one.line()).starts_with("* 3 UIDFETCH (FLAGS (\\Recent) MODSEQ ("));
  (void)co_await two.command("STORE 1 +FLAGS (\\Deleted)");
  CHECK((co_await one.line()).starts_with("* 3 UIDFETCH (FLAGS (\\Deleted \\Recent) MODSEQ ("));
  (void)co_await two.command("EXPUNGE");
  CHECK(co_await one.line() == "* VANISHED 3");
  co_await one.send("DONE\r\n");
  CHECK(co_await one.line() == "t OK IDLE completed");
}
TEST_CASE("UIDONLY: one session is told in UIDs, the other in numbers") { test::tell(told, 3); }

// RFC 5267, RFC 5465: what is followed, and what NOTIFY fetches.
net::Task<void> followed(World& world, Client& one, Client&) {
  CHECK(co_await one.command("SEARCH RETURN (UPDATE) SUBJECT message") == Lines{"t OK SEARCH completed"});
  CHECK(co_await one.command("ENABLE UIDONLY") == Lines{"* ENABLED UIDONLY",
                                                        "* NO [NOUPDATE \"t\"] There are no sequence numbers any more",
                                                        "t OK ENABLE completed"});
  CHECK(co_await one.command("UID SEARCH RETURN (UPDATE) SUBJECT message") == Lines{"t OK UID SEARCH completed"});
  CHECK(co_await one.command("NOTIFY SET (selected (MessageNew (RFC822.SIZE) MessageExpunge FlagChange))") ==
        Lines{"t OK NOTIFY completed"});
  co_await world.deliver(test::message(2, "x\r\n"));
  const std::string size = std::to_string(test::message(2, "x\r\n").size());
  for (const std::string& line :
       {std::string("* 2 EXISTS"), std::string("* 2 RECENT"), std::string("* ESEARCH (TAG \"t\") UID ADDTO (0 2)"),
        "* 2 UIDFETCH (RFC822.SIZE " + size + ")"}) {
    CHECK(co_await one.line() == line);
  }
  // It ends with the login (RFC 8437).
  (void)co_await one.command("UNAUTHENTICATE");
  (void)co_await one.command("LOGIN u1@example.test test");
  (void)co_await one.command("SELECT INBOX");
  CHECK(co_await one.command("FETCH 2 (UID)") == Lines{"* 2 FETCH (UID 2)", "t OK FETCH completed"});
}
TEST_CASE("UIDONLY: results that are followed, and new messages, are told in UIDs") { test::tell(followed, 1); }

// RFC 7162 with UIDs: what was missed comes as UIDFETCH.
net::Task<void> missed(World&, Client& one, Client& two) {
  (void)co_await one.command("ENABLE QRESYNC UIDONLY");
  const Lines status = co_await one.command("STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)");
  std::uint32_t validity = 0;
  std::uint64_t modseq = 0;
  REQUIRE(std::sscanf(status[0].c_str(), "* STATUS INBOX (UIDVALIDITY %u HIGHESTMODSEQ %lu)", &validity, &modseq) == 2);
  (void)co_await one.command("UNSELECT");
  (void)co_await two.command("STORE 3 +FLAGS (\\Answered)");
  (void)co_await two.command("STORE 1 +FLAGS (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines lines =
      co_await one.command("SELECT INBOX (QRESYNC (" + std::to_string(validity) + " " + std::to_string(modseq) + "))");
  CHECK(std::ranges::find(lines, "* VANISHED (EARLIER) 1") != lines.end());
  CHECK(std::ranges::any_of(
      lines, [](const std::string& line) { return line.starts_with("* 3 UIDFETCH (FLAGS (\\Answered) MODSEQ ("); }));
  CHECK(
      std::ranges::none_of(lines, [](const std::string& line) { return line.find(" FETCH (") != std::string::npos; }));
}
TEST_CASE("UIDONLY: what was missed is told in UIDs") { test::tell(missed, 3); }

}  // namespace
}  // namespace imap
