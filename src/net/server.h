#pragma once
// Server: accepts on one listener and serves each connection on the loops in turn, within limits, until it is stopped.
// What serves is one function; the server knows no protocol.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"

namespace net {

/// What a session tells of itself for the operator: written and read on the session's loop only, so it costs no lock.
struct Report {
  std::string user;
  std::string_view state = "connected";  // static texts, of the protocol
  std::string_view command;              // the last one
  bool tls = false;
};

/// What a session needs to know of the server around it, and where it tells of itself. Copied freely; what is asked is
/// safe from any thread.
class Stopping {
 public:
  Stopping() : server_(std::make_shared<std::atomic<bool>>(false)), session_(std::make_shared<Session>()) {}

  /// This session is to end, alone or with all others.
  bool requested() const { return server_->load(std::memory_order_relaxed) || alone(); }
  /// The operator ends this session, and the server goes on.
  bool alone() const { return session_->ends.load(std::memory_order_relaxed); }
  Report& report() const { return session_->report; }

  /// The server's side: for all sessions, and for one.
  void request() { server_->store(true, std::memory_order_relaxed); }
  void request_alone() { session_->ends.store(true, std::memory_order_relaxed); }
  Stopping for_session() const {
    Stopping other(*this);
    other.session_ = std::make_shared<Session>();
    return other;
  }

 private:
  struct Session {
    Report report;
    std::atomic<bool> ends = false;
  };
  std::shared_ptr<std::atomic<bool>> server_;
  std::shared_ptr<Session> session_;
};

/// A live session as the operator sees it.
struct SessionInfo {
  std::uint64_t id = 0;  // as in the log
  Endpoints endpoints;
  base::SteadyTime since;
  Traffic traffic;
  Report report;
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
  struct Turned {
    std::string line;      // "421 …\r\n"
    std::string_view why;  // for the log
  };
  struct Options {
    std::string name;  // in logs: "smtp"
    Limits limits;
    /// The line that a connection above the limits gets before it is closed ("421 …\r\n").
    std::string too_many;
    /// Who may connect; empty: everybody. Others are closed at once.
    Whether allowed;
    /// Asked about the address of each client that is allowed, once: whoever gets an answer is told its line, which may
    /// be empty, and turned away. Empty: nobody is.
    std::function<std::optional<Turned>(std::string_view address)> admit;
    /// Whose connections begin with a PROXY header (proxy_header.h), without which they are closed; empty: nobody's.
    /// The client that it names is the peer then: for the limit by address, for `allowed` and `admit`, and for the
    /// session. The proxy's own connections (health checks) are subject to none of them.
    Whether proxies;
  };

  Server(std::unique_ptr<Listener> listener, Loop& accept_on, Loops& loops, Options options, Serve serve,
         base::Log log);
  ~Server();

  /// Begins to accept. Once, from any thread.
  void start();
  /// Connections from now on get these; those that are open keep what they have. From any thread.
  void replace(Options options, Serve serve);
  /// Accepts what is connected already, then no more; sessions go on. Once, from any thread; stop() may follow.
  void retire();
  /// See Listener::share_port(). From any thread, before retire() and stop().
  void share_port(bool shared);
  /// Stops accepting, wakes every session, and completes when all have ended or `grace` has passed; then those that
  /// are left are closed and awaited. On any loop.
  Task<void> stop(std::chrono::steady_clock::duration grace);

  /// The live sessions, as each loop has them when it is asked. From any thread; awaited on any loop.
  Task<std::vector<SessionInfo>> list() const;
  /// Asks the sessions with these ids to end, at once; the task waits until they have or `until` has come, and then
  /// cuts the connections of those that are left. Returns how many that were.
  Task<std::size_t> end_sessions(std::vector<std::uint64_t> ids, base::SteadyTime until) const;

  std::size_t sessions() const;
  /// Whether nothing of it runs any more, neither accepting nor a session; after retire() or stop().
  bool ended() const;
  /// Sessions since the start that ended with an exception other than Closed.
  std::size_t failed_sessions() const;
  std::uint16_t port() const;

  /// Private to server.cpp.
  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace net
