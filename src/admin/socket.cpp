#include "admin/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "admin/commands.h"
#include "base/check.h"
#include "net/loop.h"

namespace admin {

namespace {

constexpr std::chrono::minutes kPeerTimeout{5};
/// Of an answer: a list of a million accounts is within this.
constexpr std::size_t kMaxReplyBytes = 1ull << 30;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

base::Error connect_error(const std::string& path, int error) {
  const std::string reason = std::generic_category().message(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return {base::Code::not_found, "no server answers at " + path};
    case EACCES:
    case EPERM:
      return {base::Code::denied, "only root and the server's user may use " + path};
    default:
      return {base::Code::unavailable, "cannot connect to " + path + ": " + reason};
  }
}

base::Result<void> connect_to(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return base::fail(base::Code::invalid, path + " is too long for the name of a socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) return std::unexpected(connect_error(path, errno));
  }
  return {};
}

std::unexpected<base::Error> broken(const char* what, int error) {
  return base::fail(base::Code::unavailable,
                    std::string("the server ended the connection ") + what +
                        (error ? ": " + std::generic_category().message(error) : std::string()));
}

base::Result<void> send_request(int fd, const std::string& path, std::string request) {
  if (fd < 0) {
    return base::fail(base::Code::unavailable, "cannot make a socket: " + std::generic_category().message(errno));
  }
  TRY(connect_to(fd, path));
  request += '\n';
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    // Whoever may not ask is told so at once, and nothing more is read of what they send.
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) break;
    if (sent < 0) return broken("while the request was sent", errno);
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

/// Appends what has come; 0 at the end, below 0 with errno when the connection is broken.
ssize_t receive(int fd, std::string& into) {
  std::array<char, 64 * 1024> block;
  ssize_t count = 0;
  do {
    count = ::recv(fd, block.data(), block.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) into.append(block.data(), static_cast<std::size_t>(count));
  return count;
}

/// Wakes a stream from any thread, as long as it is there.
struct Waker {
  net::Loop& loop;
  net::Stream* stream;  // on the loop

  static void wake(const std::shared_ptr<Waker>& waker) {
    waker->loop.post([waker] {
      if (waker->stream) waker->stream->wake();
    });
  }
};

std::string joined(const base::LogFollower::Lines& taken, base::WallTime now) {
  std::string out;
  for (const std::string& line : taken.lines) out += line + '\n';
  if (taken.lost > 0) {
    const std::string count = std::to_string(taken.lost);
    out +=
        base::log_json({.time = now, .level = base::Level::warning, .event = "log.lost", .fields = {{"count", count}}});
    out += '\n';
  }
  return out;
}

net::Task<void> send_lines(net::Stream& stream, std::shared_ptr<base::LogFollower> follower, const base::Clock& clock,
                           net::Stopping stopping) {
  ENSURE(net::Loop::current() != nullptr);
  const auto waker = std::make_shared<Waker>(*net::Loop::current(), &stream);
  struct Ended {
    base::LogFollower& follower;
    Waker& waker;
    ~Ended() {
      follower.on_lines({});
      waker.stream = nullptr;
    }
  };
  const Ended ended{*follower, *waker};
  follower->on_lines([waker] { Waker::wake(waker); });
  std::array<char, 512> ignored;
  while (!stopping.requested()) {
    const std::string lines = joined(follower->take(), clock.now());
    if (!lines.empty()) {
      stream.set_deadline(clock.steady() + kPeerTimeout);
      co_await stream.write(lines);
      continue;
    }
    stream.set_deadline(base::SteadyTime::max());
    if (co_await stream.wait() == net::Ready::woken) continue;
    if (co_await stream.read(ignored) == 0) co_return;
  }
}

}  // namespace

SocketPath::SocketPath(const std::string& directory, const char* name) : path_(directory + "/" + name) {
  if (path_.size() < sizeof(sockaddr_un::sun_path)) return;
  // The name of a socket has at most 107 bytes. The directory as a descriptor has a short one.
  fd_ = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd_ >= 0) path_ = "/proc/self/fd/" + std::to_string(fd_) + "/" + name;
}

SocketPath::~SocketPath() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<std::string> admitted(const net::Endpoints& peer) {
  if (!peer.peer_uid) return base::fail(base::Code::denied, "who asks is not known");
  const uid_t uid = *peer.peer_uid;
  if (uid == 0) return "root";
  if (uid != ::geteuid()) {
    return base::fail(base::Code::denied,
                      "only root and the server's user may ask; this is uid " + std::to_string(uid));
  }
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> texts;
  // Of this process: whoever started it had to know it, so it is in the machine's own files or cached.
  ::getpwuid_r(uid, &entry, texts.data(), texts.size(), &found);
  return found ? found->pw_name : "uid " + std::to_string(uid);
}

net::Task<void> serve(std::unique_ptr<net::Stream> stream, Api& api, base::Log log, net::Stopping stopping) {
  const auto name = admitted(stream->endpoints());
  if (!name) {
    log.info("admin.denied", {{"why", name.error().text}});
    stream->set_deadline(api.services().clock.steady() + kPeerTimeout);
    const std::string reply = refusal(name.error().code, name.error().text) + "\n";
    co_await stream->write(reply);
    co_return;
  }
  std::string buffer;
  std::array<char, 4096> block;
  for (;;) {
    stream->set_deadline(api.services().clock.steady() + kPeerTimeout);
    std::size_t end = buffer.find('\n');
    while (end == std::string::npos) {
      if (buffer.size() > kMaxRequestBytes) {
        log.info("admin.request.refused", {{"why", "longer than 1 MiB"}});
        co_return;
      }
      if (co_await stream->wait() == net::Ready::woken) {
        if (stopping.requested()) co_return;
        continue;
      }
      const std::size_t count = co_await stream->read(block);
      if (count == 0) co_return;
      const std::size_t before = buffer.size();
      buffer.append(block.data(), count);
      end = buffer.find('\n', before);
    }
    std::string request = buffer.substr(0, end);
    buffer.erase(0, end + 1);
    // A check of a large store takes its time; the peer waits as long as it likes.
    stream->set_deadline(base::SteadyTime::max());
    std::shared_ptr<base::LogFollower> follower;
    std::string reply = co_await api.call(std::move(request), {.name = *name, .claim = {}}, &follower);
    reply += '\n';
    stream->set_deadline(api.services().clock.steady() + kPeerTimeout);
    co_await stream->write(reply);
    if (!follower) continue;
    co_await send_lines(*stream, std::move(follower), api.services().clock, stopping);
    co_return;
  }
}

ServerProcess::ServerProcess(const std::string& path) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0 || !connect_to(socket.fd(), path)) return;
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid <= 0) return;
  fd_ = static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0));
}

ServerProcess::~ServerProcess() {
  if (fd_ >= 0) ::close(fd_);
}

bool ServerProcess::wait_for_end(std::chrono::seconds patience) const {
  if (fd_ < 0) return true;
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd end{.fd = fd_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&end, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
  }
}

base::Result<std::string> ask(const std::string& path, std::string request) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  TRY(send_request(socket.fd(), path, std::move(request)));
  std::string reply;
  while (!reply.ends_with('\n')) {
    const ssize_t count = receive(socket.fd(), reply);
    if (count <= 0) return broken("before it answered", count < 0 ? errno : 0);
    if (reply.size() > kMaxReplyBytes)
      return base::fail(base::Code::too_large, "the server's answer has more than 1 GiB");
  }
  reply.pop_back();
  return reply;
}

base::Result<void> ask_for_lines(const std::string& path, std::string request,
                                 const std::function<bool(std::string_view line)>& take) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  TRY(send_request(socket.fd(), path, std::move(request)));
  bool answered = false;
  for (std::string buffer;;) {
    const ssize_t count = receive(socket.fd(), buffer);
    if (count <= 0 && !answered) return broken("before it answered", count < 0 ? errno : 0);
    if (count <= 0) return {};
    std::size_t begin = 0;
    for (std::size_t end; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1) {
      answered = true;
      if (!take(std::string_view(buffer).substr(begin, end - begin))) return {};
    }
    buffer.erase(0, begin);
    if (buffer.size() > kMaxReplyBytes) return base::fail(base::Code::too_large, "a line has more than 1 GiB");
  }
}

}  // namespace admin
