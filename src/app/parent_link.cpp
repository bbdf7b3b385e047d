#include "app/parent_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "app/files.h"
#include "app/parent_message.h"
#include "app/pipe_process.h"
#include "base/text.h"
#include "net/listener.h"

namespace app {

namespace {

constexpr std::uint16_t kFirstFreePort = 1024;

std::unexpected<base::Error> gone() {
  return base::fail(base::Code::unavailable, "the privileged parent process is gone: restart the server");
}

/// The one descriptor that came with the message, or -1.
int descriptor_of(msghdr& header) {
  const cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (rights == nullptr || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS ||
      rights->cmsg_len != CMSG_LEN(sizeof(int))) {
    return -1;
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return fd;
}

base::Result<int> receive(int socket) {
  std::array<char, kMaxMessage> buffer;
  iovec piece{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return gone();
  const int fd = descriptor_of(header);
  std::optional<base::Error> error;
  const bool understood = parse_reply(std::string_view(buffer.data(), static_cast<std::size_t>(size)), error);
  if (understood && !error && fd >= 0) return fd;
  if (fd >= 0) ::close(fd);
  if (understood && error) return std::unexpected(*std::move(error));
  return base::fail(base::Code::unavailable, "the privileged parent process gave no sensible answer");
}

class ThroughParent final : public Privileged {
 public:
  explicit ThroughParent(int socket) : socket_(socket) {}
  ~ThroughParent() override { ::close(socket_); }
  ThroughParent(const ThroughParent&) = delete;
  ThroughParent& operator=(const ThroughParent&) = delete;

  base::Result<int> listen(const std::string& address, std::uint16_t port) override {
    auto own = net::bind_tcp(address, port);
    if (own || port >= kFirstFreePort || port == 0) return own;
    return ask({.kind = ParentRequest::Kind::listen, .port = port, .text = address});
  }

  base::Result<std::string> read(const std::string& path, std::size_t limit) override {
    auto own = read_file(path, limit);
    if (own || own.error().code != base::Code::denied) return own;
    TRY_ASSIGN(const int fd, ask({.kind = ParentRequest::Kind::open, .port = 0, .text = path}));
    auto content = read_descriptor(fd, path, limit);
    ::close(fd);
    return content;
  }

  base::Result<FileStamp> stamp(const std::string& path) override {
    auto own = stamp_file(path);
    if (own || own.error().code != base::Code::denied) return own;
    TRY_ASSIGN(const int fd, ask({.kind = ParentRequest::Kind::open, .port = 0, .text = path}));
    auto stamp = stamp_descriptor(fd, path);
    ::close(fd);
    return stamp;
  }

  base::Result<outbound::StartedCommand> start(const outbound::Pipe& pipe,
                                               const outbound::PipeValues& values) override {
    if (pipe.user.empty()) return start_command(pipe, values);
    TRY_ASSIGN(const int fd,
               ask({.kind = ParentRequest::Kind::run,
                    .port = 0,
                    .text = fingerprint(pipe) + "\n" + values.sender + "\n" + values.recipient + "\n" + values.id}));
    return outbound::StartedCommand{.socket = fd, .gone = {}};  // it is the parent's child
  }

 private:
  base::Result<int> ask(const ParentRequest& request) {
    const std::string message = encode(request);
    if (!parse_request(message)) {
      return base::fail(base::Code::denied,
                        "cannot ask the privileged parent for " + base::printable(request.text, 200));
    }
    const std::lock_guard lock(mutex_);
    ssize_t sent = 0;
    do {
      sent = ::send(socket_, message.data(), message.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return gone();
    return receive(socket_);
  }

  const int socket_;
  std::mutex mutex_;  // a request and its reply belong together
};

}  // namespace

std::unique_ptr<Privileged> through_parent(int socket) { return std::make_unique<ThroughParent>(socket); }

bool is_gone(int socket) {
  pollfd asked{.fd = socket, .events = 0, .revents = 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace app
