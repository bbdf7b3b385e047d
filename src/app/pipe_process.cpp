#include "app/pipe_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <optional>

// glibc 2.36 declares it for C alone.
extern "C" {
#include <sys/pidfd.h>
}

#include "app/exit.h"
#include "app/files.h"
#include "app/privileges.h"
#include "base/text.h"
#include "crypto/hash.h"

namespace app {

namespace {

using outbound::PipeEnd;
using Clock = std::chrono::steady_clock;

constexpr int kSocket = 3;
constexpr std::size_t kMaxPending = 64 * 1024;  // of the message, on its way to the command
constexpr std::size_t kBlock = 16 * 1024;
constexpr mode_t kMask = 077;
constexpr int kDying = 1000;  // milliseconds

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

void wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
}

/// posix_spawn with what it needs released again.
class Spawning {
 public:
  Spawning() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Spawning() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;

  /// Nothing open but /dev/null, standard error, and the socket as 3.
  base::Result<pid_t> start(int socket, std::vector<std::string> arguments, std::vector<std::string> environment) {
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, STDIN_FILENO, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, socket, kSocket);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kSocket + 1);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, "/proc/self/exe", &actions_, &attributes_, pointers(arguments).data(),
                                    pointers(environment).data());
    if (error != 0) return std::unexpected(system_error("cannot start a process", error));
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// The watching process.
class Watch {
 public:
  explicit Watch(std::chrono::seconds limit) : deadline_(Clock::now() + limit) {}

  /// Nothing: it runs. Otherwise how that went wrong.
  std::optional<PipeEnd> start(char** command);
  /// Until the command has ended and the message has, too; nothing: nobody waits for the answer.
  std::optional<PipeEnd> run();
  /// Takes what is left of the message, so that the answer is heard.
  bool drain();
  static void answer(const PipeEnd& end);

 private:
  int wait_time() const;
  bool read_socket();
  void take(std::string_view bytes);
  void feed();
  void listen_to_command();
  void end_command() const;
  std::optional<PipeEnd> ended();

  const Clock::time_point deadline_;
  pid_t command_ = 0;
  int process_ = -1;        // a descriptor of the command
  int in_ = -1;             // its standard input
  int out_ = -1;            // its standard output and error
  std::string head_;        // a length that is not whole
  std::uint32_t left_ = 0;  // bytes of a block
  bool whole_ = false;      // the message
  bool dropping_ = false;   // nobody reads it any more
  std::string pending_;
  PipeEnd end_;
};

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

std::optional<PipeEnd> Watch::start(char** command) {
  const auto not_run = [](int error) {
    return PipeEnd{.kind = PipeEnd::Kind::not_run, .code = static_cast<std::uint32_t>(error), .output = {}};
  };
  int in[2];
  int out[2];
  int news[2];  // the error of exec
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(news, O_CLOEXEC) != 0)
    return not_run(errno);
  command_ = ::fork();
  if (command_ < 0) return not_run(errno);
  if (command_ == 0) {
    ::setpgid(0, 0);
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(out[1], STDERR_FILENO);
    ::signal(SIGPIPE, SIG_DFL);
    ::execv(command[0], command);
    const int error = errno;
    [[maybe_unused]] const ssize_t told = ::write(news[1], &error, sizeof error);
    ::_exit(kUsage);
  }
  ::setpgid(command_, command_);
  ::close(in[0]);
  ::close(out[1]);
  ::close(news[1]);
  in_ = in[1];
  out_ = out[0];
  int error = 0;
  const ssize_t got = ::read(news[0], &error, sizeof error);
  ::close(news[0]);
  if (got == sizeof error) {
    wait_for(command_);
    return not_run(error);
  }
  process_ = ::pidfd_open(command_, 0);
  if (process_ < 0) {
    error = errno;
    end_command();
    wait_for(command_);
    return not_run(error);
  }
  set_nonblocking(in_);
  set_nonblocking(out_);
  return std::nullopt;
}

int Watch::wait_time() const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// False: the other side is gone.
bool Watch::read_socket() {
  std::array<char, kBlock> buffer;
  const ssize_t got = ::recv(kSocket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  take({buffer.data(), static_cast<std::size_t>(got)});
  return true;
}

void Watch::take(std::string_view bytes) {
  while (!bytes.empty() && !whole_) {
    if (left_ == 0) {
      head_ += bytes[0];
      bytes.remove_prefix(1);
      if (head_.size() < sizeof left_) continue;
      for (const char c : head_) left_ = left_ << 8 | static_cast<std::uint8_t>(c);
      head_.clear();
      whole_ = left_ == 0;
      continue;
    }
    const std::string_view piece = bytes.substr(0, left_);
    if (!dropping_) pending_ += piece;
    left_ -= static_cast<std::uint32_t>(piece.size());
    bytes.remove_prefix(piece.size());
  }
}

void Watch::feed() {
  const ssize_t put = ::write(in_, pending_.data(), pending_.size());
  if (put >= 0) {
    pending_.erase(0, static_cast<std::size_t>(put));
  } else if (errno != EAGAIN && errno != EINTR) {
    dropping_ = true;  // it reads no more, which is its business: how it ends counts
  }
}

/// More than what is told is read, too, so that the command goes on.
void Watch::listen_to_command() {
  std::array<char, kBlock> buffer;
  const ssize_t got = ::read(out_, buffer.data(), buffer.size());
  if (got > 0) {
    end_.output.append(buffer.data(),
                       std::min(static_cast<std::size_t>(got), PipeEnd::kMaxOutput - end_.output.size()));
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    ::close(out_);
    out_ = -1;
  }
}

/// With all that it has started. One that the system does not let go (a disk that does not answer) is not waited for.
void Watch::end_command() const {
  ::kill(-command_, SIGKILL);
  pollfd dying{.fd = process_, .events = POLLIN, .revents = 0};
  if (process_ >= 0 && ::poll(&dying, 1, kDying) > 0) ::waitpid(command_, nullptr, WNOHANG);
}

std::optional<PipeEnd> Watch::ended() {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(command_), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
    return std::nullopt;
  while (out_ >= 0) {  // what it wrote last; others of its group may hold the other end for long
    pollfd more{.fd = out_, .events = POLLIN, .revents = 0};
    if (::poll(&more, 1, 0) <= 0) break;
    listen_to_command();
  }
  end_.kind = info.si_code == CLD_EXITED ? PipeEnd::Kind::exited : PipeEnd::Kind::killed;
  end_.code = static_cast<std::uint32_t>(info.si_status);
  return end_;
}

std::optional<PipeEnd> Watch::run() {
  for (;;) {
    if (dropping_) pending_.clear();
    if (in_ >= 0 && pending_.empty() && (whole_ || dropping_)) {
      ::close(in_);
      in_ = -1;
    }
    const bool wants_more = !whole_ && pending_.size() < kMaxPending;
    const bool has_more = in_ >= 0 && !pending_.empty();
    std::array<pollfd, 4> watched{
        pollfd{.fd = kSocket, .events = static_cast<short>(wants_more ? POLLIN | POLLRDHUP : POLLRDHUP), .revents = 0},
        pollfd{.fd = has_more ? in_ : -1, .events = POLLOUT, .revents = 0},
        pollfd{.fd = out_, .events = POLLIN, .revents = 0}, pollfd{.fd = process_, .events = POLLIN, .revents = 0}};
    if (::poll(watched.data(), watched.size(), wait_time()) < 0 && errno != EINTR) break;
    if (watched[1].revents != 0) feed();
    if (watched[2].revents != 0) listen_to_command();
    if (watched[3].revents != 0) {
      if (auto end = ended()) return end;
    }
    if (Clock::now() >= deadline_) {
      end_command();
      end_.kind = PipeEnd::Kind::late;
      return end_;
    }
    const bool gone = (watched[0].revents & (POLLHUP | POLLERR | POLLRDHUP)) != 0;
    if (gone || ((watched[0].revents & POLLIN) != 0 && !read_socket())) break;
  }
  end_command();
  return std::nullopt;
}

bool Watch::drain() {
  dropping_ = true;
  while (!whole_) {
    pollfd watched{.fd = kSocket, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, -1) < 0 && errno != EINTR) return false;
    if (watched.revents != 0 && !read_socket()) return false;
  }
  return true;
}

void Watch::answer(const PipeEnd& end) {
  const std::string bytes = outbound::encode(end);
  (void)::send(kSocket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::optional<PipeEnd> prepare(const std::string& user) {
  if (!user.empty()) {
    if (const auto became = become(user); !became)
      return PipeEnd{.kind = PipeEnd::Kind::not_run, .code = EPERM, .output = became.error().text};
    if (::getuid() == 0) return PipeEnd{.kind = PipeEnd::Kind::not_run, .code = EPERM, .output = "run_as is root"};
  }
  if (const passwd* entry = ::getpwuid(::getuid())) {
    ::setenv("HOME", entry->pw_dir, 1);
    ::setenv("USER", entry->pw_name, 1);
    ::setenv("LOGNAME", entry->pw_name, 1);
  }
  ::setenv("SHELL", "/bin/sh", 1);
  ::setsid();
  ::umask(kMask);
  if (::chdir("/") != 0) {
    return PipeEnd{.kind = PipeEnd::Kind::not_run, .code = static_cast<std::uint32_t>(errno), .output = {}};
  }
  ::signal(SIGPIPE, SIG_IGN);
  return std::nullopt;
}

}  // namespace

base::Result<WatchingProcess> start_watching(const outbound::Pipe& pipe, const outbound::PipeValues& values) {
  TRY_ASSIGN(auto command, outbound::expand(pipe.command, values));
  std::vector<std::string> arguments{kPipeProgram, pipe.user, std::to_string(pipe.time_limit.count())};
  arguments.insert(arguments.end(), std::make_move_iterator(command.begin()), std::make_move_iterator(command.end()));
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return std::unexpected(system_error("cannot make a socket pair", errno));
  Spawning spawning;
  const auto pid = spawning.start(pair[1], std::move(arguments), outbound::environment_of(values));
  ::close(pair[1]);
  if (!pid) {
    ::close(pair[0]);
    return std::unexpected(pid.error());
  }
  return WatchingProcess{.socket = pair[0], .pid = *pid};
}

base::Result<outbound::StartedCommand> start_command(const outbound::Pipe& pipe, const outbound::PipeValues& values) {
  TRY_ASSIGN(const WatchingProcess process, start_watching(pipe, values));
  return outbound::StartedCommand{.socket = process.socket, .gone = [pid = process.pid](bool force) {
                                    if (force) ::kill(pid, SIGKILL);
                                    return ::waitpid(pid, nullptr, force ? 0 : WNOHANG) != 0;
                                  }};
}

std::string fingerprint(const outbound::Pipe& pipe) {
  std::string all = pipe.user + '\0' + std::to_string(pipe.time_limit.count());
  for (const std::string& argument : pipe.command) all += '\0' + argument;
  return base::hex(crypto::sha256(all));
}

int watch_command(int argc, char** argv) {
  constexpr int kCommand = 3;
  if (argc <= kCommand) return kUsage;
  ::fcntl(kSocket, F_SETFD, FD_CLOEXEC);
  Watch watch(std::chrono::seconds(base::parse_u64(argv[2]).value_or(0)));
  std::optional<PipeEnd> end = prepare(argv[1]);
  if (!end) end = watch.start(argv + kCommand);
  if (!end) end = watch.run();
  if (end && watch.drain()) Watch::answer(*end);
  return kDone;
}

}  // namespace app
