#pragma once
// Signals, taken one at a time by the main thread: SIGTERM and SIGINT ask for an orderly stop, SIGHUP for the
// configuration to be read again. Made before the first thread, so that all threads have them blocked.

#include <chrono>

namespace app {

class Signals {
 public:
  Signals();

  /// Blocks until one of them arrives, and returns its number; 0 when none has after `timeout`.
  int wait(std::chrono::milliseconds timeout) const;

  /// From now on SIGTERM and SIGINT end the process at once: the orderly stop takes too long for somebody.
  void release() const;
};

}  // namespace app
