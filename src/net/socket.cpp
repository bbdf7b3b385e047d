#include "net/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <system_error>

namespace net {

void Socket::register_once() {
  if (registered_) return;
  ErrorCode error;
  descriptor_.assign(fd_, error);
  if (error) throw Closed(Closed::Why::local, "cannot watch the socket: " + error.message());
  registered_ = true;
}

bool Socket::arm_read() {
  if (read_armed_) return false;
  register_once();
  read_armed_ = true;
  readable = false;
  descriptor_.async_wait(Descriptor::wait_read, [self = self()](ErrorCode) {
    self->read_armed_ = false;
    self->readable = true;
    resume(self->reader);
  });
  return true;
}

void Socket::arm_write() {
  if (write_armed_) return;
  register_once();
  write_armed_ = true;
  descriptor_.async_wait(Descriptor::wait_write, [self = self()](ErrorCode) {
    self->write_armed_ = false;
    resume(self->writer);
  });
}

bool Socket::peek() const {
  char byte = 0;
  const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || errno != EAGAIN;
}

void Socket::close() noexcept {
  if (fd_ < 0) return;
  close_operations();
  if (registered_) {
    ErrorCode ignored;
    descriptor_.close(ignored);
  } else {
    ::close(fd_);
  }
  fd_ = -1;
}

namespace {

using Shared = std::shared_ptr<Socket>;

[[noreturn]] void throw_lost(int error) { throw Closed(Closed::Why::peer, system_text(error)); }

// The operations hold the socket, not the stream: a stream that is destroyed under them closes it, and they end.

Task<Ready> wait_on(Shared socket) {
  // An event that was asked for by an earlier wait may tell of bytes that have been read since.
  bool stale = false;
  bool first = true;
  while (true) {
    socket->check();
    if (!first && socket->readable) {
      if (!stale || socket->peek()) co_return Ready::data;
    }
    if (socket->woken) {
      if (socket->peek()) co_return Ready::data;
      socket->woken = false;
      co_return Ready::woken;
    }
    const bool armed = socket->arm_read();
    if (armed) {
      stale = false;
    } else if (first) {
      stale = true;
      socket->readable = false;
    }
    first = false;
    co_await socket->suspend(socket->reader, true);
  }
}

Task<std::size_t> read_from(Shared socket, std::span<char> into) {
  ENSURE(!into.empty());
  if (socket->turn_is_over()) {
    socket->post_resume(&Operations::reader);
    co_await socket->suspend(socket->reader);
  }
  while (true) {
    socket->check();
    const ssize_t n = ::recv(socket->fd(), into.data(), into.size(), MSG_DONTWAIT);
    if (n >= 0) {
      socket->traffic.received += static_cast<std::uint64_t>(n);
      co_return static_cast<std::size_t>(n);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw_lost(errno);
    socket->arm_read();
    co_await socket->suspend(socket->reader);
  }
}

Task<void> write_to(Shared socket, std::string_view data) {
  if (socket->turn_is_over()) {
    socket->post_resume(&Operations::writer);
    co_await socket->suspend(socket->writer);
  }
  while (true) {
    socket->check();
    if (data.empty()) co_return;
    const ssize_t n = ::send(socket->fd(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      data.remove_prefix(static_cast<std::size_t>(n));
      socket->traffic.sent += static_cast<std::uint64_t>(n);
      if (data.empty()) co_return;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw_lost(errno);
    socket->arm_write();
    co_await socket->suspend(socket->writer);
  }
}

Task<void> shutdown_of(Shared socket) {
  if (!socket->closed()) ::shutdown(socket->fd(), SHUT_WR);
  co_return;
}

class SocketStream final : public Stream {
 public:
  SocketStream(Shared socket, Endpoints endpoints) : socket_(std::move(socket)), endpoints_(std::move(endpoints)) {}
  ~SocketStream() override { socket_->close(); }

  Task<Ready> wait() override { return wait_on(socket_); }
  Task<std::size_t> read(std::span<char> into) override { return read_from(socket_, into); }
  Task<void> write(std::string_view data) override { return write_to(socket_, data); }
  void wake() override { socket_->wake(); }
  void set_deadline(base::SteadyTime deadline) override { socket_->set_deadline(deadline); }
  void close() noexcept override { socket_->close(); }
  Task<void> shutdown() override { return shutdown_of(socket_); }
  const Endpoints& endpoints() const override { return endpoints_; }
  Traffic traffic() const override { return socket_->traffic; }

 private:
  Shared socket_;
  Endpoints endpoints_;
};

}  // namespace

std::unique_ptr<Stream> make_socket_stream(std::shared_ptr<Socket> socket, Endpoints endpoints) {
  return std::make_unique<SocketStream>(std::move(socket), std::move(endpoints));
}

std::pair<std::string, std::uint16_t> describe(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
    return {text, ntohs(v6.sin6_port)};
  }
  return {};
}

bool parse_address(const std::string& text, std::uint16_t port, sockaddr_storage& out, socklen_t& length) {
  out = {};
  sockaddr_in v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&out, &v4, sizeof v4);
    length = sizeof v4;
    return true;
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&out, &v6, sizeof v6);
    length = sizeof v6;
    return true;
  }
  return false;
}

std::optional<std::uint32_t> peer_uid(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid == static_cast<uid_t>(-1)) {
    return std::nullopt;
  }
  return peer.uid;
}

std::pair<std::string, std::uint16_t> local_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return describe(address);
}

std::string system_text(int error) { return std::system_category().message(error); }

bool is_loopback(std::string_view address) {
  sockaddr_storage parsed;
  socklen_t length = 0;
  if (!parse_address(std::string(address), 0, parsed, length)) return false;
  const std::string text = describe(parsed).first;
  return text == "::1" || text.starts_with("127.");
}

}  // namespace net
