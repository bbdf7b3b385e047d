// Parts of results (RFC 9394) and messages of a span of time (RFC 5032), with two clients: what the one does in between
// shows in the other's windows. Expectations are written by hand from the standards.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

// RFC 9394 §3.1: a window is of what is there at that moment, counted from the lowest UID or from the highest.
net::Task<void> moving(World& world, Client& one, Client& two) {
  const Lines last = co_await one.command("UID SEARCH RETURN (PARTIAL -1:-2) UNSEEN");
  CHECK(last == Lines{"* ESEARCH (TAG \"t\") UID PARTIAL (-1:-2 5:6)", "t OK UID SEARCH completed"});
  co_await world.deliver(test::message(7));
  const Lines fresh = co_await one.command("UID SEARCH RETURN (PARTIAL -1:-2) UNSEEN");
  CHECK(fresh == Lines{"* 7 EXISTS", "* 7 RECENT", "* ESEARCH (TAG \"t\") UID PARTIAL (-1:-2 6:7)",
                       "t OK UID SEARCH completed"});
  (void)co_await two.command("STORE 1,3 +FLAGS.SILENT (\\Seen)");
  (void)co_await two.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  // What is gone is not found, whatever its number; UIDs and numbers part, and the numbers are those that were told.
  const Lines first = co_await one.command("SEARCH RETURN (PARTIAL 1:2 COUNT) UNSEEN");
  CHECK(first == Lines{"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))", "* 3 FETCH (UID 3 FLAGS (\\Seen \\Recent))",
                       "* ESEARCH (TAG \"t\") COUNT 4 PARTIAL (1:2 4:5)", "t OK SEARCH completed"});
  (void)co_await one.command("NOOP");
  const Lines after = co_await one.command("SEARCH RETURN (PARTIAL 1:2 COUNT) UNSEEN");
  CHECK(after == Lines{"* ESEARCH (TAG \"t\") COUNT 4 PARTIAL (1:2 3:4)", "t OK SEARCH completed"});
  const Lines uids = co_await one.command("UID SEARCH RETURN (PARTIAL 4:3) UNSEEN");
  CHECK(uids == Lines{"* ESEARCH (TAG \"t\") UID PARTIAL (3:4 6:7)", "t OK UID SEARCH completed"});
  const Lines beyond = co_await one.command("UID SEARCH RETURN (PARTIAL -5:-9) UNSEEN");
  CHECK(beyond == Lines{"* ESEARCH (TAG \"t\") UID PARTIAL (-5:-9 NIL)", "t OK UID SEARCH completed"});
  const Lines both = co_await one.command("UID SEARCH RETURN (PARTIAL 1:2 ALL) UNSEEN");
  CHECK(both[0].starts_with("t BAD "));
}
TEST_CASE("a window of a result is one of what is there now") { tell(moving, 6); }

// RFC 9394 §3.2, table 1: what "$" means behind it.
net::Task<void> marked(World&, Client& one, Client& two) {
  struct Row {
    std::string options;
    std::string marked;
  };
  for (const auto& [options, marked] :
       {Row{"PARTIAL 2:3", "2:3"}, Row{"PARTIAL 2:3 MIN", "1:3"}, Row{"PARTIAL 2:3 MAX", "2:3,6"},
        Row{"PARTIAL 2:3 MIN MAX", "1:3,6"}, Row{"PARTIAL 2:3 COUNT", "1:6"}, Row{"PARTIAL 2:3 COUNT MIN", "1:6"}}) {
    CAPTURE(options);
    const Lines found = co_await one.command("SEARCH RETURN (SAVE " + options + ") ALL");
    CHECK(found.size() == 2);
    CHECK(found[0].contains("PARTIAL (2:3 2:3)"));
    const Lines meant = co_await one.command("SEARCH RETURN (ALL) $");
    CHECK(meant[0] == "* ESEARCH (TAG \"t\") ALL " + marked);
  }
  // RFC 5182 §2.1: what is expunged leaves the marker.
  (void)co_await one.command("UID SEARCH RETURN (SAVE PARTIAL 2:3) ALL");
  (void)co_await two.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines left = co_await one.command("UID SEARCH RETURN (ALL) $");
  CHECK(left.front() == "* ESEARCH (TAG \"t\") UID ALL 3");
}
TEST_CASE("the marker holds the window and what was asked for beside it") { tell(marked, 6); }

// RFC 9394 §3.3, §3.4: the window is chosen first, and then what has changed in it.
net::Task<void> fetched(World&, Client& one, Client& two) {
  const Lines last = co_await one.command("UID FETCH 1:9 (FLAGS) (PARTIAL -1:-2)");
  CHECK(last ==
        Lines{"* 5 FETCH (UID 5 FLAGS (\\Recent))", "* 6 FETCH (UID 6 FLAGS (\\Recent))", "t OK UID FETCH completed"});
  (void)co_await two.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  (void)co_await two.command("UID STORE 3,6 +FLAGS.SILENT (\\Seen)");
  const Lines told = co_await one.command("UID FETCH 1:3 (FLAGS) (PARTIAL 2:9)");
  CHECK(told == Lines{"* 2 EXPUNGE", "* 2 FETCH (UID 3 FLAGS (\\Seen \\Recent))",
                      "* 5 FETCH (UID 6 FLAGS (\\Seen \\Recent))", "* 2 FETCH (UID 3 FLAGS (\\Seen \\Recent))",
                      "t OK UID FETCH completed"});
  for (const std::string modifiers : {"PARTIAL -1:-2 CHANGEDSINCE 7", "CHANGEDSINCE 7 PARTIAL -1:-2"}) {
    CAPTURE(modifiers);
    const Lines changed = co_await one.command("UID FETCH 1:9 (UID) (" + modifiers + ")");
    REQUIRE(changed.size() >= 2);
    CHECK(changed[changed.size() - 2].starts_with("* 5 FETCH (UID 6 MODSEQ ("));
    CHECK(std::ranges::none_of(changed, [](const auto& line) { return line.starts_with("* 2 FETCH"); }));
  }
  const Lines numbers = co_await one.command("FETCH 1:5 (FLAGS) (PARTIAL 1:2)");
  CHECK(numbers == Lines{"t BAD PARTIAL is for UID FETCH"});
}
TEST_CASE("a window of what UID FETCH names") { tell(fetched, 6); }

// RFC 5032 §2: to the second, by the INTERNALDATE that the messages have.
net::Task<void> within(World&, Client& one, Client& two) {
  const auto append = [&](std::string date) {
    const std::string text = test::message(9);
    return two.command("APPEND INBOX " + (date.empty() ? date : "\"" + date + "\" ") + "{" +
                       std::to_string(text.size()) + "+}\r\n" + text);
  };
  (void)co_await append("");                            // now
  (void)co_await append(" 1-Jan-2001 00:00:00 +0000");  // long ago
  (void)co_await append(" 1-Jan-2199 00:00:00 +0000");  // not yet
  const Lines young = co_await one.command("SEARCH YOUNGER 3600");
  CHECK(young[young.size() - 2] == "* SEARCH 2 4");
  const Lines old = co_await one.command("SEARCH OLDER 3600");
  CHECK(old == Lines{"* SEARCH 1 3", "t OK SEARCH completed"});
  const Lines window = co_await one.command("SEARCH OLDER 3600 YOUNGER 700000000");
  CHECK(window == Lines{"* SEARCH 1", "t OK SEARCH completed"});
  const Lines unseen = co_await one.command("UID SEARCH NOT YOUNGER 3600 OR SEEN OLDER 700000000");
  CHECK(unseen == Lines{"* SEARCH 3", "t OK UID SEARCH completed"});
  // The other one's flags and removals count at once; the date stays.
  (void)co_await two.command("STORE 1 +FLAGS.SILENT (\\Seen \\Deleted)");
  const Lines seen = co_await one.command("SEARCH SEEN OLDER 3600");
  CHECK(seen[seen.size() - 2] == "* SEARCH 1");
  (void)co_await two.command("EXPUNGE");
  const Lines gone = co_await one.command("UID SEARCH OLDER 3600");
  CHECK(gone[0] == "* SEARCH 3");
  for (const std::string wrong : {"OLDER", "OLDER 0", "YOUNGER -1", "YOUNGER 4294967296", "OLDER 1-Jan-2001"}) {
    CAPTURE(wrong);
    const Lines refused = co_await one.command("SEARCH " + wrong);
    CHECK(refused.back().starts_with("t BAD "));
  }
}
TEST_CASE("messages are found by their age") { tell(within, 1); }

}  // namespace
}  // namespace imap
