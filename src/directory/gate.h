#pragma once
// Private to the room: lets at most `at_once` functions run on the pool at the same time and at most `waiting` wait for
// that; above it: busy. Who waits holds no thread, and each function queues behind the pool's other work anew, so
// nothing that is slow on purpose can take the pool. Safe from any thread. Its destructor waits for what runs and drops
// what waits; the sessions that would be told are gone by then.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <variant>

#include "base/metrics.h"
#include "base/result.h"
#include "net/completion.h"
#include "net/pool.h"
#include "net/task.h"

namespace directory {

class Gate {
 public:
  /// `waiting_gauge` shows how many wait.
  Gate(net::Pool& pool, std::size_t at_once, std::size_t waiting, base::Gauge waiting_gauge = {});
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Runs `function`, which returns a base::Result<…>, on a worker; the coroutine goes on on its own loop.
  template <class F>
  auto run(F function) -> net::Task<std::invoke_result_t<F&>> {
    using R = std::invoke_result_t<F&>;
    using Outcome = std::variant<std::exception_ptr, R>;
    struct Shared {
      F function;
      net::Completion<Outcome> done;
    };
    auto shared = std::make_shared<Shared>(std::move(function));
    const bool entered = enter([this, shared] {
      std::optional<Outcome> outcome;
      try {
        outcome.emplace(std::in_place_index<1>, shared->function());
      } catch (...) {
        outcome.emplace(std::in_place_index<0>, std::current_exception());
      }
      // First: once the last waiter goes on, the gate may be gone.
      leave();
      shared->done.set(*std::move(outcome));
    });
    if (!entered) co_return base::fail(base::Code::busy, "too many passwords are waiting to be checked");
    Outcome outcome = co_await shared->done.wait();
    if (outcome.index() == 0) std::rethrow_exception(std::get<0>(outcome));
    co_return std::get<1>(std::move(outcome));
  }

  /// As run(), and tells nobody of the end. false: too many wait.
  bool start(std::move_only_function<void()> function);

 private:
  using Work = std::move_only_function<void()>;
  bool enter(Work work);
  void leave();

  net::Pool& pool_;
  const std::size_t at_once_;
  const std::size_t max_waiting_;
  const base::Gauge waiting_gauge_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::size_t running_ = 0;
  std::deque<Work> waiting_;
};

}  // namespace directory
