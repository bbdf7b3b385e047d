#include "store/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/text.h"
#include "store/log_reader.h"

namespace store {
namespace {

// The bytes of a record: sequence (8, little-endian), count (4), entries. Each entry takes one sequence number, but for
// those that stand in the log only, as our mark does: tag, length, bytes.
constexpr std::size_t kBatchHeader = 12;
constexpr std::string_view kMarkTag("\x03\x16", 2);
constexpr std::string_view kMarkName = "commit";
constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kMarkBytes = kMarkName.size() + 8 + kNumberBytes;
static_assert(kMarkBytes == 0x16);
constexpr std::size_t kHeadBytes = kBatchHeader + kMarkTag.size() + kMarkBytes;

std::uint64_t load(std::string_view bytes) {  // little-endian
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void store64(std::string& out, std::uint64_t value) {
  for (unsigned i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

/// Reads logs block after block. Before damage it follows the records; behind it, it looks for commits everywhere.
class Scan {
 public:
  explicit Scan(std::uint64_t secret) : mark_(kMarkTag) {
    mark_ += commit_mark(secret, 0);
    mark_.resize(mark_.size() - kNumberBytes);
  }

  void begin_log(std::size_t log) {
    log_ = log;
    split_.reset();
  }

  void block(std::string_view bytes, std::uint64_t offset, bool last) {
    std::size_t at = 0;
    while (!damage_ && at < bytes.size()) {
      Fragment fragment;
      const Found found = fragment_at(bytes, at, last, fragment);
      if (found == Found::end_of_block) return;
      if (found == Found::fragment) {
        // One that is good but out of place stands behind the damage.
        if (follow(fragment, offset + at)) at += kFragmentHeader + fragment.payload.size();
        continue;
      }
      // The record may be a commit of which only the header, or a part behind, is bad.
      if (!in_record_) head_ = bytes.substr(std::min(at + kFragmentHeader, bytes.size()), kHeadBytes);
      breaks_off_ = found == Found::breaks_off;
      damaged(in_record_ ? record_ : offset + at);
      if (number_of(head_)) ++commits_;
    }
    if (damage_) search(bytes, at);
  }

  /// A log that ends within a record breaks off there.
  void end_log() {
    if (damage_ || !in_record_) return;
    breaks_off_ = true;
    damaged(record_);
    if (number_of(head_)) ++commits_;
  }

  std::optional<LogDamage> damage(std::size_t logs) const {
    if (!damage_) return std::nullopt;
    if (breaks_off_ && damage_->log + 1 == logs && behind_ == 0) return std::nullopt;
    LogDamage damage = *damage_;
    damage.acknowledged = commits_ > 1 || (last_good_ && greatest_ > *last_good_ + 1);
    return damage;
  }

 private:
  std::optional<std::uint64_t> number_of(std::string_view head) const {
    if (head.size() < kHeadBytes || head.substr(kBatchHeader, mark_.size()) != mark_) return std::nullopt;
    return load(head.substr(kHeadBytes - kNumberBytes, kNumberBytes));
  }

  void damaged(std::uint64_t offset) { damage_ = LogDamage{.log = log_, .offset = offset}; }

  /// Takes the next fragment of an undamaged log; false when it is out of place.
  bool follow(const Fragment& fragment, std::uint64_t offset) {
    if (fragment.begins() == in_record_) {
      damaged(in_record_ ? record_ : offset);
      if (in_record_ && number_of(head_)) ++commits_;
      return false;
    }
    if (fragment.begins()) {
      record_ = offset;
      head_.clear();
    }
    head_.append(fragment.payload.substr(0, kHeadBytes - std::min(kHeadBytes, head_.size())));
    in_record_ = !fragment.ends();
    if (fragment.ends()) finish_record();
    return true;
  }

  /// A record is whole; it must go on where the one before ended, also from one log to the next.
  void finish_record() {
    if (head_.size() < kBatchHeader) return damaged(record_);
    const std::uint64_t sequence = load(std::string_view(head_).substr(0, 8));
    const auto number = number_of(head_);
    if (next_sequence_ && sequence != *next_sequence_) {
      damaged(record_);
      if (number) behind(*number);
      return;
    }
    next_sequence_ = sequence + load(std::string_view(head_).substr(8, 4));
    if (number) last_good_ = *number;
  }

  void behind(std::uint64_t number) {
    ++commits_;
    ++behind_;
    greatest_ = std::max(greatest_, number);
  }

  /// Finds the commits that begin in bytes [from, …) of a block.
  void search(std::string_view block, std::size_t from) {
    Fragment fragment;
    if (split_ && fragment_at(block, 0, false, fragment) == Found::fragment && !fragment.begins()) {
      const auto number = number_of(*split_ += fragment.payload.substr(0, kHeadBytes));
      if (number) behind(*number);
    }
    split_.reset();
    constexpr std::size_t kBefore = kFragmentHeader + kBatchHeader;
    for (std::size_t at = block.find(mark_, from + kBefore); at != std::string_view::npos;
         at = block.find(mark_, at + 1)) {
      if (fragment_at(block, at - kBefore, false, fragment) != Found::fragment || !fragment.begins()) continue;
      if (const auto number = number_of(fragment.payload)) behind(*number);
    }
    if (block.size() == kLogBlock) find_split(block, from);
  }

  /// A first fragment at the end of a block may be too short to hold the mark.
  void find_split(std::string_view block, std::size_t from) {
    Fragment fragment;
    for (std::size_t size = 0; size < kHeadBytes; ++size) {
      const std::size_t at = block.size() - kFragmentHeader - size;
      if (at < from) return;
      if (fragment_at(block, at, false, fragment) == Found::fragment && fragment.type == Fragment::first &&
          fragment.payload.size() == size) {
        split_ = fragment.payload;
        return;
      }
    }
  }

  std::string mark_;  // tag and mark but for its number
  std::size_t log_ = 0;
  bool in_record_ = false;
  std::uint64_t record_ = 0;  // where the present record began
  std::string head_;          // its first bytes
  std::optional<std::uint64_t> next_sequence_;
  std::optional<std::uint64_t> last_good_;  // number of the last commit before the damage

  std::optional<LogDamage> damage_;
  bool breaks_off_ = false;           // it is no more than that
  std::uint64_t commits_ = 0;         // in the damage and behind it
  std::uint64_t behind_ = 0;          // those with a good checksum,
  std::uint64_t greatest_ = 0;        // and the greatest number among them
  std::optional<std::string> split_;  // a short first fragment at the end of the block before
};

std::unexpected<base::Error> failed(const std::string& doing, const std::string& path) {
  const auto code = errno == ENOSPC ? base::Code::no_space : base::Code::unavailable;
  return base::fail(code, doing + " " + path + ": " + std::strerror(errno));
}

/// The logs that hold anything that RocksDB still needs, oldest first.
base::Result<std::vector<std::string>> needed_logs(const std::string& directory) {
  TRY_ASSIGN(const std::uint64_t first, first_needed_log(directory));
  std::map<std::uint64_t, std::string> logs;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    if (file.path().extension() != ".log" || file.file_size(error) == 0) continue;
    const auto number = base::parse_u64(file.path().stem().string());
    if (number && *number >= first) logs[*number] = file.path().string();
  }
  std::vector<std::string> paths;
  for (auto& [number, path] : logs) paths.push_back(std::move(path));
  return paths;
}

/// Keeps bytes [offset, …) of a log in a file beside. They are only of use to somebody who wants to see what was lost,
/// so a disk that is too full for them does not keep the store from opening.
void keep_aside(const std::string& path, int log_file, std::uint64_t offset, const base::Log& log) {
  const std::string aside = path + ".cut";
  const int copy = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool done = copy >= 0;
  std::array<char, 64 * 1024> buffer{};
  while (done) {
    const ssize_t size = ::pread(log_file, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    done = size >= 0;
    if (size <= 0) break;
    done = ::write(copy, buffer.data(), static_cast<std::size_t>(size)) == size;
    offset += static_cast<std::uint64_t>(size);
  }
  const int why = errno;
  if (copy >= 0) ::close(copy);
  if (done) return;
  ::unlink(aside.c_str());
  log.warning("store.log.cut.not_kept", {{"file", aside}, {"why", std::strerror(why)}});
}

base::Result<void> cut(const std::string& path, std::uint64_t offset, const base::Log& log) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return failed("opening", path);
  struct stat file{};
  bool done = ::fstat(fd, &file) == 0;
  if (done) {
    log.warning("store.log.cut", {{"file", path},
                                  {"at", offset},
                                  {"bytes", static_cast<std::uint64_t>(file.st_size) - offset},
                                  {"why", "a power cut left a part of what was not acknowledged"}});
    keep_aside(path, fd, offset, log);
    done = ::ftruncate(fd, static_cast<off_t>(offset)) == 0 && ::fsync(fd) == 0;
  }
  const int kept = errno;
  ::close(fd);
  errno = kept;
  if (!done) return failed("cutting", path);
  return {};
}

}  // namespace

std::string commit_mark(std::uint64_t secret, std::uint64_t number) {
  std::string mark(kMarkName);
  store64(mark, secret);
  store64(mark, number);
  return mark;
}

base::Result<std::optional<LogDamage>> find_log_damage(const std::vector<std::string>& paths, std::uint64_t secret) {
  Scan scan(secret);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    scan.begin_log(i);
    TRY(each_block(paths[i],
                   [&](std::string_view bytes, std::uint64_t offset, bool last) { scan.block(bytes, offset, last); }));
    scan.end_log();
  }
  return scan.damage(paths.size());
}

base::Result<void> mend_logs(const std::string& directory, std::uint64_t secret, const base::Log& log) {
  TRY_ASSIGN(const auto paths, needed_logs(directory));
  TRY_ASSIGN(const auto damage, find_log_damage(paths, secret));
  if (!damage) return {};
  const std::string& path = paths[damage->log];
  if (damage->acknowledged) {
    return base::fail(base::Code::corrupt, "the log " + path + " is damaged at byte " + std::to_string(damage->offset) +
                                               ", and what stands behind that was acknowledged: restore the store "
                                               "from a backup; nothing was changed");
  }
  // The newest first: when this is interrupted, the damage is still where it was.
  for (std::size_t i = paths.size(); --i > damage->log;) TRY(cut(paths[i], 0, log));
  return cut(path, damage->offset, log);
}

}  // namespace store
