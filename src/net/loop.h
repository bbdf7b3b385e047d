#pragma once
// Loop: an event loop that one thread runs. Loops: one loop per core, each on a thread of its own. A connection and
// all coroutines that serve it stay on the loop that they were spawned on; nothing that runs on a loop may block.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "base/log.h"
#include "net/task.h"

namespace net {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(). The calling thread becomes the loop's thread.
  void run();
  /// From any thread. run() returns after the handler in progress; what is queued stays queued.
  void stop();

  /// Runs `function` on the loop's thread, after what is queued there. From any thread.
  void post(std::move_only_function<void()> function);

  /// Starts `task` on the loop and keeps its frame until it ends. From any thread. An exception that leaves it is
  /// dropped when it is Closed and otherwise logged as an error with the event "net.task.failed".
  void spawn(Task<void> task, base::Log log = {});

  /// The loop whose thread this is, or nullptr. (Thread-local: what awaits must find the way back to its own loop.)
  static Loop* current();

  struct Impl;  // holds Asio's io_context; defined in net/asio.h for the .cpp files of this room
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class Loops {
 public:
  /// Starts `count` threads (at least one), each running a loop.
  explicit Loops(std::size_t count);
  /// Stops and joins them. Coroutines that still wait are abandoned with their loop: end them first (Scope::drain).
  ~Loops();

  std::size_t size() const { return loops_.size(); }
  Loop& at(std::size_t index) { return *loops_[index]; }

 private:
  struct Thread;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

/// Completes after `duration` on the current loop.
Task<void> sleep_for(std::chrono::steady_clock::duration duration);

/// Runs `task` to its end on a loop of the calling thread and returns its result; for the command line and for tests.
template <class T>
T run(Task<T> task);

namespace detail {

template <class T>
struct Outcome {
  std::optional<T> value;
  std::exception_ptr error;
};
template <>
struct Outcome<void> {
  std::exception_ptr error;
};

template <class T>
Task<void> run_into(Task<T> task, Outcome<T>& outcome, Loop& loop) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
    } else {
      outcome.value.emplace(co_await std::move(task));
    }
  } catch (...) {
    outcome.error = std::current_exception();
  }
  loop.stop();
}

}  // namespace detail

template <class T>
T run(Task<T> task) {
  Loop loop;
  detail::Outcome<T> outcome;
  loop.spawn(detail::run_into(std::move(task), outcome, loop));
  loop.run();
  if (outcome.error) std::rethrow_exception(outcome.error);
  if constexpr (!std::is_void_v<T>) return std::move(*outcome.value);
}

}  // namespace net
