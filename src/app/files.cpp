#include "app/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace app {

namespace {

/// A descriptor that is closed at the end.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

base::Code code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return base::Code::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return base::Code::denied;
    case ENOSPC:
    case EDQUOT:
      return base::Code::no_space;
    case EEXIST:
      return base::Code::exists;
    default:
      return base::Code::unavailable;
  }
}

FileStamp stamp_of(const struct stat& info) {
  const auto nanoseconds = [](const timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = static_cast<std::uint64_t>(info.st_size),
          .modified_ns = nanoseconds(info.st_mtim),
          .changed_ns = nanoseconds(info.st_ctim)};
}

base::Result<void> write_all(int fd, std::string_view content, const std::string& what) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(system_error(what, errno));
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

base::Error system_error(std::string_view what, int error) {
  std::string text(what);
  text += ": ";
  text += error == ENOENT ? "it does not exist" : std::generic_category().message(error);
  return {code_of(error), std::move(text)};
}

base::Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return std::unexpected(system_error("cannot read " + path, errno));
  return read_descriptor(file.fd(), path, limit);
}

base::Result<std::string> read_descriptor(int fd, const std::string& path, std::size_t limit) {
  const std::string what = "cannot read " + path;
  std::string content;
  char block[16 * 1024];
  for (;;) {
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(system_error(what, errno));
    if (count == 0) return content;
    content.append(block, static_cast<std::size_t>(count));
    if (content.size() > limit) {
      return base::fail(base::Code::too_large, what + ": it has more than " + std::to_string(limit) + " bytes");
    }
  }
}

base::Result<void> write_file(const std::string& path, std::string_view content, unsigned mode) {
  const std::string beside = path + ".new";
  const std::string what = "cannot write " + path;
  {
    ::unlink(beside.c_str());
    const File file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file.open()) return std::unexpected(system_error(what, errno));
    TRY(write_all(file.fd(), content, what));
    if (::fsync(file.fd()) != 0) return std::unexpected(system_error(what, errno));
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return std::unexpected(system_error(what, errno));
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const File parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.open() || ::fsync(parent.fd()) != 0) return std::unexpected(system_error(what, errno));
  return {};
}

base::Result<void> make_directories(const std::string& path, unsigned mode) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    // Those above are ways to it, for whoever will own it.
    const unsigned part_mode = slash == std::string::npos ? mode : 0755;
    if (::mkdir(part.c_str(), part_mode) != 0 && errno != EEXIST) {
      const int error = errno;
      struct stat info{};
      // A directory above may be on a read-only file system, or not ours: what counts is that it is there.
      if (::stat(part.c_str(), &info) != 0)
        return std::unexpected(system_error("cannot make the directory " + part, error));
    }
    if (slash == std::string::npos) break;
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::unexpected(system_error("cannot use " + path, errno));
  if (!S_ISDIR(info.st_mode)) return base::fail(base::Code::invalid, path + " is not a directory");
  return {};
}

base::Result<FileStamp> stamp_file(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::unexpected(system_error("cannot look at " + path, errno));
  return stamp_of(info);
}

base::Result<FileStamp> stamp_descriptor(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return std::unexpected(system_error("cannot look at " + path, errno));
  return stamp_of(info);
}

bool exists(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0;
}

}  // namespace app
