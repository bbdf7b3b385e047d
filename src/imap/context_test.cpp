// Results that are followed (RFC 5267 §4.3), with two clients: what the one does, the other hears of in what it
// follows. Expectations are written by hand from the standard; at the end a client believes a long series of ADDTO and
// REMOVEFROM and must come to what a search finds.

#include <doctest/doctest.h>

#include <random>

#include "imap/test_kit.h"
#include "imap/test_mirror.h"

namespace imap {
namespace {

using test::behind;
using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

bool holds(const Lines& lines, std::string_view line) { return std::ranges::find(lines, line) != lines.end(); }
std::size_t place(const Lines& lines, std::string_view line) {
  return static_cast<std::size_t>(std::ranges::find(lines, line) - lines.begin());
}

// RFC 5267 §4.3: flags that change, by whomever, and messages that come.
net::Task<void> followed(World& world, Client& one, Client& two) {
  const Lines count = co_await one.command("UID SEARCH RETURN (UPDATE COUNT) UNSEEN");
  CHECK(count == Lines{"* ESEARCH (TAG \"t\") UID COUNT 4", "t OK UID SEARCH completed"});
  const Lines reuse = co_await one.command("SORT RETURN (UPDATE) (DATE) UTF-8 FLAGGED");
  CHECK(reuse == Lines{"t BAD The results of an earlier command with this tag are followed still"});
  (void)co_await two.command("STORE 2:3 +FLAGS.SILENT (\\Seen)");
  const Lines seen = co_await one.command("NOOP");
  CHECK(seen == Lines{"* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent))", "* 3 FETCH (UID 3 FLAGS (\\Seen \\Recent))",
                      "* ESEARCH (TAG \"t\") UID REMOVEFROM (0 2:3)", "t OK NOOP completed"});
  // Its own changes, too, even when they are silent.
  const Lines own = co_await one.command("STORE 2 -FLAGS.SILENT (\\Seen)");
  CHECK(own == Lines{"* ESEARCH (TAG \"t\") UID ADDTO (0 2)", "t OK STORE completed"});
  const Lines other = co_await one.command("STORE 1 +FLAGS.SILENT (\\Flagged)");
  CHECK(other == Lines{"t OK STORE completed"});
  // §4.3.3: behind the EXISTS.
  co_await world.deliver(test::message(5));
  const Lines more = co_await one.command("NOOP");
  CHECK(more == Lines{"* 5 EXISTS", "* 5 RECENT", "* ESEARCH (TAG \"t\") UID ADDTO (0 5)", "t OK NOOP completed"});
  const Lines stop = co_await one.command("CANCELUPDATE \"t\"");
  CHECK(stop == Lines{"t OK CANCELUPDATE completed"});
  (void)co_await two.command("STORE 1:5 +FLAGS.SILENT (\\Seen)");
  const Lines quiet = co_await one.command("NOOP");
  CHECK(quiet.size() == 5);
  CHECK(std::ranges::none_of(quiet, [](const auto& line) { return line.contains("ESEARCH"); }));
  const Lines unknown = co_await one.command("CANCELUPDATE \"t\"");
  CHECK(unknown == Lines{"t BAD There are no results that are followed under this tag"});
}
TEST_CASE("a client hears what comes to its results and what leaves them") { tell(followed, 4); }

// §4.3.4, appendix A.3: what is expunged leaves the results at once, by its old number, and the numbers shift later.
net::Task<void> expunged(World&, Client& one, Client& two) {
  (void)co_await one.command("SEARCH RETURN (UPDATE) ALL");
  (void)co_await two.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines held = co_await one.command("FETCH 1 (UID)");
  CHECK(held == Lines{"* ESEARCH (TAG \"t\") REMOVEFROM (0 2)", "* 1 FETCH (UID 1)", "t OK FETCH completed"});
  const Lines told = co_await one.command("NOOP");
  CHECK(told == Lines{"* 2 EXPUNGE", "t OK NOOP completed"});
  (void)co_await two.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines both = co_await one.command("NOOP");
  CHECK(both == Lines{"* ESEARCH (TAG \"t\") REMOVEFROM (0 2)", "* 2 EXPUNGE", "t OK NOOP completed"});
}
TEST_CASE("what is expunged leaves the results before its number goes") { tell(expunged, 3); }

// §4.3: numbers are those of the messages that have them when the command comes.
net::Task<void> numbered(World& world, Client& one, Client& two) {
  const Lines found = co_await one.command("UID SEARCH RETURN (UPDATE ALL) 2:* UNFLAGGED");
  CHECK(found[0] == "* ESEARCH (TAG \"t\") UID ALL 2:3");
  (void)co_await two.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  co_await world.deliver(test::message(4));
  const Lines quiet = co_await one.command("NOOP");
  CHECK(quiet == Lines{"* 1 EXPUNGE", "* 3 EXISTS", "* 3 RECENT", "t OK NOOP completed"});
  (void)co_await two.command("STORE 1 +FLAGS.SILENT (\\Flagged)");
  const Lines flagged = co_await one.command("NOOP");
  CHECK(holds(flagged, "* ESEARCH (TAG \"t\") UID REMOVEFROM (0 2)"));
  // "$" is what was saved then, and "3:*" has no end.
  (void)co_await one.command("CANCELUPDATE \"t\"");
  (void)co_await one.command("SEARCH RETURN (SAVE) 1");
  (void)co_await one.send("u UID SEARCH RETURN (SAVE UPDATE) $ FLAGGED\r\n");
  const Lines saved = co_await one.until("u ");
  CHECK(saved == Lines{"u OK UID SEARCH completed"});
  (void)co_await one.send("v UID SEARCH RETURN (UPDATE) UID 3:*\r\n");
  (void)co_await one.until("v ");
  (void)co_await one.command("SEARCH RETURN (SAVE) 2");
  (void)co_await two.command("STORE 1,3 -FLAGS.SILENT (\\Flagged)");
  co_await world.deliver(test::message(5));
  const Lines last = co_await one.command("NOOP");
  CHECK(holds(last, "* ESEARCH (TAG \"u\") UID REMOVEFROM (0 2)"));
  CHECK(holds(last, "* ESEARCH (TAG \"v\") UID ADDTO (0 5)"));
}
TEST_CASE("numbers and saved results of a search that is followed are those of its time") { tell(numbered, 3); }

// §4.3.1: at least one context for everybody, and a refusal is no failure.
net::Task<void> refused(World&, Client& one, Client&) {
  for (int i = 1; i <= 16; ++i) {
    co_await one.send("c" + std::to_string(i) + " SEARCH RETURN (UPDATE COUNT) SEEN\r\n");
    const Lines lines = co_await one.until("c");
    CHECK(lines.size() == 2);
  }
  const Lines many = co_await one.command("SEARCH RETURN (UPDATE COUNT) SEEN");
  CHECK(many == Lines{"* NO [NOUPDATE \"t\"] Too many results are followed already", "* ESEARCH (TAG \"t\") COUNT 0",
                      "t OK SEARCH completed"});
  (void)co_await one.command("CANCELUPDATE \"c1\" \"c2\" \"c3\"");
  for (const std::string key : {"YOUNGER 60", "OR SEEN NOT OLDER 60", "UID *", "UID 9:*"}) {
    const Lines never = co_await one.command("SEARCH RETURN (UPDATE COUNT) " + key);
    CHECK(never[0].starts_with("* NO [NOUPDATE \"t\"]"));
    CHECK(never.back().starts_with("t OK"));
  }
  // Of several tags all are known, or nothing is done.
  const Lines some = co_await one.command("CANCELUPDATE \"c4\" \"c1\"");
  CHECK(some.back().starts_with("t BAD"));
  const Lines known = co_await one.command("CANCELUPDATE \"c4\"");
  CHECK(known.back().starts_with("t OK"));
  // They end with the selection.
  (void)co_await one.command("SELECT INBOX");
  const Lines gone = co_await one.command("CANCELUPDATE \"c5\"");
  CHECK(gone.back().starts_with("t BAD"));
}
TEST_CASE("results that cannot be followed are shown, and the client is told") { tell(refused, 2); }

// §4.3.3, §4.3.4: positions in sorted results.
net::Task<void> sorted(World& world, Client& one, Client& two) {
  const Lines all = co_await one.command("UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED");
  CHECK(all[0] == "* ESEARCH (TAG \"t\") UID ALL 1:5");
  co_await world.deliver(test::message(3, "A second one.\r\n"));  // behind the first of that subject
  co_await world.deliver(test::message(0));
  co_await world.deliver(test::message(9));
  co_await world.deliver(test::message(8));
  const Lines added = co_await one.command("NOOP");
  CHECK(holds(added, "* ESEARCH (TAG \"t\") UID ADDTO (1 7 5 6 8 9,8)"));
  CHECK(place(added, "* 9 EXISTS") < place(added, "* ESEARCH (TAG \"t\") UID ADDTO (1 7 5 6 8 9,8)"));
  // Now 7 1 2 3 6 4 5 9 8; told from the last to the first.
  (void)co_await two.command("UID STORE 3,5,6,7 +FLAGS.SILENT (\\Deleted)");
  const Lines removed = co_await one.command("NOOP");
  CHECK(holds(removed, "* ESEARCH (TAG \"t\") UID REMOVEFROM (7 5 4 3,6 1 7)"));
  (void)co_await two.command("UID STORE 5 -FLAGS.SILENT (\\Deleted)");
  const Lines back = co_await one.command("NOOP");
  CHECK(holds(back, "* ESEARCH (TAG \"t\") UID ADDTO (4 5)"));
  // By numbers: REMOVEFROM has those from before the EXPUNGE, ADDTO those behind it.
  (void)co_await one.send("n SORT RETURN (UPDATE) (REVERSE SUBJECT) UTF-8 ALL\r\n");
  (void)co_await one.until("n ");
  (void)co_await two.command("UID EXPUNGE 6");
  co_await world.deliver(test::message(7));
  const Lines both = co_await one.command("NOOP");
  CHECK(both == Lines{"* ESEARCH (TAG \"n\") REMOVEFROM (6 6)", "* 6 EXPUNGE", "* 9 EXISTS", "* 9 RECENT",
                      "* ESEARCH (TAG \"t\") UID ADDTO (5 10)", "* ESEARCH (TAG \"n\") ADDTO (3 9)",
                      "t OK NOOP completed"});
}
TEST_CASE("sorted results are told with their places") { tell(sorted, 5); }

// §4.3.2: also while the client waits.
net::Task<void> idling(World& world, Client& one, Client& two) {
  (void)co_await one.command("SEARCH RETURN (UPDATE) SUBJECT 2");
  (void)co_await one.send("i IDLE\r\n");
  (void)co_await one.until("+ ");
  co_await world.deliver(test::message(22));
  const Lines came = co_await one.until("* ESEARCH");
  CHECK(came == Lines{"* 3 EXISTS", "* 3 RECENT", "* ESEARCH (TAG \"t\") ADDTO (0 3)"});
  (void)co_await two.command("STORE 3 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines went = co_await one.until("* 3 EXPUNGE");
  CHECK(went[went.size() - 2] == "* ESEARCH (TAG \"t\") REMOVEFROM (0 3)");
  (void)co_await one.send("DONE\r\n");
  (void)co_await one.until("i ");
}
TEST_CASE("who waits in IDLE hears of the results that it follows") { tell(idling, 2); }

// --- A client that believes what it is told ------------------------------------------------------------------------

/// Results as RFC 5267 §4.3.3 and §4.3.4 say that a client keeps them.
class Followed {
 public:
  std::vector<std::uint32_t> results;

  void take(const std::string& line) {
    Cursor in(line);
    while (!in.done()) {
      if (in.word("ADDTO")) {
        pairs(in, [&](std::uint32_t at, const auto& set) { add(at, set); });
      } else if (in.word("REMOVEFROM")) {
        pairs(in, [&](std::uint32_t at, const auto& set) { remove(at, set); });
      } else {
        (void)in.run([](char c) { return c != ' '; });
        (void)in.space();
      }
    }
  }

 private:
  using Set = std::vector<std::uint32_t>;

  template <class F>
  static void pairs(Cursor& in, F f) {
    REQUIRE(in.space());
    REQUIRE(in.take('('));
    do {
      const auto at = in.number();
      REQUIRE(at);
      REQUIRE(in.space());
      const auto set = take_sequence_set(in);
      REQUIRE(set);
      Set numbers;
      for (const Range& range : set->ranges) {
        REQUIRE(range.first <= range.last);  // §3.2
        for (std::uint32_t n = range.first; n <= range.last; ++n) numbers.push_back(n);
      }
      f(*at, numbers);
    } while (in.space());
    REQUIRE(in.take(')'));
  }
  void add(std::uint32_t at, const Set& set) {
    for (const std::uint32_t n : set) REQUIRE(std::ranges::find(results, n) == results.end());
    if (at == 0) {
      results.insert(results.end(), set.begin(), set.end());
      std::ranges::sort(results);
      return;
    }
    REQUIRE(at <= results.size() + 1);
    results.insert(results.begin() + at - 1, set.begin(), set.end());
  }
  void remove(std::uint32_t at, const Set& set) {
    for (std::size_t i = 0; i < set.size(); ++i) {
      const auto found = std::ranges::find(results, set[i]);
      REQUIRE(found != results.end());
      if (at != 0) REQUIRE(found == results.begin() + at - 1);
      results.erase(found);
    }
  }
};

std::vector<std::uint32_t> shown(const std::string& line) {
  std::vector<std::uint32_t> out;
  const auto set = behind(line, " ALL ", ' ');
  if (!set) return out;
  Cursor in(*set);
  for (const Range& range : take_sequence_set(in)->ranges) {
    for (std::uint32_t n = range.first; n <= range.last; ++n) out.push_back(n);
  }
  return out;
}

constexpr std::string_view kFollowed[] = {
    "SEARCH RETURN (UPDATE ALL) UNSEEN",
    "SORT RETURN (UPDATE ALL) (SUBJECT REVERSE ARRIVAL) UTF-8 UNSEEN",
    "SEARCH RETURN (UPDATE ALL) OR FLAGGED BODY odd",
    "SORT RETURN (UPDATE ALL) (REVERSE SIZE) UTF-8 ALL",
};

net::Task<void> believe(World& world, Client& one, Client& two) {
  std::mt19937 random(20260714);
  const auto pick = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  Followed followed[std::size(kFollowed)];
  for (std::size_t i = 0; i < std::size(kFollowed); ++i) {
    (void)co_await one.send("f" + std::to_string(i) + " UID " + std::string(kFollowed[i]) + "\r\n");
    const Lines lines = co_await one.until("f");
    followed[i].results = shown(lines[0]);
  }
  for (int round = 0; round < 120; ++round) {
    for (int step = pick(4); step >= 0; --step) {
      const std::string uid = std::to_string(1 + pick(30 + round));
      if (pick(4) == 0) co_await world.deliver(test::message(pick(9), pick(2) ? "odd\r\n" : "even and longer\r\n"));
      if (pick(2)) (void)co_await two.command("UID STORE " + uid + " +FLAGS.SILENT (\\Seen)");
      if (pick(2)) (void)co_await two.command("UID STORE " + uid + ":* -FLAGS.SILENT (\\Seen)");
      if (pick(3) == 0) (void)co_await two.command("UID STORE " + uid + " +FLAGS.SILENT (\\Flagged)");
      if (pick(5) == 0) (void)co_await two.command("UID STORE " + uid + " +FLAGS.SILENT (\\Deleted)");
      if (pick(6) == 0) (void)co_await two.command("EXPUNGE");
    }
    const Lines told = co_await one.command(pick(2) ? "NOOP" : "FETCH 1 (UID)");
    for (const auto& line : told) {
      INFO(line);
      for (std::size_t i = 0; i < std::size(kFollowed); ++i) {
        if (line.starts_with("* ESEARCH (TAG \"f" + std::to_string(i) + "\")")) followed[i].take(line);
      }
    }
    for (std::size_t i = 0; i < std::size(kFollowed); ++i) {
      std::string fresh = "UID " + std::string(kFollowed[i]);
      fresh.replace(fresh.find("UPDATE "), 7, "");
      const Lines now = co_await one.command(fresh);
      const auto line =
          std::ranges::find_if(now, [](const auto& text) { return text.starts_with("* ESEARCH (TAG \"t\")"); });
      INFO(round, " ", fresh);
      REQUIRE(followed[i].results == shown(*line));
    }
  }
}
TEST_CASE("who believes all ADDTO and REMOVEFROM has what a search finds") { tell(believe, 10); }

}  // namespace
}  // namespace imap
