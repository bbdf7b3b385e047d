// Loops, tasks, the worker pool and completions.
#include "net/loop.h"

#include <doctest/doctest.h>

#include <set>

#include "net/completion.h"
#include "net/pool.h"
#include "net/stream.h"

namespace {

using namespace std::chrono_literals;

net::Task<int> add(int a, int b) { co_return a + b; }

net::Task<int> deep(int levels) {
  if (levels == 0) co_return 0;
  co_return co_await deep(levels - 1) + 1;
}

net::Task<int> sum_of_many_immediate_tasks(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum = co_await add(sum, 1);
  co_return sum;
}

net::Task<void> fails_with(std::string text) {
  co_await net::sleep_for(1ms);
  throw std::runtime_error(text);
}

TEST_CASE("run gives the result of a task, or its exception") {
  CHECK(net::run(add(2, 3)) == 5);
  CHECK(net::run(deep(1000)) == 1000);
  CHECK(net::run(sum_of_many_immediate_tasks(20'000)) == 20'000);
  CHECK_THROWS_WITH(net::run(fails_with("as it should")), "as it should");
  CHECK(net::Loop::current() == nullptr);
}

net::Task<void> note(std::vector<int>& order, int number, std::chrono::milliseconds after) {
  if (after > 0ms) co_await net::sleep_for(after);
  order.push_back(number);
}

net::Task<void> spawn_three(std::vector<int>& order) {
  net::Loop& loop = *net::Loop::current();
  loop.spawn(note(order, 3, 20ms));
  loop.spawn(note(order, 2, 5ms));
  loop.spawn(note(order, 1, 0ms));
  CHECK(order.empty());  // spawn never runs in place
  co_await net::sleep_for(60ms);
}

TEST_CASE("spawned tasks run beside each other and timers fire in order") {
  std::vector<int> order;
  net::run(spawn_three(order));
  CHECK(order == std::vector<int>{1, 2, 3});
}

struct CountsItsEnd {
  int* ended;
  ~CountsItsEnd() { ++*ended; }
};

net::Task<void> sleeps_for_an_hour(int& ended) {
  const CountsItsEnd guard{&ended};
  co_await net::sleep_for(1h);
}

net::Task<void> leaves_tasks_behind(int& ended) {
  net::Loop::current()->spawn(sleeps_for_an_hour(ended));
  net::Loop::current()->spawn(sleeps_for_an_hour(ended));
  co_await net::sleep_for(1ms);
}

TEST_CASE("tasks that have not ended are destroyed with their loop, not leaked") {
  int ended = 0;
  net::run(leaves_tasks_behind(ended));
  CHECK(ended == 2);
}

net::Task<void> spawns_failures() {
  net::Loop::current()->spawn(fails_with("nobody looks"));
  co_await net::sleep_for(10ms);
}

TEST_CASE("an exception of a spawned task does not end the loop") { net::run(spawns_failures()); }

TEST_CASE("each of the loops has a thread of its own, and posts reach it") {
  net::Loops loops(3);
  CHECK(loops.size() == 3);
  std::mutex mutex;
  std::map<net::Loop*, std::set<std::thread::id>> seen;
  std::atomic<int> left = 300;
  for (int i = 0; i < 300; ++i) {
    loops.at(static_cast<std::size_t>(i % 3)).post([&] {
      {
        const std::lock_guard lock(mutex);
        seen[net::Loop::current()].insert(std::this_thread::get_id());
      }
      if (--left == 0) left.notify_all();
    });
  }
  for (int now = left; now > 0; now = left) left.wait(now);
  const std::lock_guard lock(mutex);
  CHECK(seen.size() == 3);
  for (const auto& [loop, threads] : seen) CHECK(threads.size() == 1);
}

net::Task<std::string> asks_pool(net::Pool& pool) {
  const auto mine = std::this_thread::get_id();
  std::thread::id worker;
  auto text = co_await pool.run([&worker] {
    worker = std::this_thread::get_id();
    return std::make_unique<std::string>("from the pool");
  });
  CHECK(worker != mine);
  CHECK(std::this_thread::get_id() == mine);
  co_await pool.run([] {});
  co_return *text;
}

net::Task<void> asks_what_throws(net::Pool& pool) {
  co_await pool.run([]() -> int { throw std::out_of_range("thrown on a worker"); });
}

TEST_CASE("the pool hands back results and exceptions on the caller's own loop") {
  net::Pool pool(2);
  CHECK(net::run(asks_pool(pool)) == "from the pool");
  CHECK_THROWS_AS(net::run(asks_what_throws(pool)), std::out_of_range);
}

TEST_CASE("the pool finishes what is queued before it ends") {
  std::atomic<int> done = 0;
  {
    net::Pool pool(1);
    for (int i = 0; i < 50; ++i) pool.submit([&done] { ++done; });
  }
  CHECK(done == 50);
}

net::Task<void> many_pool_runs(net::Pool& pool, int count, int& total) {
  for (int i = 0; i < count; ++i) total += co_await pool.run([] { return 1; });
}

net::Task<void> many_callers(net::Pool& pool, std::vector<int>& totals) {
  for (int& total : totals) net::Loop::current()->spawn(many_pool_runs(pool, 200, total));
  while (std::ranges::any_of(totals, [](int total) { return total < 200; })) co_await net::sleep_for(1ms);
}

// The race that matters: a worker is done before, while or after the caller suspends.
TEST_CASE("a completion is never lost, whichever side comes first") {
  net::Pool pool(3);
  std::vector<int> totals(20);
  net::run(many_callers(pool, totals));
  CHECK(std::ranges::all_of(totals, [](int total) { return total == 200; }));
}

net::Task<int> waits(std::shared_ptr<net::Completion<int>> completion) { co_return co_await completion->wait(); }

TEST_CASE("a completion that was set before it is waited for") {
  auto completion = std::make_shared<net::Completion<int>>();
  completion->set(42);
  CHECK(net::run(waits(completion)) == 42);
}

TEST_CASE("a completion raced by another thread, many times") {
  for (int i = 0; i < 2000; ++i) {
    auto completion = std::make_shared<net::Completion<int>>();
    std::thread setter([completion, i] { completion->set(i); });
    CHECK(net::run(waits(completion)) == i);
    setter.join();
  }
}

}  // namespace
