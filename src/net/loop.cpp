#include "net/loop.h"

#include <pthread.h>

#include "net/asio.h"
#include "net/stream.h"

namespace net {

namespace {

thread_local Loop* current_loop = nullptr;

/// Makes a loop the current one for a scope.
class Entered {
 public:
  explicit Entered(Loop* loop) : before_(std::exchange(current_loop, loop)) {}
  ~Entered() { current_loop = before_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Loop* before_;
};

/// Another thread's call into a loop. What it posts may run, and end the loop, before the call has returned: so the
/// loop's destructor waits for the caller to leave.
class Calling {
 public:
  explicit Calling(Loop::Impl& impl) : impl_(impl) { impl_.calling.fetch_add(1, std::memory_order_relaxed); }
  ~Calling() { impl_.calling.fetch_sub(1, std::memory_order_release); }
  Calling(const Calling&) = delete;
  Calling& operator=(const Calling&) = delete;

 private:
  Loop::Impl& impl_;
};

/// A coroutine that nobody awaits: it stands in its loop's list while it lives and frees itself at its end.
struct Root {
  struct promise_type : RootLink {
    promise_type(Loop::Impl& impl, Task<void>& /*task*/, base::Log& /*log*/) {
      frame = std::coroutine_handle<promise_type>::from_promise(*this);
      next = impl.roots.next;
      previous = &impl.roots;
      if (next) next->previous = this;
      impl.roots.next = this;
    }
    ~promise_type() {
      previous->next = next;
      if (next) next->previous = previous;
    }
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;

    Root get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }  // run_root catches everything
  };
};

Root run_root(Loop::Impl& /*impl*/, Task<void> task, base::Log log) {
  try {
    co_await std::move(task);
  } catch (const Closed&) {
    // A connection that ended: the ordinary end of a task that serves one.
  } catch (const std::exception& error) {
    log.error("net.task.failed", {{"why", error.what()}});
  } catch (...) {
    log.error("net.task.failed", {{"why", "an unknown exception"}});
  }
}

struct TimerWait {
  Timer& timer;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    timer.async_wait([handle](ErrorCode) { handle.resume(); });
  }
  void await_resume() const noexcept {}
};

}  // namespace

void Loop::Impl::drop_tasks() {
  while (roots.next) roots.next->frame.destroy();
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {}

Loop::~Loop() {
  while (impl_->calling.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  const Entered entered(this);
  impl_->drop_tasks();
  impl_->drop_queue();
  impl_.reset();
}

void Loop::run() {
  const Entered entered(this);
  const auto work = asio::make_work_guard(impl_->context);
  impl_->context.run();
  impl_->context.restart();  // so that the loop can be run again
}

void Loop::stop() {
  const Calling calling(*impl_);
  impl_->context.stop();
}

void Loop::post(std::move_only_function<void()> function) {
  const Calling calling(*impl_);
  asio::post(impl_->context, std::move(function));
}

void Loop::spawn(Task<void> task, base::Log log) {
  const Calling calling(*impl_);
  asio::post(impl_->context, [impl = impl_.get(), task = std::move(task), log = std::move(log)]() mutable {
    run_root(*impl, std::move(task), std::move(log));
  });
}

Loop* Loop::current() { return current_loop; }

struct Loops::Thread {
  std::thread thread;
};

Loops::Loops(std::size_t count) {
  count = std::max<std::size_t>(count, 1);
  for (std::size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>());
  for (std::size_t i = 0; i < count; ++i) {
    std::thread thread([loop = loops_[i].get(), i] {
      pthread_setname_np(pthread_self(), ("loop-" + std::to_string(i)).c_str());
      loop->run();
    });
    threads_.push_back(std::make_unique<Thread>(std::move(thread)));
  }
}

Loops::~Loops() {
  for (const auto& loop : loops_) loop->stop();
  for (const auto& thread : threads_) thread->thread.join();
  for (const auto& loop : loops_) {
    const Entered entered(loop.get());
    loop->impl().drop_tasks();
  }
  for (const auto& loop : loops_) loop->impl().drop_queue();
}

Task<void> sleep_for(std::chrono::steady_clock::duration duration) {
  Loop* loop = Loop::current();
  ENSURE(loop != nullptr);
  Timer timer(loop->impl().context, duration);
  co_await TimerWait{timer};
}

}  // namespace net
