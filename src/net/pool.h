#pragma once
// Pool: worker threads for what blocks (store reads, password hashes, files, parsing of large bodies). run() hands a
// function to a worker and resumes the caller on its own loop with the result or the exception. Queued work is not
// bounded here: each caller is a session that waits for its own result, and sessions are bounded by the listeners.

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <variant>

#include "base/metrics.h"
#include "net/completion.h"
#include "net/task.h"

namespace net {

class Pool {
 public:
  explicit Pool(std::size_t threads, const base::Metrics& metrics = {});
  /// Finishes what is queued, then joins.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// From any thread; `work` must not throw.
  void submit(std::move_only_function<void()> work);

  /// Runs `function` on a worker; the coroutine goes on on its own loop.
  template <class F>
  auto run(F function) -> Task<std::invoke_result_t<F&>>;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class F>
auto Pool::run(F function) -> Task<std::invoke_result_t<F&>> {
  using R = std::invoke_result_t<F&>;
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  // The completion lives in this coroutine's frame: the frame cannot go away before set(), which is what it waits for.
  struct Shared {
    F function;
    Completion<std::variant<std::exception_ptr, Value>> done;
  };
  auto shared = std::make_shared<Shared>(std::move(function));
  submit([shared] {
    try {
      if constexpr (std::is_void_v<R>) {
        shared->function();
        shared->done.set(Value{});
      } else {
        shared->done.set(std::variant<std::exception_ptr, Value>(std::in_place_index<1>, shared->function()));
      }
    } catch (...) {
      shared->done.set(std::current_exception());
    }
  });
  auto outcome = co_await shared->done.wait();
  if (outcome.index() == 0) std::rethrow_exception(std::get<0>(outcome));
  if constexpr (!std::is_void_v<R>) co_return std::move(std::get<1>(outcome));
}

}  // namespace net
