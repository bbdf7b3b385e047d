#pragma once
// Listener: a bound and listening TCP (or Unix) socket. Bound in the constructor's place, so that errors name the
// address; accepting starts with accept(). Owned by the server, used on the loop that accepts.

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/stream.h"

namespace net {

class Listener {
 public:
  virtual ~Listener() = default;

  /// The next connection as a stream that lives on `onto` (another loop than the caller's is allowed; use it there
  /// only). Lack of descriptors or memory is waited out (100 ms), not thrown; throws Closed(local) after close().
  virtual Task<std::unique_ptr<Stream>> accept(Loop& onto) = 0;

  /// Stops listening; an accept under way throws Closed(local). On the accepting loop.
  virtual void close() noexcept = 0;

  /// What is connected already is still accepted; then accept() throws Closed(local). On the accepting loop.
  virtual void finish() = 0;

  /// Whether another socket of this user may be bound to the same port meanwhile, also to an address that this one
  /// covers (SO_REUSEPORT): while a listener moves from one address to another. Not for Unix sockets. From any thread.
  virtual void share_port(bool shared) = 0;

  /// The bound port (useful when 0 was asked for); 0 for Unix sockets.
  virtual std::uint16_t port() const = 0;
};

/// Binds and listens on a numeric address ("127.0.0.1", "::1", "::", "0.0.0.0"; IPv6 sockets are v6 only) with
/// SO_REUSEADDR and a backlog of 1,024; accepted connections have TCP_NODELAY and keep-alive.
/// Errors, with the system's reason: invalid (not an address), denied (not permitted), unavailable (in use, no such
/// address).
base::Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, const std::string& address, std::uint16_t port);

/// The two halves of listen_tcp, for sockets that are bound elsewhere (by a privileged process, by systemd, by the
/// server that we take over from). bind_tcp: a listening descriptor, the caller's to close. adopt_tcp owns the
/// descriptor from the call on, also when it fails; invalid when it does not listen.
base::Result<int> bind_tcp(const std::string& address, std::uint16_t port);
base::Result<std::unique_ptr<Listener>> adopt_tcp(Loop& loop, int listening_fd);

/// A Unix stream socket at `path` (a stale one is replaced) with file mode `mode`.
base::Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, const std::string& path, unsigned mode);

/// A stream over a connected socket, on the calling loop; owns the descriptor from the call on.
std::unique_ptr<Stream> adopt_stream(int connected_fd);

/// Connects to a numeric address, or to a Unix socket. Throws Closed when it does not succeed before `deadline`. With
/// `source` the connection comes from that numeric address of ours.
Task<std::unique_ptr<Stream>> connect_tcp(std::string address, std::uint16_t port, base::SteadyTime deadline,
                                          std::string source = {});
Task<std::unique_ptr<Stream>> connect_unix(std::string path, base::SteadyTime deadline);

}  // namespace net
