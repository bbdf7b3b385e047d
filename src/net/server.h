#pragma once
// Server: accepts on one listener and serves each connection on the loops in turn, within limits, until it is stopped.
// What serves is one function; the server knows no protocol.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"

namespace net {

/// What a session needs to know of the server around it. Copied freely; safe from any thread.
class Stopping {
 public:
  Stopping() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  bool requested() const { return flag_->load(std::memory_order_relaxed); }
  void request() { flag_->store(true, std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

struct Limits {
  std::size_t connections = 2000;              // at once, on this server
  std::size_t connections_per_address = 2000;  // at once, by peer address
};

class Server {
 public:
  /// Serves one connection to its end. The stream is the session's own, plain as accepted. The session must return
  /// soon after its stream's wait() gives Ready::woken while stopping.requested(). Exceptions are handled here: Closed
  /// is an ordinary end; Bug and others are logged as "net.session.failed" and counted.
  using Serve = std::function<Task<void>(std::unique_ptr<Stream>, base::Log, Stopping)>;
  /// About a peer's numeric address; from any thread.
  using Whether = std::function<bool(std::string_view address)>;
  struct Options {
    std::string name;  // in logs: "smtp"
    Limits limits;
    /// The line that a connection above the limits gets before it is closed ("421 …\r\n").
    std::string too_many;
    /// Who may connect; empty: everybody. Others are closed at once.
    Whether allowed;
    /// Whose connections begin with a PROXY header (proxy_header.h), without which they are closed; empty: nobody's.
    /// The client that it names is the peer then: for the limit by address, for `allowed`, and for the session. The
    /// proxy's own connections (health checks) are subject to neither.
    Whether proxies;
  };

  Server(std::unique_ptr<Listener> listener, Loop& accept_on, Loops& loops, Options options, Serve serve,
         base::Log log);
  ~Server();

  /// Begins to accept. Once, from any thread.
  void start();
  /// Stops accepting, wakes every session, and completes when all have ended or `grace` has passed; then those that
  /// are left are closed and awaited. On any loop.
  Task<void> stop(std::chrono::steady_clock::duration grace);

  std::size_t sessions() const;
  /// Sessions since the start that ended with an exception other than Closed.
  std::size_t failed_sessions() const;
  std::uint16_t port() const;

  /// Private to server.cpp.
  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace net
