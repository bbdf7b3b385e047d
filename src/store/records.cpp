#include "store/records.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/text.h"
#include "store/store.h"

namespace store {
namespace {

constexpr std::size_t kHeadBytes = 4;

std::uint32_t checksum(base::BlobId blob, std::uint32_t index, std::string_view bytes) {
  return base::crc32c(base::crc32c(0, chunk_key(blob, index)), bytes);
}

}  // namespace

base::Error corrupt_record(const char* table, std::string_view key) {
  return {base::Code::corrupt, std::string("record of ") + table + " does not decode, key " + base::hex(key)};
}

std::string chunk_key(base::BlobId blob, std::uint32_t index) {
  std::string key;
  append_key_part(key, blob);
  append_key_part(key, index);
  return key;
}

std::string chunk_head(base::BlobId blob, std::uint32_t index, std::string_view bytes) {
  const std::uint32_t crc = checksum(blob, index, bytes);
  std::string head(kHeadBytes, '\0');
  for (std::size_t i = 0; i < kHeadBytes; ++i) head[i] = static_cast<char>(crc >> (8 * i) & 0xFF);
  return head;
}

std::optional<std::string_view> chunk_bytes(base::BlobId blob, std::uint32_t index, std::string_view value) {
  if (value.size() < kHeadBytes) return std::nullopt;
  std::uint32_t crc = 0;
  for (std::size_t i = kHeadBytes; i-- > 0;) crc = crc << 8 | static_cast<unsigned char>(value[i]);
  value.remove_prefix(kHeadBytes);
  if (checksum(blob, index, value) != crc) return std::nullopt;
  return value;
}

std::optional<std::pair<base::BlobId, std::uint32_t>> decode_chunk_key(std::string_view key) {
  std::pair<base::BlobId, std::uint32_t> parts;
  if (!take_key_part(key, parts.first) || !take_key_part(key, parts.second) || !key.empty()) return std::nullopt;
  return parts;
}

std::uint32_t chunk_count(std::uint64_t body_size) {
  return static_cast<std::uint32_t>((body_size + kChunkBytes - 1) / kChunkBytes);
}

std::size_t chunk_size(std::uint64_t body_size, std::uint32_t index) {
  const std::uint64_t begin = std::uint64_t{index} * kChunkBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(body_size - begin, kChunkBytes));
}

}  // namespace store
