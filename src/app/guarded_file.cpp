#include "app/guarded_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>

#include "app/files.h"
#include "base/text.h"

namespace app {

namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit
constexpr std::size_t kMaxParts = 1000;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(-1); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

bool can_write(const Outsider& outsider, const struct stat& info) {
  if (info.st_uid == outsider.user) return true;  // an owner can give itself the right
  if ((info.st_mode & S_IWOTH) != 0) return true;
  return (info.st_mode & S_IWGRP) != 0 && std::ranges::find(outsider.groups, info.st_gid) != outsider.groups.end();
}

/// The way to a file, one part after the other; nobody can exchange under our feet what was looked at, because the
/// directories that it was found in are not the outsider's to change.
class Walk {
 public:
  Walk(const std::string& path, const Outsider& outsider) : path_(path), outsider_(outsider) { push(path); }

  base::Result<int> run() {
    TRY(to_root());
    while (!parts_.empty()) {
      const std::string part = std::move(parts_.front());
      parts_.pop_front();
      if (part.empty() || part == ".") continue;
      TRY(check_directory());
      Descriptor next(::openat(at_.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat info{};
      if (next.get() < 0 || ::fstat(next.get(), &info) != 0) return failed(errno);
      if (S_ISLNK(info.st_mode)) {
        TRY(follow(next.get()));
      } else if (S_ISDIR(info.st_mode)) {
        at_.reset(next.release());
      } else {
        return open_last(part, info);
      }
    }
    return failed(EISDIR);
  }

 private:
  std::unexpected<base::Error> failed(int error) const {
    return std::unexpected(system_error("cannot read " + path_, error));
  }

  void push(std::string_view path) {
    const auto parts = base::split(path, '/');
    parts_.insert(parts_.begin(), parts.begin(), parts.end());
  }

  base::Result<void> to_root() {
    at_.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (at_.get() < 0) return failed(errno);
    return {};
  }

  base::Result<void> check_directory() const {
    struct stat info{};
    if (::fstat(at_.get(), &info) != 0) return failed(errno);
    if (!can_write(outsider_, info)) return {};
    return base::fail(base::Code::denied, "cannot read " + path_ +
                                              " with root's rights: the server's user can write in a directory on the "
                                              "way, and could put any other file in its place");
  }

  base::Result<void> follow(int link) {
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(link, "", target, sizeof target);
    if (size < 0) return failed(errno);
    if (++links_ > kMaxLinks || parts_.size() > kMaxParts) return failed(ELOOP);
    const std::string_view text(target, static_cast<std::size_t>(size));
    push(text);
    if (text.starts_with('/')) return to_root();
    return {};
  }

  base::Result<int> open_last(const std::string& name, const struct stat& info) const {
    const bool more = std::ranges::any_of(parts_, [](const std::string& part) { return !part.empty(); });
    if (more) return failed(ENOTDIR);
    if (!S_ISREG(info.st_mode)) return base::fail(base::Code::invalid, "cannot read " + path_ + ": it is not a file");
    const int fd = ::openat(at_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return failed(errno);
    return fd;
  }

  const std::string path_;
  const Outsider& outsider_;
  std::deque<std::string> parts_;  // still to go
  Descriptor at_{-1};
  int links_ = 0;
};

}  // namespace

base::Result<int> open_guarded(const std::string& path, const Outsider& outsider) { return Walk(path, outsider).run(); }

}  // namespace app
