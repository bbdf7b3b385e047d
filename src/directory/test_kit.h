#pragma once
// Private to the room's tests: a directory over a store in memory, and tasks run to their end.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "directory/directory.h"
#include "net/loop.h"
#include "net/pool.h"
#include "store/store.h"

namespace directory::test {

/// The value of a task that must succeed.
template <class T>
T good(net::Task<base::Result<T>> task) {
  auto result = net::run(std::move(task));
  if (!result) FAIL(result.error().text);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// The code of a task that must fail, in words too.
template <class T>
base::Code code(net::Task<base::Result<T>> task) {
  auto result = net::run(std::move(task));
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().text.empty());
  return result.error().code;
}

template <class T>
std::string text(net::Task<base::Result<T>> task) {
  auto result = net::run(std::move(task));
  REQUIRE_FALSE(result);
  return result.error().text;
}

inline net::Task<void> count_down(net::Task<void> task, std::size_t& left, net::Loop& loop) {
  co_await std::move(task);
  if (--left == 0) loop.stop();
}

/// Runs tasks beside each other on one loop until all have ended.
inline void together(std::vector<net::Task<void>> tasks) {
  net::Loop loop;
  std::size_t left = tasks.size();
  for (auto& task : tasks) loop.spawn(count_down(std::move(task), left, loop));
  loop.run();
}

template <class T>
net::Task<void> keep(net::Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}

/// The result of a task that must not suspend: there is no loop here that it could come back to.
template <class T>
T at_once(net::Task<T> task) {
  struct Eager {
    struct promise_type {
      Eager get_return_object() { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() {}
    };
  };
  std::optional<T> out;
  struct Start {
    static Eager run(net::Task<T> started, std::optional<T>& result) { result.emplace(co_await std::move(started)); }
  };
  REQUIRE(net::Loop::current() == nullptr);
  Start::run(std::move(task), out);
  REQUIRE(out.has_value());
  return *std::move(out);
}

struct Kit {
  explicit Kit(Config given = {}, store::Faults* faults = nullptr)
      : config(given), store(store::open_memory(pool, base::system_clock(), {}, faults)), dir(reopen(config)) {}

  std::unique_ptr<Directory> reopen(Config with = {}) {
    auto opened = open(*store, base::system_clock(), {}, with, "mx.example.test");
    REQUIRE(opened);
    return *std::move(opened);
  }

  Directory* operator->() { return dir.get(); }

  /// example.test with an account for each of `names`, whose password is "secret of NAME".
  std::vector<Account> people(const std::vector<std::string>& names) {
    good(dir->add_domain("example.test"));
    std::vector<Account> added;
    for (const std::string& name : names) {
      added.push_back(good(dir->add_account(name + "@example.test", "secret of " + name, kDefaultQuota)));
    }
    return added;
  }

  std::vector<std::string> problems() {
    std::vector<std::string> found;
    const auto reader = store->reader();
    REQUIRE(reader);
    REQUIRE(
        dir->check(**reader, [&](store::Problem problem) { found.push_back(problem.where + ": " + problem.what); }));
    return found;
  }

  const Config config;
  net::Pool pool{4};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Directory> dir;
};

inline std::vector<std::string> names_of(const std::vector<Account>& accounts) {
  std::vector<std::string> names;
  for (const Account& account : accounts) names.push_back(account.address);
  return names;
}

inline std::vector<std::string> names_of(const std::vector<Domain>& domains) {
  std::vector<std::string> names;
  for (const Domain& domain : domains) names.push_back(domain.name);
  return names;
}

inline std::vector<std::string> names_of(const std::vector<Route::Remote>& remotes) {
  std::vector<std::string> names;
  for (const Route::Remote& remote : remotes) names.push_back(remote.address);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace directory::test
