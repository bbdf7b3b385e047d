#include "app/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "app/files.h"

namespace app {

namespace {

constexpr unsigned kDirectoryMode = 0700;

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry ? entry->pw_name : "uid " + std::to_string(uid);
}

base::Result<const passwd*> find_user(const std::string& name) {
  errno = 0;
  if (const passwd* entry = ::getpwnam(name.c_str())) return entry;
  return base::fail(base::Code::not_found,
                    "there is no user \"" + name + "\" on this machine: make it, or change `user`");
}

/// setgroups, setgid and setuid change all threads (glibc sees to that).
base::Result<void> drop_to(uid_t uid, gid_t gid, const std::string& name) {
  const std::string what = "cannot become the user " + name;
  if (::initgroups(name.c_str(), gid) != 0) return std::unexpected(system_error(what, errno));
  if (::setgid(gid) != 0 || ::setuid(uid) != 0) return std::unexpected(system_error(what, errno));
  if (uid != 0 && (::setuid(0) == 0 || ::seteuid(0) == 0)) {
    return base::fail(base::Code::denied, what + ": the way back to root is open");
  }
  return {};
}

base::Error somebody_elses(const std::string& what, const struct stat& info, const std::string& directory) {
  const std::string me = user_name(::geteuid());
  return {base::Code::denied, what + " belongs to " + user_name(info.st_uid) + ", and this is " + me +
                                  ": run chown -R " + me + " " + directory + ", or start as its owner"};
}

/// A start as root by mistake leaves files of root's among those of the store, which would fail one by one much later.
base::Result<void> check_store(const std::string& directory) {
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(directory + "/store", error), end; !error && at != end;
       at.increment(error)) {
    struct stat info{};
    const std::string& path = at->path().native();
    if (::access(path.c_str(), R_OK | W_OK) == 0 || errno != EACCES || ::lstat(path.c_str(), &info) != 0) continue;
    return std::unexpected(somebody_elses(path, info, directory));
  }
  return {};  // what else is wrong with it is the store's to tell
}

}  // namespace

void raise_file_limit(std::uint64_t wanted, const base::Log& log) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t before = limit.rlim_cur;
  rlimit raised = limit;
  raised.rlim_cur = raised.rlim_max = std::max<rlim_t>(limit.rlim_max, wanted);
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) {
    // Without the right to go above the hard limit, up to it.
    raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) raised.rlim_cur = before;
  }
  if (raised.rlim_cur >= wanted) return;
  log.warning("app.files.limited",
              {{"limit", raised.rlim_cur},
               {"wanted", wanted},
               {"why", "the system allows no more open files: connections beyond it have to wait (ulimit -n)"}});
}

base::Result<void> become(const std::string& name) {
  TRY_ASSIGN(const passwd* entry, find_user(name));
  if (::geteuid() == entry->pw_uid && ::getuid() == entry->pw_uid) return {};
  if (::geteuid() != 0) {
    return base::fail(base::Code::denied, "only root can become the user " + name + "; this is " +
                                              user_name(::geteuid()) + ": start as root, or leave `user` out");
  }
  return drop_to(entry->pw_uid, entry->pw_gid, name);
}

base::Result<void> become_owner_of(const std::string& directory) {
  struct stat info{};
  if (::geteuid() != 0 || ::stat(directory.c_str(), &info) != 0 || info.st_uid == 0) return {};
  const passwd* entry = ::getpwuid(info.st_uid);
  if (!entry) {
    return base::fail(base::Code::denied, directory + " belongs to uid " + std::to_string(info.st_uid) +
                                              ", which is no user of this machine");
  }
  const std::string name = entry->pw_name;
  return drop_to(entry->pw_uid, entry->pw_gid, name);
}

base::Result<void> prepare_directory(const std::string& directory, const std::string& user) {
  // Before anything is made.
  const passwd* entry = nullptr;
  if (!user.empty()) {
    TRY_ASSIGN(entry, find_user(user));
  }
  const bool made = !exists(directory);
  TRY(make_directories(directory, kDirectoryMode));
  if (!made || !entry || ::geteuid() != 0) return {};
  if (::chown(directory.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
    return std::unexpected(system_error("cannot give " + directory + " to " + user, errno));
  }
  return {};
}

base::Result<void> check_directory(const std::string& directory) {
  struct stat info{};
  if (::stat(directory.c_str(), &info) != 0)
    return std::unexpected(system_error("cannot use the data directory " + directory, errno));
  if (!S_ISDIR(info.st_mode)) return base::fail(base::Code::invalid, directory + " is not a directory");
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    const int error = errno;
    if (error == EACCES) return std::unexpected(somebody_elses("the data directory " + directory, info, directory));
    return std::unexpected(system_error("cannot use the data directory " + directory, error));
  }
  return check_store(directory);
}

}  // namespace app
