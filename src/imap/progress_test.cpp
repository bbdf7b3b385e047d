// INPROGRESS (RFC 9585): what a client hears of commands that take long. The clock is the test's.

#include <doctest/doctest.h>

#include <atomic>

#include "base/text.h"
#include "imap/test_kit.h"

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
  Racing clock;
  World world;
  world.clock = &clock;
  net::run(long_commands(world, clock));
}

}  // namespace
}  // namespace imap
