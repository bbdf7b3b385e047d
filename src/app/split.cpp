#include "app/split.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "app/files.h"
#include "app/logging.h"
#include "app/parent_link.h"
#include "app/privileges.h"

namespace app {

namespace {

constexpr const char* kParentName = "postrider-root";  // in ps and top; at most 15 bytes

/// Ports below 1024, files of other users, a signal to a process of another user, and commands that run as others.
std::vector<int> kept_rights(bool runs_commands) {
  std::vector<int> kept{CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH, CAP_KILL};
  if (runs_commands) kept.insert(kept.end(), {CAP_SETUID, CAP_SETGID});
  return kept;
}

/// Gives up all of root's capabilities but those, in this process and in whatever it might start.
base::Result<void> keep_few_rights(const std::vector<int>& kept) {
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (std::ranges::find(kept, capability) == kept.end()) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> held{};
  if (::syscall(SYS_capget, &header, held.data()) != 0)
    return std::unexpected(system_error("cannot read capabilities", errno));
  std::array<__user_cap_data_struct, 2> wanted{};
  for (const int capability : kept) {
    const auto word = static_cast<std::size_t>(CAP_TO_INDEX(capability));
    // A container may have taken some of them already.
    wanted[word].permitted |= held[word].permitted & CAP_TO_MASK(capability);
    wanted[word].effective = wanted[word].permitted;
  }
  if (::syscall(SYS_capset, &header, wanted.data()) != 0)
    return std::unexpected(system_error("cannot give up capabilities", errno));
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return {};
}

/// Nothing stays open but standard error and the socket, which becomes 3.
void close_all_but(int& socket) {
  const int nothing = ::open("/dev/null", O_RDWR);
  if (nothing >= 0) {
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
  }
  if (socket != 3) ::dup2(socket, 3);
  socket = 3;
  ::close_range(4, ~0U, 0);
}

base::Result<Outsider> outsider_of(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    return base::fail(base::Code::not_found,
                      "there is no user \"" + user + "\" on this machine: make it, or change `user`");
  }
  Outsider outsider{.user = entry->pw_uid, .groups = std::vector<gid_t>(64)};
  int count = static_cast<int>(outsider.groups.size());
  if (::getgrouplist(user.c_str(), entry->pw_gid, outsider.groups.data(), &count) < 0) {
    outsider.groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(user.c_str(), entry->pw_gid, outsider.groups.data(), &count);
  }
  outsider.groups.resize(static_cast<std::size_t>(count));
  return outsider;
}

/// The configuration as the parent reads it: only from files that the server's user can have no hand in.
base::Result<ParentRights> read_rights(const ReadConfig& read, const Outsider& outsider) {
  Sources sources = Sources::of_machine();
  sources.file = [&outsider](const std::string& path, std::size_t limit) -> base::Result<std::string> {
    TRY_ASSIGN(const int fd, open_guarded(path, outsider));
    auto text = read_descriptor(fd, path, limit);
    ::close(fd);
    return text;
  };
  const Loaded loaded = read(sources);
  if (!loaded.mistakes.empty()) return base::fail(base::Code::invalid, loaded.mistakes.front().located());
  return ParentRights::of(loaded);
}

/// What a signal to the parent means for the child: the same. The terminal's own signals have reached the child
/// already.
void pass_on(const signalfd_siginfo& signal, pid_t child) {
  if (signal.ssi_signo == SIGCHLD || signal.ssi_code == SI_KERNEL) return;
  ::kill(child, static_cast<int>(signal.ssi_signo));
}

int status_of(int waited, const base::Log& log) {
  if (WIFEXITED(waited)) return WEXITSTATUS(waited);
  log.error("app.server.died", {{"signal", WTERMSIG(waited)}, {"why", "the server's process was killed"}});
  return 128 + WTERMSIG(waited);
}

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

/// The parent's life: requests, signals, and the child's end.
int watch_over(pid_t child, int socket, Parent& parent, const base::Log& log) {
  const sigset_t set = set_of({SIGTERM, SIGINT, SIGHUP, SIGCHLD});
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  std::array<pollfd, 2> watched{pollfd{.fd = socket, .events = POLLIN, .revents = 0},
                                pollfd{.fd = signals, .events = POLLIN, .revents = 0}};
  for (;;) {
    int waited = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &waited, WNOHANG)) > 0;) {
      if (ended == child) return status_of(waited, log);
      parent.ended(ended);
    }
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    signalfd_siginfo signal{};
    while (::read(signals, &signal, sizeof signal) == sizeof signal) pass_on(signal, child);
    if (watched[0].revents != 0 && !parent.serve_one(socket)) {
      // The child has ended, or is to end: it sees the end of the socket.
      ::close(socket);
      watched[0].fd = -1;
      watched[0].revents = 0;
    }
  }
}

int be_parent(pid_t child, int socket, Parent& parent, bool runs_commands, const base::Log& log) {
  if (const auto kept = keep_few_rights(kept_rights(runs_commands)); !kept) {
    // With all of root's rights it must not listen to anybody: the child sees the socket end, and stops.
    log.error("app.parent.failed", {{"why", kept.error().text}});
    ::close(socket);
    int waited = 0;
    while (::waitpid(child, &waited, 0) < 0 && errno == EINTR) {
    }
    return 1;
  }
  return watch_over(child, socket, parent, log);
}

}  // namespace

bool must_split(const Config& config) {
  if (::geteuid() != 0 || config.user.empty()) return false;
  const passwd* entry = ::getpwnam(config.user.c_str());
  return entry == nullptr || entry->pw_uid != 0;  // that there is no such user is told by who becomes it
}

base::Result<Split> split(const Loaded& loaded, const ReadConfig& read) {
  const Config& config = loaded.config;
  TRY_ASSIGN(const Outsider outsider, outsider_of(config.user));
  TRY(prepare_directory(config.data_dir, config.user));
  (void)prepare_directory(config.spool_path(), config.user);  // what is wrong with it is told by who uses it
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return std::unexpected(system_error("cannot make a socket pair", errno));
  const sigset_t child_ended = set_of({SIGCHLD});
  ::sigprocmask(SIG_BLOCK, &child_ended, nullptr);
  const pid_t child = ::fork();
  if (child < 0) return std::unexpected(system_error("cannot start the server's process", errno));
  if (child > 0) {
    ::prctl(PR_SET_NAME, kParentName, 0, 0, 0);
    close_all_but(pair[0]);
    // Of its own: that of before has lost its socket, if it had one.
    const base::Log parent_log = open_log(config).with({{"process", "parent"}});
    ParentRights rights = ParentRights::of(loaded);
    const bool runs_commands = !rights.commands.empty();
    Parent parent(std::move(rights), outsider, [&] { return read_rights(read, outsider); }, parent_log);
    const int status = be_parent(child, pair[0], parent, runs_commands, parent_log);
    return Split{.ended = status, .privileged = nullptr, .socket = -1};
  }
  ::close(pair[0]);
  ::sigprocmask(SIG_UNBLOCK, &child_ended, nullptr);
  TRY(become(config.user));
  return Split{.ended = std::nullopt, .privileged = through_parent(pair[1]), .socket = pair[1]};
}

}  // namespace app
