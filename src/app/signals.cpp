#include "app/signals.h"

#include <pthread.h>

#include <csignal>

namespace app {

namespace {

sigset_t set_of(bool with_hangup) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (with_hangup) sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Signals::Signals() {
  // A peer that is gone is an error of the write, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = set_of(true);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int Signals::wait(std::chrono::milliseconds timeout) const {
  const sigset_t set = set_of(true);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(timeout);
  const timespec time{.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(timeout - seconds).count()};
  const int signal = sigtimedwait(&set, nullptr, &time);
  return signal > 0 ? signal : 0;  // interrupted (a debugger), too: who asks comes again
}

void Signals::release() const {
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  const sigset_t set = set_of(false);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace app
