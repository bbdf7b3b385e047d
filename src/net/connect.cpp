// connect_tcp and connect_unix (net/listener.h).
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/socket.h"

namespace net {

namespace {

using Why = Closed::Why;

std::shared_ptr<Socket> open_socket(int family, base::SteadyTime deadline) {
  Loop* loop = Loop::current();
  ENSURE(loop != nullptr);
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw Closed(Why::local, "cannot open a socket: " + system_text(errno));
  auto socket = std::make_shared<Socket>(*loop, fd);
  socket->set_deadline(deadline);
  return socket;
}

void bind_source(Socket& socket, const std::string& source, sa_family_t family) {
  sockaddr_storage own{};
  socklen_t length = 0;
  if (!parse_address(source, 0, own, length) || own.ss_family != family) {
    throw Closed(Why::local, "cannot connect from \"" + source + "\": not an address of the same kind");
  }
  // Two connections to different peers may share a port of ours: there are not so many.
  const int one = 1;
  ::setsockopt(socket.fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&own), length) != 0) {
    const std::string why = system_text(errno);
    socket.close();
    throw Closed(Why::local, "cannot connect from " + source + ": " + why);
  }
}

/// Begins to connect: 0 when that succeeded at once, otherwise the error.
int begin_connect(const Socket& socket, const sockaddr_storage& address, socklen_t length) {
  while (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

std::unique_ptr<Stream> adopt_stream(int connected_fd) {
  Loop* loop = Loop::current();
  ENSURE(loop != nullptr);
  ::fcntl(connected_fd, F_SETFL, ::fcntl(connected_fd, F_GETFL) | O_NONBLOCK);
  return make_socket_stream(std::make_shared<Socket>(*loop, connected_fd), Endpoints{});
}

Task<std::unique_ptr<Stream>> connect_tcp(std::string address, std::uint16_t port, base::SteadyTime deadline,
                                          std::string source) {
  sockaddr_storage peer{};
  socklen_t length = 0;
  if (!parse_address(address, port, peer, length)) {
    throw Closed(Why::local, "cannot connect to \"" + address + "\": not a numeric address");
  }
  auto socket = open_socket(peer.ss_family, deadline);
  const int one = 1;
  ::setsockopt(socket->fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(socket->fd(), SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  if (!source.empty()) bind_source(*socket, source, peer.ss_family);
  int error = begin_connect(*socket, peer, length);
  if (error == EINPROGRESS) {
    socket->arm_write();
    co_await socket->suspend(socket->writer);
    socket->check();
    socklen_t size = sizeof error;
    if (::getsockopt(socket->fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  }
  if (error != 0) {
    socket->close();
    throw Closed(Why::peer,
                 "cannot connect to " + address + " port " + std::to_string(port) + ": " + system_text(error));
  }
  socket->set_deadline(base::SteadyTime::max());
  Endpoints endpoints;
  std::tie(endpoints.peer_address, endpoints.peer_port) = describe(peer);
  std::tie(endpoints.local_address, endpoints.local_port) = local_address(socket->fd());
  co_return make_socket_stream(std::move(socket), std::move(endpoints));
}

Task<std::unique_ptr<Stream>> connect_unix(std::string path, base::SteadyTime deadline) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    throw Closed(Why::local, "cannot connect to \"" + path + "\": not the path of a socket");
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  sockaddr_storage peer{};
  std::memcpy(&peer, &address, sizeof address);
  auto socket = open_socket(AF_UNIX, deadline);
  while (true) {
    socket->check();
    const int error = begin_connect(*socket, peer, sizeof address);
    if (error == 0) break;
    if (error != EAGAIN) {
      socket->close();
      throw Closed(Why::peer, "cannot connect to " + path + ": " + system_text(error));
    }
    // unix(7): EAGAIN means that the listener's backlog is full; there is nothing to wait for but time.
    co_await sleep_for(std::chrono::milliseconds(10));
  }
  socket->set_deadline(base::SteadyTime::max());
  co_return make_socket_stream(std::move(socket), Endpoints{});
}

}  // namespace net
