#include "app/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <ctime>

#include "app/files.h"
#include "base/text.h"

namespace app {

namespace {

constexpr int kFirstHanded = 3;  // SD_LISTEN_FDS_START
constexpr std::size_t kMostHanded = 1000;

/// The variable, which is removed: it was for us, and for no program that we might start.
std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value ? value : "";
  ::unsetenv(name);
  return taken;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

base::Result<std::vector<std::string>> parse_handed(std::string_view self, std::string_view pid, std::string_view count,
                                                    std::string_view names) {
  if (count.empty() || pid != self) return std::vector<std::string>();
  const auto handed = number(count);
  if (!handed || *handed > kMostHanded) {
    return base::fail(base::Code::invalid,
                      "LISTEN_FDS is \"" + base::printable(count, 40) + "\", which is no number of sockets up to 1000");
  }
  if (*handed == 0) return std::vector<std::string>();
  std::vector<std::string> list;
  if (!names.empty()) {
    for (const auto name : base::split(names, ':')) list.emplace_back(name);
  }
  if (list.size() != *handed) {
    return base::fail(base::Code::invalid, "LISTEN_FDNAMES has " + std::to_string(list.size()) +
                                               " names and LISTEN_FDS counts " + std::to_string(*handed) +
                                               " sockets: give each the name of its listener (FileDescriptorName=)");
  }
  return list;
}

HandedSockets::~HandedSockets() {
  while (!sockets_.empty()) drop(std::string(sockets_.begin()->first));
}

HandedSockets& HandedSockets::operator=(HandedSockets&& other) noexcept {
  std::swap(sockets_, other.sockets_);
  return *this;
}

base::Result<HandedSockets> HandedSockets::of_environment() {
  const std::string pid = take_variable("LISTEN_PID");
  const std::string count = take_variable("LISTEN_FDS");
  const std::string names = take_variable("LISTEN_FDNAMES");
  TRY_ASSIGN(const auto list, parse_handed(std::to_string(::getpid()), pid, count, names));
  HandedSockets sockets;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const int fd = kFirstHanded + static_cast<int>(i);
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      return base::fail(base::Code::invalid,
                        "LISTEN_FDS counts " + count + " sockets, and descriptor " + std::to_string(fd) + " is none");
    }
    sockets.add(list[i], fd);
  }
  return sockets;
}

void HandedSockets::drop(const std::string& name) {
  for (const int fd : sockets_[name]) ::close(fd);
  sockets_.erase(name);
}

std::map<std::string, std::size_t, std::less<>> HandedSockets::counts() const {
  std::map<std::string, std::size_t, std::less<>> counts;
  for (const auto& [name, descriptors] : sockets_) counts[name] = descriptors.size();
  return counts;
}

base::Result<int> HandedSockets::duplicate(std::string_view name, std::size_t index) const {
  const auto found = sockets_.find(name);
  ENSURE(found != sockets_.end() && index < found->second.size());
  const int fd = ::fcntl(found->second[index], F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(system_error("cannot duplicate a socket that was handed over", errno));
  return fd;
}

Supervisor Supervisor::of_environment() {
  Supervisor supervisor;
  supervisor.socket_ = take_variable("NOTIFY_SOCKET");
  const std::string pid = take_variable("WATCHDOG_PID");
  const auto microseconds = number(take_variable("WATCHDOG_USEC"));
  if (microseconds && (pid.empty() || pid == std::to_string(::getpid())))
    supervisor.watchdog_ = std::chrono::microseconds(*microseconds);
  return supervisor;
}

void Supervisor::ready(const std::string& status) const { tell("READY=1\nSTATUS=" + status); }

void Supervisor::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000));
}

void Supervisor::stopping() const { tell("STOPPING=1\nSTATUS=Stopping"); }

void Supervisor::alive() const {
  if (watchdog_.count() > 0) tell("WATCHDOG=1");
}

std::optional<std::chrono::milliseconds> Supervisor::pulse() const {
  // sd_watchdog_enabled(3): half of the time after which we are taken for dead.
  if (watchdog_.count() == 0) return std::nullopt;
  return std::chrono::floor<std::chrono::milliseconds>(watchdog_ / 2);
}

void Supervisor::tell(const std::string& message) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // Nobody who hears it is no reason to do anything else.
  [[maybe_unused]] const ssize_t sent = ::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                                 reinterpret_cast<const sockaddr*>(&address), length);
  ::close(fd);
}

bool Heartbeat::beat() {
  if (answers_ && *answers_ < loops_.size()) return false;
  answers_ = std::make_shared<std::atomic<std::size_t>>(0);
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_.at(i).post([answers = answers_] { ++*answers; });
  }
  return true;
}

}  // namespace app
