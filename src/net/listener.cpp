#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "net/socket.h"

namespace net {

namespace {

using base::Code;
using std::chrono::milliseconds;

constexpr int kBacklog = 1024;
constexpr milliseconds kExhaustedPause{100};

/// A descriptor that is closed unless it is released.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

void set_option(int fd, int level, int option, int value) {
  // None of these is worth a connection, so failures are ignored.
  [[maybe_unused]] const int result = ::setsockopt(fd, level, option, &value, sizeof value);
}

// Set on the listening socket: Linux hands them down to what it accepts, which saves calls for every connection.
void set_connection_options(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 300);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
}

bool out_of_resources(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

// accept(2): errors of the one connection that was about to be accepted.
bool concerns_one_connection(int error) {
  constexpr std::array kErrors = {EINTR,  ECONNABORTED, EPROTO, ENOPROTOOPT, EHOSTDOWN,  ENETDOWN,
                                  ENONET, EHOSTUNREACH, EPERM,  ENETUNREACH, EOPNOTSUPP, ETIMEDOUT};
  return std::ranges::find(kErrors, error) != kErrors.end();
}

Endpoints endpoints_of(int fd, const sockaddr_storage& peer) {
  Endpoints endpoints;
  if (peer.ss_family == AF_UNIX) {
    endpoints.peer_uid = peer_uid(fd);
    return endpoints;
  }
  std::tie(endpoints.peer_address, endpoints.peer_port) = describe(peer);
  std::tie(endpoints.local_address, endpoints.local_port) = local_address(fd);
  return endpoints;
}

/// The socket, and whether only what is in its backlog is still accepted.
struct Accepting {
  std::shared_ptr<Socket> socket;
  std::shared_ptr<bool> finishing;
};

Task<std::unique_ptr<Stream>> accept_on(Accepting accepting, Loop& onto) {
  Socket* const socket = accepting.socket.get();
  if (socket->turn_is_over()) {
    socket->post_resume(&Operations::reader);
    co_await socket->suspend(socket->reader);
  }
  while (true) {
    socket->check();
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    Fd fd(::accept4(socket->fd(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() >= 0) {
      Endpoints endpoints = endpoints_of(fd.get(), peer);
      auto accepted = std::make_shared<Socket>(onto, fd.get());
      fd.release();
      co_return make_socket_stream(std::move(accepted), std::move(endpoints));
    }
    const int error = errno;
    if (error == EAGAIN) {
      if (*accepting.finishing) throw Closed(Closed::Why::local);
      socket->arm_read();
      co_await socket->suspend(socket->reader);
    } else if (out_of_resources(error)) {
      co_await sleep_for(kExhaustedPause);
    } else if (!concerns_one_connection(error)) {
      throw Closed(Closed::Why::local, "cannot accept connections: " + system_text(error));
    }
  }
}

/// The file of a Unix socket, removed at the end if it is still the one that was bound.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path) : path_(std::move(path)) {
    if (::lstat(path_.c_str(), &bound_) != 0) path_.clear();
  }
  void remove() noexcept {
    struct stat now{};
    if (!path_.empty() && ::lstat(path_.c_str(), &now) == 0 && now.st_dev == bound_.st_dev &&
        now.st_ino == bound_.st_ino) {
      ::unlink(path_.c_str());
    }
    path_.clear();
  }

 private:
  std::string path_;
  struct stat bound_{};
};

class SocketListener final : public Listener {
 public:
  SocketListener(Loop& loop, int fd, SocketFile file)
      : socket_(std::make_shared<Socket>(loop, fd)), port_(local_address(fd).second), file_(std::move(file)) {}
  ~SocketListener() override { close(); }

  Task<std::unique_ptr<Stream>> accept(Loop& onto) override { return accept_on({socket_, finishing_}, onto); }
  void close() noexcept override {
    file_.remove();
    socket_->close();
  }
  void finish() override {
    *finishing_ = true;
    socket_->post_resume(&Operations::reader);
  }
  void share_port(bool shared) override { set_option(socket_->fd(), SOL_SOCKET, SO_REUSEPORT, shared ? 1 : 0); }
  std::uint16_t port() const override { return port_; }

 private:
  std::shared_ptr<Socket> socket_;
  std::shared_ptr<bool> finishing_ = std::make_shared<bool>(false);
  std::uint16_t port_;
  SocketFile file_;
};

std::string bracketed(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::unexpected<base::Error> unavailable(const std::string& what, int error) {
  const Code code = error == EACCES || error == EPERM ? Code::denied : Code::unavailable;
  return base::fail(code, "cannot listen on " + what + ": " + system_text(error));
}

/// Whether the file at `path` may be replaced: a socket that nobody listens on any more.
base::Result<void> check_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};  // gone in the meantime
  if (!S_ISSOCK(info.st_mode)) {
    return base::fail(Code::unavailable, "cannot listen on " + path + ": it exists and is not a socket");
  }
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe.get() < 0) return unavailable(path, errno);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN) {
    return base::fail(Code::unavailable, "cannot listen on " + path + ": it is in use by another process");
  }
  if (errno != ECONNREFUSED && errno != ENOENT) return unavailable(path, errno);
  return {};
}

}  // namespace

base::Result<int> bind_tcp(const std::string& address, std::uint16_t port) {
  const std::string what = bracketed(address, port);
  sockaddr_storage bound{};
  socklen_t length = 0;
  if (!parse_address(address, port, bound, length)) {
    return base::fail(Code::invalid, "cannot listen on \"" + address + "\": not a numeric IPv4 or IPv6 address");
  }
  Fd fd(::socket(bound.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return unavailable(what, errno);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (bound.ss_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  const auto bind = [&] { return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&bound), length) == 0; };
  bool done = bind();
  if (!done && errno == EADDRINUSE) {
    // A socket of ours that shares the port at this moment (share_port) lets us in; any other still does not. Only when
    // the ordinary way fails: the kernel remembers for a port that it was shared.
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    done = bind();
  }
  if (!done || ::listen(fd.get(), kBacklog) != 0) return unavailable(what, errno);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 0);
  return fd.release();
}

base::Result<std::unique_ptr<Listener>> adopt_tcp(Loop& loop, int listening_fd) {
  Fd fd(listening_fd);
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0)
    return unavailable("a socket that was handed over", errno);
  if (listening == 0) return base::fail(Code::invalid, "a socket that was handed over does not listen");
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return unavailable("a socket that was handed over", errno);
  }
  set_connection_options(fd.get());
  auto listener = std::make_unique<SocketListener>(loop, fd.get(), SocketFile());
  fd.release();
  return listener;
}

base::Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, const std::string& address, std::uint16_t port) {
  TRY_ASSIGN(const int fd, bind_tcp(address, port));
  return adopt_tcp(loop, fd);
}

base::Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, const std::string& path, unsigned mode) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::fail(Code::invalid, "cannot listen on \"" + path + "\": a socket's path has 1 to " +
                                         std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  const auto* bound = reinterpret_cast<const sockaddr*>(&address);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return unavailable(path, errno);
  // On Linux the file takes its mode from the socket, less the umask: it is never wider than asked for, not even
  // between bind and chmod.
  if (::fchmod(fd.get(), mode) != 0) return unavailable(path, errno);
  if (::bind(fd.get(), bound, sizeof address) != 0) {
    if (errno != EADDRINUSE) return unavailable(path, errno);
    TRY(check_stale(path, address));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return unavailable(path, errno);
    if (::bind(fd.get(), bound, sizeof address) != 0) return unavailable(path, errno);
  }
  SocketFile file(path);
  if (::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    file.remove();
    return unavailable(path, error);
  }
  auto listener = std::make_unique<SocketListener>(loop, fd.get(), std::move(file));
  fd.release();
  return listener;
}

}  // namespace net
