#include "store/home.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/text.h"
#include "crypto/random.h"

namespace store {
namespace {

constexpr std::string_view kVersionPrefix = "postrider store ";

std::unexpected<base::Error> failed(const std::string& doing, const std::string& path) {
  const int error = errno;
  const auto code = error == ENOSPC || error == EDQUOT  ? base::Code::no_space
                    : error == EACCES || error == EPERM ? base::Code::denied
                                                        : base::Code::unavailable;
  return base::fail(code, doing + " " + path + ": " + std::strerror(error));
}

/// A file descriptor, closed at the end.
struct Fd {
  int fd;
  explicit Fd(int value) : fd(value) {}
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
};

base::Result<void> sync_directory(const std::string& path) {
  const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd < 0 || ::fsync(directory.fd) != 0) return failed("syncing the directory", path);
  return {};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Makes a directory and what is missing above it. One that is there already may have been made by a start that was
/// killed before it could sync it.
base::Result<void> make_directory(const std::string& path) {
  const std::string parent = parent_of(path);
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0) {
    if (!S_ISDIR(found.st_mode)) return base::fail(base::Code::unavailable, path + " is not a directory");
    // A directory that we may not read is not one that we made something in.
    if (::access(parent.c_str(), R_OK) != 0) return {};
    return sync_directory(parent);
  }
  if (errno != ENOENT) return failed("looking at", path);
  TRY(make_directory(parent));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("making the directory", path);
  return sync_directory(parent);
}

base::Result<void> write_durably(const std::string& directory, const std::string& name, const std::string& content) {
  const std::string path = directory + "/" + name;
  const std::string draft = path + ".new";
  {
    const Fd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file.fd < 0) return failed("making", draft);
    if (::write(file.fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        ::fsync(file.fd) != 0) {
      return failed("writing", draft);
    }
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return failed("renaming", draft);
  return sync_directory(directory);
}

}  // namespace

Home::~Home() {
  if (lock_ >= 0) ::close(lock_);
}

base::Result<Home> Home::open(const std::string& directory, std::uint64_t version) {
  std::string path = directory;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  TRY(make_directory(path));
  const std::string lock_path = path + "/LOCK";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return failed("opening", lock_path);
  Home home(path, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed("locking", lock_path);
    return base::fail(base::Code::busy, "the store in " + path + " is in use by another process (it holds " +
                                            lock_path + "): stop that one first, or use its admin socket");
  }
  TRY(home.check_version(version));
  TRY(make_directory(home.database()));
  return home;
}

base::Result<void> Home::make_version(std::uint64_t version) {
  if (::access(database().c_str(), F_OK) == 0) {
    return base::fail(base::Code::corrupt, directory_ + "/VERSION is missing beside the data in " + database() +
                                               ": which program wrote it cannot be known");
  }
  secret_ = crypto::random_u64();
  version_ = version;
  return write_version(directory_, version);
}

base::Result<void> Home::write_version(const std::string& directory, std::uint64_t version) const {
  char secret[20];
  std::snprintf(secret, sizeof(secret), " %016llx\n", static_cast<unsigned long long>(secret_));
  return write_durably(directory, "VERSION", std::string(kVersionPrefix) + std::to_string(version) + secret);
}

// The secret goes with it: the commits in the copy's log are known by it.
base::Result<void> Home::copy_version(const std::string& directory) const { return write_version(directory, version_); }

base::Result<void> Home::check_version(std::uint64_t version) {
  const std::string path = directory_ + "/VERSION";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) return errno == ENOENT ? make_version(version) : failed("opening", path);
  char buffer[64];
  const ssize_t size = ::read(file.fd, buffer, sizeof(buffer));
  if (size < 0) return failed("reading", path);
  const auto unreadable = [&] { return base::fail(base::Code::corrupt, path + " is not as a store writes it"); };
  std::string_view text = base::trim(std::string_view(buffer, static_cast<std::size_t>(size)));
  if (!text.starts_with(kVersionPrefix)) return unreadable();
  text.remove_prefix(kVersionPrefix.size());
  const std::size_t end = std::min(text.find(' '), text.size());
  const auto found = base::parse_u64(text.substr(0, end));
  if (!found || *found == 0) return unreadable();
  if (*found > version) {
    return base::fail(base::Code::unsupported, "the store in " + directory_ + " has schema version " +
                                                   std::to_string(*found) + ", and this program knows versions up to " +
                                                   std::to_string(version) +
                                                   ": run a newer postrider; nothing was changed");
  }
  version_ = *found;
  text.remove_prefix(std::min(end + 1, text.size()));
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), secret_, 16);
  if (error != std::errc() || last != text.data() + text.size()) return unreadable();
  return {};
}

}  // namespace store
