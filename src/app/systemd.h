#pragma once
// systemd's protocols, spoken directly (sd_listen_fds(3), sd_notify(3)): sockets that it hands over by name, and what
// it wants to hear from us. Whatever speaks them may start us: tests do. Read from the environment once, before there
// are threads and other processes, and removed from it.

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

/// Sockets that were handed over, by name; several may have one. Whoever handed them over holds them too, so they stay
/// open here as long as the server runs, and listeners take duplicates.
class HandedSockets {
 public:
  HandedSockets() = default;
  ~HandedSockets();
  HandedSockets(HandedSockets&& other) noexcept : sockets_(std::exchange(other.sockets_, {})) {}
  HandedSockets& operator=(HandedSockets&& other) noexcept;

  /// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. invalid when they make no sense.
  static base::Result<HandedSockets> of_environment();

  void add(std::string name, int fd) { sockets_[std::move(name)].push_back(fd); }
  void drop(const std::string& name);
  /// How many there are of each name.
  std::map<std::string, std::size_t, std::less<>> counts() const;
  /// A descriptor of one of them, the caller's to close.
  base::Result<int> duplicate(std::string_view name, std::size_t index) const;

 private:
  std::map<std::string, std::vector<int>, std::less<>> sockets_;
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
  std::optional<std::chrono::milliseconds> pulse() const;

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
