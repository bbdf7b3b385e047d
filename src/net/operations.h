#pragma once
// Private to the .cpp files of net: the suspended operations of one stream and the deadline that they share. An
// operation is a loop: check(), try, and when it would block suspend(); whatever may have changed the outcome (data, a
// wake, the deadline, close()) resumes it and it looks again, so a resumption without cause is harmless. Held by
// shared_ptr: timers and waits keep it alive until they have been cancelled, also when the stream itself is gone.
// On one loop.

#include "base/clock.h"
#include "net/asio.h"
#include "net/stream.h"

namespace net {

class Operations : public std::enable_shared_from_this<Operations> {
 public:
  /// The place of at most one suspended operation.
  struct Slot {
    std::coroutine_handle<> handle;
    bool wakeable = false;  // a wait()
  };

  explicit Operations(Loop& loop) : context_(loop.impl().context), timer_(context_) {}
  virtual ~Operations() = default;
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  Slot reader;
  Slot writer;
  bool woken = false;

  bool closed() const { return closed_; }

  /// Throws Closed(local) after close() and Closed(timeout) once the deadline has passed.
  void check() const;

  /// `co_await suspend(slot)` returns when the slot is resumed, or at the deadline.
  auto suspend(Slot& slot, bool wakeable = false) {
    struct Awaiter {
      Operations& operations;
      Slot& slot;
      bool wakeable;
      std::coroutine_handle<> mine;

      Awaiter(Operations& o, Slot& s, bool w) : operations(o), slot(s), wakeable(w) {}
      Awaiter(const Awaiter&) = delete;
      Awaiter& operator=(const Awaiter&) = delete;
      // A frame that is destroyed while it waits must not be resumed.
      ~Awaiter() {
        if (mine && slot.handle == mine) slot.handle = {};
      }
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        ENSURE(!slot.handle);
        operations.arm();
        mine = handle;
        slot.handle = handle;
        slot.wakeable = wakeable;
      }
      void await_resume() noexcept { mine = {}; }
    };
    return Awaiter(*this, slot, wakeable);
  }

  /// True when this stream has gone on for long without suspending and others should have their turn: then
  /// `post_resume(slot); co_await suspend(slot)`.
  bool turn_is_over() { return ++turns_ % kTurns == 0; }

  static void resume(Slot& slot) {
    if (slot.handle) std::exchange(slot.handle, {}).resume();
  }
  /// Resumes what is in the slot after the handler in progress.
  void post_resume(Slot Operations::* slot);

  void wake();
  void set_deadline(base::SteadyTime deadline);
  void close_operations() noexcept;

 private:
  static constexpr unsigned kTurns = 64;

  void arm();
  void expired();

  asio::io_context& context_;
  Timer timer_;
  base::SteadyTime deadline_ = base::SteadyTime::max();
  base::SteadyTime armed_ = base::SteadyTime::max();  // when the timer will fire
  unsigned turns_ = 0;
  bool closed_ = false;
};

}  // namespace net
