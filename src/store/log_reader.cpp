#include "store/log_reader.h"
#include "base/crc32c.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

namespace store {
namespace {

std::uint32_t load32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// RocksDB stores checksums rotated and offset, so that a checksum of checksums stays a good one.
std::uint32_t mask(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8U; }

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// "The least log to keep" of a record of the MANIFEST, 0 when it has none. Fields are a tag and a value; those that
/// can stand before it are known, and at any other the search ends.
std::uint64_t least_log(std::string_view edit) {
  enum Tag : std::uint64_t { comparator = 1, log = 2, next_file = 3, last_sequence = 4, previous_log = 9 };
  constexpr std::uint64_t kLeastLog = 10;
  constexpr std::uint64_t kGreatestFamily = 203;
  constexpr std::uint64_t kIgnorable = 1 << 13;  // a bit of tags whose values have a length
  while (const auto tag = take_varint(edit)) {
    const auto value = take_varint(edit);
    if (!value) return 0;
    if (*tag == kLeastLog) return *value;
    if (*tag == comparator || (*tag & kIgnorable) != 0) {
      if (*value > edit.size()) return 0;
      edit.remove_prefix(*value);
    } else if (*tag != log && *tag != next_file && *tag != last_sequence && *tag != previous_log &&
               *tag != kGreatestFamily) {
      return 0;
    }
  }
  return 0;
}

}  // namespace

Found fragment_at(std::string_view block, std::size_t at, bool last, Fragment& out) {
  if (block.size() - at < kFragmentHeader) {
    return last && block.size() < kLogBlock ? Found::breaks_off : Found::end_of_block;
  }
  const std::string_view header = block.substr(at, kFragmentHeader);
  const std::size_t length =
      static_cast<unsigned char>(header[4]) | static_cast<std::size_t>(static_cast<unsigned char>(header[5])) << 8;
  const auto type = static_cast<unsigned char>(header[6]);
  if (type < Fragment::whole || type > Fragment::last) return Found::damage;
  if (at + kFragmentHeader + length > block.size()) {
    return last && at + kFragmentHeader + length <= kLogBlock ? Found::breaks_off : Found::damage;
  }
  if (mask(base::crc32c(0, block.substr(at + 6, 1 + length))) != load32(header)) return Found::damage;
  out = {static_cast<Fragment::Type>(type), block.substr(at + kFragmentHeader, length)};
  return Found::fragment;
}

base::Result<void> each_block(const std::string& path,
                              const std::function<void(std::string_view block, std::uint64_t offset, bool last)>& use) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail(base::Code::unavailable, "opening " + path + ": " + std::strerror(errno));
  std::vector<char> buffer(kLogBlock);
  std::uint64_t offset = 0;
  bool more = true;
  while (more) {
    file.read(buffer.data(), static_cast<std::streamsize>(kLogBlock));
    const auto size = static_cast<std::size_t>(file.gcount());
    if (file.bad()) return base::fail(base::Code::unavailable, "reading " + path + ": " + std::strerror(errno));
    more = size == kLogBlock && file.peek() != std::ifstream::traits_type::eof();
    if (size > 0) use(std::string_view(buffer.data(), size), offset, !more);
    offset += size;
  }
  return {};
}

base::Result<std::uint64_t> first_needed_log(const std::string& directory) {
  std::ifstream current(directory + "/CURRENT");
  std::string name;
  if (!std::getline(current, name)) return 0;
  constexpr std::size_t kHead = 4096;  // the fields that are looked at stand at the beginning of a record
  std::uint64_t least = 0;
  std::string head;
  bool broken = false;
  TRY(each_block(directory + "/" + name, [&](std::string_view block, std::uint64_t, bool last) {
    Fragment fragment;
    // What cannot be read is RocksDB's to complain of: it reads this file before any log.
    for (std::size_t at = 0; !broken && at < block.size(); at += kFragmentHeader + fragment.payload.size()) {
      const Found found = fragment_at(block, at, last, fragment);
      broken = found == Found::damage || found == Found::breaks_off;
      if (found != Found::fragment) return;
      if (fragment.begins()) head.clear();
      head.append(fragment.payload.substr(0, kHead - std::min(kHead, head.size())));
      if (fragment.ends()) least = std::max(least, least_log(head));
    }
  }));
  return least;
}

}  // namespace store
