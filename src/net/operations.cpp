#include "net/operations.h"

namespace net {

void Operations::check() const {
  if (closed_) throw Closed(Closed::Why::local);
  if (deadline_ != base::SteadyTime::max() && deadline_ <= std::chrono::steady_clock::now()) {
    throw Closed(Closed::Why::timeout);
  }
}

void Operations::post_resume(Slot Operations::* slot) {
  asio::post(context_, [self = shared_from_this(), slot] { resume((*self).*slot); });
}

void Operations::wake() {
  if (std::exchange(woken, true)) return;
  if (reader.handle && reader.wakeable) post_resume(&Operations::reader);
}

void Operations::set_deadline(base::SteadyTime deadline) {
  deadline_ = deadline;
  if (reader.handle || writer.handle) arm();
}

void Operations::close_operations() noexcept {
  closed_ = true;
  timer_.cancel();
  if (reader.handle) post_resume(&Operations::reader);
  if (writer.handle) post_resume(&Operations::writer);
}

// A deadline is moved with every command and hardly ever reached. So the timer is touched only when it would fire too
// late; when it fires too early it is set again to what the deadline is by then.
void Operations::arm() {
  if (closed_ || armed_ <= deadline_) return;
  armed_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](ErrorCode error) {
    if (!error) self->expired();
  });
}

void Operations::expired() {
  armed_ = base::SteadyTime::max();
  if (deadline_ <= std::chrono::steady_clock::now()) {
    resume(reader);
    resume(writer);
  } else if (reader.handle || writer.handle) {
    arm();
  }
}

}  // namespace net
