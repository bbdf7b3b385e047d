// INPROGRESS (RFC 9585): what a client hears of commands that take long. The clock is the test's.

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "base/text.h"
#include "imap/test_kit.h"
#include "imap/test_mirror.h"

namespace imap {
namespace {

using test::Client;
using test::World;
using Lines = std::vector<std::string>;

/// A clock by which each look is some seconds after the one before, once it is asked to run.
class Racing final : public base::Clock {
 public:
  base::WallTime now() const override { return base::system_clock().now(); }
  base::SteadyTime steady() const override {
    if (racing) ahead += 11;
    return base::system_clock().steady() + std::chrono::seconds(ahead.load());
  }
  std::atomic<bool> racing{false};
  mutable std::atomic<int> ahead{0};
};

struct Told {
  std::uint64_t progress = 0;
  std::optional<std::uint64_t> goal;
};
/// The notifications for the command "t"; everything else in them is as RFC 9585 §4 has it.
std::vector<Told> told(const Lines& lines) {
  constexpr std::string_view kBegin = "* OK [INPROGRESS (\"t\" ";
  std::vector<Told> out;
  for (const std::string& line : lines) {
    if (!line.starts_with(kBegin)) continue;
    const auto words = base::split(std::string_view(line).substr(kBegin.size(), line.find(')') - kBegin.size()), ' ');
    REQUIRE(words.size() == 2);
    Told one{.progress = base::parse_u64(words[0]).value(), .goal = std::nullopt};
    if (words[1] != "NIL") one.goal = base::parse_u64(words[1]).value();
    out.push_back(one);
  }
  return out;
}

void check_order(const std::vector<Told>& all, std::optional<std::uint64_t> goal) {
  CHECK_FALSE(all.empty());
  std::uint64_t last = 0;
  for (const Told& one : all) {
    CHECK(one.goal == goal);
    CHECK(one.progress >= last);
    if (goal) CHECK(one.progress < *goal);
    last = one.progress;
  }
}

/// A server by that clock.
struct Race {
  Race() { world.clock = &clock; }
  Racing clock;
  World world;
};

net::Task<void> long_commands(World& world, Racing& clock) {
  for (int i = 1; i <= 40; ++i) co_await world.deliver(test::message(i));
  for (int i = 1; i <= 5; ++i) co_await world.deliver(test::message(i), "Archive");
  Client one(world);
  Client two(world);
  co_await one.login();
  co_await two.login();
  // Nothing for what is done at once.
  CHECK(told(co_await one.command("SEARCH TEXT nothing")).empty());
  clock.racing = true;
  check_order(told(co_await one.command("SEARCH TEXT nothing")), 40);
  check_order(told(co_await one.command("UID SEARCH RETURN (COUNT) BODY hello")), 40);
  // A sort reads what it has found: that is as much again.
  check_order(told(co_await one.command("SORT (SUBJECT) UTF-8 TEXT hello")), 80);
  check_order(told(co_await one.command("THREAD REFERENCES UTF-8 TEXT hello")), 80);
  // Several mailboxes, of which it does not know beforehand how many messages they have.
  const auto several = told(co_await one.command("ESEARCH IN (personal) TEXT hello"));
  check_order(several, std::nullopt);
  CHECK(several.back().progress == 45);
  // The other one hears of its own commands only.
  clock.racing = false;
  CHECK(told(co_await two.command("NOOP")).empty());
  CHECK(told(co_await two.command("SEARCH TEXT hello")).empty());
  co_await one.end();
  co_await two.end();
}
TEST_CASE("who waits for a search hears how far it is") {
  Race race;
  net::run(long_commands(race.world, race.clock));
}

std::vector<std::uint64_t> numbers(const std::vector<Told>& all) {
  std::vector<std::uint64_t> out;
  for (const Told& one : all) out.push_back(one.progress);
  return out;
}

bool has_expunge(const Lines& lines) {
  return std::ranges::any_of(lines, [](const std::string& line) { return line.ends_with(" EXPUNGE"); });
}

net::Task<void> long_changes(World& world, Racing& clock) {
  for (int i = 1; i <= 600; ++i) co_await world.deliver(test::message(i));
  Client one(world);
  Client two(world);
  co_await one.login();
  co_await two.login();
  clock.racing = true;
  // Between the commits, of which one takes 250 messages.
  const std::vector<std::uint64_t> between{250, 500};
  Lines lines = co_await one.command("STORE 1:* +FLAGS (\\Flagged)");
  check_order(told(lines), 600);
  CHECK(numbers(told(lines)) == between);
  CHECK(lines[0] == "* OK [INPROGRESS (\"t\" 250 600)] Still changing flags");
  CHECK(lines[2].starts_with("* 1 FETCH (FLAGS ("));
  lines = co_await one.command("COPY 1:* Archive");
  check_order(told(lines), 600);
  CHECK(numbers(told(lines)) == between);
  CHECK(lines.back().find(" 1:600 1:600] COPY completed") != std::string::npos);
  CHECK(told(co_await one.command("STORE 1:250 +FLAGS.SILENT (\\Seen)")).empty());
  CHECK(told(co_await one.command("COPY 1:250 Archive")).empty());
  // What is tried again is no step back (RFC 7162 §3.1.12): 300 were changed meanwhile, but not in this flag.
  (void)co_await one.command("ENABLE CONDSTORE");
  const auto since = test::behind((co_await one.command("STATUS INBOX (HIGHESTMODSEQ)"))[0], "HIGHESTMODSEQ ", ')');
  REQUIRE(since.has_value());
  (void)co_await two.command("STORE 1:300 +FLAGS.SILENT (Work)");
  lines = co_await one.command("STORE 1:* (UNCHANGEDSINCE " + *since + ") -FLAGS.SILENT (\\Flagged)");
  check_order(told(lines), 600);
  CHECK(numbers(told(lines)) == std::vector<std::uint64_t>{250, 500, 500});
  CHECK(lines.back() == "t OK STORE completed");
  // Numbers do not shift under a STORE, whatever is said meanwhile.
  co_await one.send("t STORE 1:* +FLAGS.SILENT (\\Answered)\r\n");
  CHECK((co_await one.line()).starts_with("* OK [INPROGRESS (\"t\" 250 600)]"));
  (void)co_await two.command("STORE 7,400 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  CHECK_FALSE(has_expunge(co_await one.until("t ")));
  CHECK(has_expunge(co_await one.command("NOOP")));
  lines = co_await one.command("MOVE 1:* Archive");
  check_order(told(lines), 598);
  CHECK(numbers(told(lines)) == between);
  CHECK(lines[0] == "* OK [INPROGRESS (\"t\" 250 598)] Still moving");
  CHECK(lines[2].starts_with("* OK [COPYUID "));
  co_await one.end();
  co_await two.end();
}
TEST_CASE("who waits for a change of many messages hears how far it is") {
  Race race;
  net::run(long_changes(race.world, race.clock));
}

// RFC 5267: what a command finds out for results that are followed is not its own work, and has no numbers.
net::Task<void> followed(World& world, Racing& clock) {
  Client client(world);
  co_await client.login();
  (void)co_await client.command("UID SEARCH RETURN (UPDATE) BODY hello");
  co_await world.deliver(test::message(1));
  clock.racing = true;
  const Lines lines = co_await client.command("NOOP");
  CHECK(std::ranges::find(lines, "* OK [INPROGRESS (\"t\" NIL NIL)] Still searching") != lines.end());
  CHECK(std::ranges::find(lines, "* ESEARCH (TAG \"t\") UID ADDTO (0 1)") != lines.end());
  // Told in the middle of nothing, it is said of no command.
  co_await client.command("NOTIFY SET (selected (MessageNew MessageExpunge))");
  co_await world.deliver(test::message(2));
  for (const Lines& told = co_await client.until("* ESEARCH"); const std::string& line : told) {
    CHECK(line.find("INPROGRESS") == std::string::npos);
  }
  co_await client.end();
}
TEST_CASE("who waits for what it follows hears that something is being done") {
  Race race;
  net::run(followed(race.world, race.clock));
}

net::Task<void> leaves(World& world, Racing& clock, std::string command) {
  for (int i = 1; i <= 600; ++i) co_await world.deliver(test::message(i));
  Client client(world);
  co_await client.login();
  clock.racing = true;
  co_await client.send("t " + command + "\r\n");
  co_await client.end();
}
std::string left_behind(std::string command) {
  Race race;
  net::run(leaves(race.world, race.clock, std::move(command)));
  std::string counts;
  for (const char* name : {"INBOX", "Archive"}) {
    const auto box = net::run(race.world.mail->mailbox(base::AccountId{1}, name));
    REQUIRE(box.has_value());
    counts += std::to_string(box->messages) + " with " + std::to_string(box->unseen) + " unseen, ";
  }
  return counts;
}
TEST_CASE("who leaves before its change is through finds it done") {
  CHECK(left_behind("COPY 1:* Archive") == "600 with 600 unseen, 600 with 600 unseen, ");
  CHECK(left_behind("MOVE 1:* Archive") == "0 with 0 unseen, 600 with 600 unseen, ");
  CHECK(left_behind("STORE 1:* +FLAGS.SILENT (\\Seen)") == "600 with 0 unseen, 0 with 0 unseen, ");
}

}  // namespace
}  // namespace imap
