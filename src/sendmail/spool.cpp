#include "sendmail/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "crypto/random.h"

namespace sendmail {
namespace {

using base::Code;

constexpr mode_t kIncomingMode = 03733;
constexpr mode_t kMessageMode = 0640;
constexpr std::size_t kWriteBuffer = 256 * 1024;
constexpr std::size_t kMostListed = 1000;
constexpr std::chrono::hours kUnfinished{24};
constexpr std::string_view kTemporary = "tmp.";

base::Error system_error(const std::string& what, int error) {
  const Code code = error == ENOENT                                        ? Code::not_found
                    : error == EACCES || error == EPERM || error == EROFS  ? Code::denied
                    : error == ENOSPC || error == EDQUOT || error == EFBIG ? Code::no_space
                                                                           : Code::unavailable;
  return {code, what + ": " + std::generic_category().message(error)};
}
std::unexpected<base::Error> failed(const std::string& what) { return std::unexpected(system_error(what, errno)); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

base::Result<void> write_all(int fd, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(what);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

base::Result<void> make_own_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode & 0777) != 0 && errno != EEXIST) return failed("cannot make " + path);
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return failed("cannot look at " + path);
  if (!S_ISDIR(info.st_mode)) return base::fail(Code::denied, path + " is no directory");
  if (info.st_uid != ::geteuid()) {
    return base::fail(Code::denied,
                      path + " belongs to uid " + std::to_string(info.st_uid) + " and not to this server's user");
  }
  if ((info.st_mode & 07777) != mode && ::chmod(path.c_str(), mode) != 0)
    return failed("cannot set the mode of " + path);
  return {};
}

base::Result<std::string> read_head(int fd, std::uint64_t size, const std::string& what) {
  std::string head(std::min<std::uint64_t>(size, kMaxHead), '\0');
  std::size_t have = 0;
  while (have < head.size()) {
    // Most heads are within the first block.
    const std::size_t wanted = have == 0 ? std::min<std::size_t>(head.size(), 4096) : head.size() - have;
    const ssize_t count = ::pread(fd, head.data() + have, wanted, static_cast<off_t>(have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(what);
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
    if (std::string_view(head).substr(0, have).contains("\n\n")) break;
  }
  head.resize(have);
  return head;
}

}  // namespace

base::Result<void> prepare(const Spool& spool, std::string_view hostname) {
  TRY(make_own_directory(spool.directory, 0755));
  TRY(make_own_directory(spool.bad(), 0700));
  TRY(make_own_directory(spool.incoming(), kIncomingMode));
  const std::string name = spool.hostname();
  const std::string fresh = name + ".new";
  const std::string what = "cannot write " + name;
  {
    const Descriptor fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (fd.get() < 0) return failed(what);
    TRY(write_all(fd.get(), std::string(hostname) + "\n", what));
    if (::fchmod(fd.get(), 0644) != 0) return failed(what);
  }
  if (::rename(fresh.c_str(), name.c_str()) != 0) return failed(what);
  return {};
}

std::string hostname_of(const Spool& spool) {
  std::array<char, 300> text{};
  const Descriptor fd(::open(spool.hostname().c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t count = fd.get() < 0 ? 0 : ::read(fd.get(), text.data(), text.size());
  if (count > 0) {
    const auto name = base::trim(std::string_view(text.data(), static_cast<std::size_t>(count)));
    if (!name.empty()) return std::string(name);
  }
  if (::gethostname(text.data(), text.size() - 1) != 0 || text[0] == '\0') return "localhost";
  text.back() = '\0';
  return text.data();
}

// SpoolWriter

base::Result<SpoolWriter> SpoolWriter::create(const Spool& spool, SpoolFile file) {
  file.id = base::hex(crypto::random_bytes(kIdDigits / 2));
  file.size = 0;
  const std::string directory = spool.incoming();
  struct stat info{};
  if (::stat(directory.c_str(), &info) != 0) return failed("cannot use the spool " + directory);
  // The server reads the file by the group that it has from the directory.
  if ((info.st_mode & S_ISGID) == 0 && info.st_uid != ::geteuid()) {
    return base::fail(Code::denied, directory + " has no setgid bit: start the server, which sets it");
  }
  SpoolWriter writer(-1, directory, file.id);
  writer.fd_ = ::open(writer.temporary().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kMessageMode);
  if (writer.fd_ < 0) return failed("cannot write to the spool " + directory);
  // Whatever the umask says.
  if (::fchmod(writer.fd_, kMessageMode) != 0) return failed("cannot write to the spool " + directory);
  const std::string head = format_head(file);
  if (head.size() > kMaxHead) return base::fail(Code::too_large, "the envelope is larger than the spool takes");
  writer.size_offset_ = size_offset(head);
  writer.buffer_ = head;
  return writer;
}

SpoolWriter::SpoolWriter(SpoolWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      directory_(std::move(other.directory_)),
      id_(std::move(other.id_)),
      size_offset_(other.size_offset_),
      size_(other.size_),
      buffer_(std::move(other.buffer_)),
      committed_(other.committed_) {}

SpoolWriter::~SpoolWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!committed_) ::unlink(temporary().c_str());
}

std::string SpoolWriter::temporary() const { return directory_ + "/" + std::string(kTemporary) + id_; }

base::Result<void> SpoolWriter::write(std::string_view bytes) {
  size_ += bytes.size();
  buffer_ += bytes;
  if (buffer_.size() < kWriteBuffer) return {};
  TRY(write_all(fd_, buffer_, "cannot write to the spool " + directory_));
  buffer_.clear();
  return {};
}

base::Result<void> SpoolWriter::commit() {
  const std::string what = "cannot write to the spool " + directory_;
  TRY(write_all(fd_, std::exchange(buffer_, {}), what));
  const std::string size = format_size(size_);
  if (::pwrite(fd_, size.data(), size.size(), static_cast<off_t>(size_offset_)) != static_cast<ssize_t>(size.size())) {
    return failed(what);
  }
  if (::fsync(fd_) != 0) return failed(what);
  const std::string name = directory_ + "/" + id_;
  if (::rename(temporary().c_str(), name.c_str()) != 0) return failed(what);
  committed_ = true;
  return {};
}

base::Result<void> SpoolWriter::sync_name() {
  const Descriptor fd(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Who may put files into the directory may not open it: then its file system is synced as a whole.
  const int synced = fd.get() >= 0 ? ::fsync(fd.get()) : ::syncfs(fd_);
  if (synced != 0) return failed("cannot sync the spool " + directory_);
  return {};
}

base::Result<void> remove(const Spool& spool, const std::string& id) {
  const std::string path = spool.incoming() + "/" + id;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("cannot remove " + path);
  return {};
}

// SpoolReader

base::Result<SpoolReader> SpoolReader::open(const Spool& spool, const std::string& id) {
  const std::string path = spool.incoming() + "/" + id;
  // O_NONBLOCK: it may be a pipe.
  SpoolReader reader(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  const std::string what = "cannot read " + path;
  if (reader.fd_ < 0) return failed(what);
  struct stat info{};
  if (::fstat(reader.fd_, &info) != 0) return failed(what);
  // A second name would be a file of somebody else's, put here to be sent in that one's name.
  if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
    return base::fail(Code::invalid, "it is no plain file, or has a second name");
  }
  TRY_ASSIGN(const std::string head, read_head(reader.fd_, static_cast<std::uint64_t>(info.st_size), what));
  TRY_ASSIGN(reader.file_, parse_head(head));
  if (reader.file_.id != id) return base::fail(Code::invalid, "its id is not its name");
  if (reader.file_.message_begin + reader.file_.size != static_cast<std::uint64_t>(info.st_size)) {
    return base::fail(Code::invalid, "it is not as long as its head says");
  }
  reader.owner_ = info.st_uid;
  return reader;
}

SpoolReader::SpoolReader(SpoolReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), file_(std::move(other.file_)), owner_(other.owner_) {}

SpoolReader::~SpoolReader() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<std::string> SpoolReader::read(std::uint64_t offset, std::size_t length) const {
  if (offset >= file_.size) return std::string();
  std::string out(std::min<std::uint64_t>(length, file_.size - offset), '\0');
  for (std::size_t have = 0; have < out.size();) {
    const ssize_t count =
        ::pread(fd_, out.data() + have, out.size() - have, static_cast<off_t>(file_.message_begin + offset + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot read the spool's file " + file_.id);
    if (count == 0) return base::fail(Code::invalid, "it is not as long as its head says");
    have += static_cast<std::size_t>(count);
  }
  return out;
}

// The directory

base::Result<std::vector<std::string>> list(const Spool& spool, std::chrono::seconds age) {
  const std::string directory = spool.incoming();
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return failed("cannot list " + directory);
  const std::time_t now = std::time(nullptr);
  std::vector<std::pair<std::time_t, std::string>> found;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    const bool unfinished = name.starts_with(kTemporary);
    if (!unfinished && !is_spool_id(name)) continue;
    struct stat info{};
    if (::fstatat(::dirfd(open.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (unfinished) {
      if (now - info.st_mtime > std::chrono::seconds(kUnfinished).count())
        ::unlinkat(::dirfd(open.get()), entry->d_name, 0);
      continue;
    }
    // By the time of the rename; a file from the future is none that a program waits for.
    if (info.st_ctime <= now && now - info.st_ctime < age.count()) continue;
    found.emplace_back(info.st_mtime, name);
  }
  std::ranges::sort(found);
  std::vector<std::string> ids;
  for (auto& [time, name] : found) {
    if (ids.size() == kMostListed) break;
    ids.push_back(std::move(name));
  }
  return ids;
}

base::Result<void> sync(const Spool& spool) {
  const Descriptor fd(::open(spool.incoming().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return failed("cannot sync " + spool.incoming());
  return {};
}

base::Result<void> set_aside(const Spool& spool, const std::string& id, std::string_view why) {
  const std::string from = spool.incoming() + "/" + id;
  const std::string to = spool.bad() + "/" + id;
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("cannot move " + from + " to " + spool.bad());
  const std::string reason = to + ".why";
  const Descriptor fd(::open(reason.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) return failed("cannot write " + reason);
  return write_all(fd.get(), std::string(why) + "\n", "cannot write " + reason);
}

}  // namespace sendmail
