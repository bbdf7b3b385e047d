#include "store/log_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/text.h"
#include "store/crc32c.h"

namespace store {
namespace {

constexpr std::size_t kBlock = 32 * 1024;
constexpr std::size_t kHeader = 7;        // checksum (4), length (2), type (1)
constexpr std::size_t kBatchHeader = 12;  // sequence (8), count (4), then the first entry's tag
constexpr char kLogDataTag = 3;           // of an entry that stands in the log only: our mark
enum Type : unsigned char { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

std::uint32_t load32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// RocksDB stores checksums rotated and offset, so that a checksum of checksums stays a good one.
std::uint32_t mask(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8U; }

struct Fragment {
  Type type = kZero;
  std::string_view payload;
};

enum class Found { fragment, end_of_block, breaks_off, damage };

/// The fragment at `at` of a block; `last` says that the file ends with this block.
Found fragment_at(std::string_view block, std::size_t at, bool last, Fragment& out) {
  if (block.size() - at < kHeader) return last && block.size() < kBlock ? Found::breaks_off : Found::end_of_block;
  const std::string_view header = block.substr(at, kHeader);
  const std::size_t length =
      static_cast<unsigned char>(header[4]) | static_cast<std::size_t>(static_cast<unsigned char>(header[5])) << 8;
  const auto type = static_cast<unsigned char>(header[6]);
  if (type < kFull || type > kLast) return Found::damage;
  if (at + kHeader + length > block.size()) {
    return last && at + kHeader + length <= kBlock ? Found::breaks_off : Found::damage;
  }
  if (mask(crc32c(0, block.substr(at + 6, 1 + length))) != load32(header)) return Found::damage;
  out = {static_cast<Type>(type), block.substr(at + kHeader, length)};
  return Found::fragment;
}

bool begins_commit(const Fragment& fragment) {
  return (fragment.type == kFull || fragment.type == kFirst) && fragment.payload.size() > kBatchHeader &&
         fragment.payload[kBatchHeader] == kLogDataTag;
}

/// Reads block after block; before damage it follows the records, behind it it looks for commits at every byte.
class Scan {
 public:
  void block(std::string_view bytes, std::uint64_t offset, bool last) {
    std::size_t at = 0;
    while (!damage_ && at < bytes.size()) {
      Fragment fragment;
      const Found found = fragment_at(bytes, at, last, fragment);
      if (found == Found::end_of_block || found == Found::breaks_off) return;
      if (found == Found::damage || !follows(fragment, offset + at)) {
        damage_ = LogDamage{.offset = in_record_ ? record_ : offset + at};
        // A fragment that is good but out of place counts as behind the damage.
        if (found == Found::damage) ++at;
        break;
      }
      at += kHeader + fragment.payload.size();
    }
    if (damage_) search(bytes.substr(at));
  }

  std::optional<LogDamage> damage() const { return damage_; }

 private:
  /// Whether a fragment may come next.
  bool follows(const Fragment& fragment, std::uint64_t offset) {
    const bool begins = fragment.type == kFull || fragment.type == kFirst;
    if (begins == in_record_) return false;
    if (begins) record_ = offset;
    in_record_ = fragment.type == kFirst || fragment.type == kMiddle;
    return true;
  }

  void search(std::string_view bytes) {
    for (std::size_t at = 0; at + kHeader <= bytes.size();) {
      Fragment fragment;
      if (fragment_at(bytes, at, false, fragment) != Found::fragment) {
        ++at;
        continue;
      }
      if (begins_commit(fragment)) ++damage_->commits_behind;
      at += kHeader + fragment.payload.size();
    }
  }

  std::optional<LogDamage> damage_;
  bool in_record_ = false;
  std::uint64_t record_ = 0;  // where the present record began
};

/// The log with the greatest number that holds anything; empty when there is none.
std::string newest_log(const std::string& directory) {
  std::string newest;
  std::uint64_t greatest = 0;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    if (file.path().extension() != ".log" || file.file_size(error) == 0) continue;
    const auto number = base::parse_u64(file.path().stem().string());
    if (!number || *number < greatest) continue;
    greatest = *number;
    newest = file.path().string();
  }
  return newest;
}

std::unexpected<base::Error> failed(const std::string& doing, const std::string& path) {
  const auto code = errno == ENOSPC ? base::Code::no_space : base::Code::unavailable;
  return base::fail(code, doing + " " + path + ": " + std::strerror(errno));
}

/// Keeps what stands behind the damage in a file beside, then cuts the log there.
base::Result<void> cut(const std::string& path, const LogDamage& damage) {
  const std::string aside = path + ".cut";
  std::error_code error;
  std::filesystem::copy_file(path, aside, std::filesystem::copy_options::overwrite_existing, error);
  if (error) return base::fail(base::Code::unavailable, "copying " + path + ": " + error.message());
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("opening", path);
  const bool done = ::ftruncate(fd, static_cast<off_t>(damage.offset)) == 0 && ::fsync(fd) == 0;
  const int kept = errno;
  ::close(fd);
  errno = kept;
  if (!done) return failed("cutting", path);
  return {};
}

}  // namespace

base::Result<std::optional<LogDamage>> find_log_damage(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return failed("opening", path);
  Scan scan;
  std::vector<char> buffer(kBlock);
  std::uint64_t offset = 0;
  bool more = true;
  while (more) {
    file.read(buffer.data(), static_cast<std::streamsize>(kBlock));
    const auto size = static_cast<std::size_t>(file.gcount());
    if (file.bad()) return failed("reading", path);
    more = size == kBlock && file.peek() != std::ifstream::traits_type::eof();
    if (size > 0) scan.block(std::string_view(buffer.data(), size), offset, !more);
    offset += size;
  }
  auto damage = scan.damage();
  if (damage) damage->size = offset;
  return damage;
}

base::Result<void> mend_log_tail(const std::string& directory, const base::Log& log) {
  const std::string path = newest_log(directory);
  if (path.empty()) return {};
  TRY_ASSIGN(const auto damage, find_log_damage(path));
  if (!damage) return {};
  if (damage->commits_behind > 1) {
    return base::fail(base::Code::corrupt, "the log " + path + " is damaged at byte " + std::to_string(damage->offset) +
                                               ", and what stands behind that was acknowledged: restore the store "
                                               "from a backup; nothing was changed");
  }
  log.warning("store.log.cut", {{"file", path},
                                {"at", damage->offset},
                                {"bytes", damage->size - damage->offset},
                                {"why", "a power cut left a part of what was not acknowledged"}});
  return cut(path, *damage);
}

}  // namespace store
