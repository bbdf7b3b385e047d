#pragma once
// Signals, taken one at a time by the main thread: SIGTERM and SIGINT ask for an orderly stop, SIGHUP for what is in
// files to be read again. Made before the first thread, so that all threads have them blocked.

#include <chrono>
#include <optional>

namespace app {

class Signals {
 public:
  Signals();

  /// The number of the next one, or nothing when none arrives in time.
  std::optional<int> wait(std::chrono::microseconds time) const;

  /// From now on SIGTERM and SIGINT end the process at once: the orderly stop takes too long for somebody.
  void release() const;
};

}  // namespace app
