#pragma once
// systemd's protocols, spoken directly (sd_listen_fds(3), sd_notify(3)): sockets that it hands over by name, and what it
// wants to hear from us. Whatever speaks them may start us: tests do. Read from the environment once, before there are
// threads and other processes, and removed from it.

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/loop.h"

namespace app {

/// Sockets that were handed over, by name; several may have one. Owns what was not taken.
class HandedSockets {
 public:
  HandedSockets() = default;
  ~HandedSockets();
  HandedSockets(HandedSockets&& other) noexcept : sockets_(std::exchange(other.sockets_, {})) {}
  HandedSockets& operator=(HandedSockets&& other) noexcept;

  /// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. invalid when they make no sense.
  static base::Result<HandedSockets> of_environment();

  void add(std::string name, int fd) { sockets_.emplace(std::move(name), fd); }
  /// The descriptors of that name, the caller's to close; empty when there are none.
  std::vector<int> take(std::string_view name);
  std::vector<std::string> names() const;

 private:
  std::multimap<std::string, int, std::less<>> sockets_;
};

/// The names of the sockets from descriptor 3 on. Empty: none are for process `self`. Pure.
base::Result<std::vector<std::string>> parse_handed(std::string_view self, std::string_view pid, std::string_view count,
                                                    std::string_view names);

/// Whom to tell how we are. Without one, nothing is told. Never blocks for long, and never fails the caller.
class Supervisor {
 public:
  Supervisor() = default;
  /// NOTIFY_SOCKET and WATCHDOG_USEC.
  static Supervisor of_environment();

  void ready(const std::string& status) const;
  void reloading() const;
  void stopping() const;
  void alive() const;

  /// How often alive() is to come at the latest; nothing: it is not waited for.
  std::optional<std::chrono::microseconds> pulse() const;

 private:
  void tell(const std::string& message) const;

  std::string socket_;  // a path, or with '@' an abstract name; empty: nobody
  std::chrono::microseconds watchdog_{0};
};

/// Whether all loops still turn. One thread.
class Heartbeat {
 public:
  explicit Heartbeat(net::Loops& loops) : loops_(loops) {}

  /// True when every loop has run since it was last true; asks all of them again then.
  bool beat();

 private:
  net::Loops& loops_;
  std::shared_ptr<std::atomic<std::size_t>> answers_;  // nullptr: not asked yet
};

}  // namespace app
