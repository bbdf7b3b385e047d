#pragma once
// Private to the room. The store's own tables (schema/store.proto), and the keys and values of body chunks:
//   chunk key   := blob (8 bytes, big-endian) index (4 bytes, big-endian)
//   chunk value := CRC-32C over key and bytes (4 bytes, little-endian), bytes

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "base/ids.h"
#include "schema/store.pb.h"
#include "store/table.h"

namespace store {

inline constexpr Table<std::tuple<>, postrider::schema::IdCeiling> kIds{1, "store.ids"};
inline constexpr Table<std::tuple<base::BlobId>, postrider::schema::Blob> kBlobs{2, "store.blob"};
inline constexpr Table<std::tuple<base::BlobId, std::uint64_t, std::uint64_t>, Nothing> kLinks{3, "store.link"};
inline constexpr Table<std::tuple<base::BlobId>, Nothing> kUploads{4, "store.upload"};

std::string chunk_key(base::BlobId blob, std::uint32_t index);
/// The checksum that stands before the bytes.
std::string chunk_head(base::BlobId blob, std::uint32_t index, std::string_view bytes);
/// The bytes of a chunk's value; nothing when the checksum is wrong.
std::optional<std::string_view> chunk_bytes(base::BlobId blob, std::uint32_t index, std::string_view value);
std::optional<std::pair<base::BlobId, std::uint32_t>> decode_chunk_key(std::string_view key);

std::uint32_t chunk_count(std::uint64_t body_size);
/// The size of chunk `index` of a body of that size.
std::size_t chunk_size(std::uint64_t body_size, std::uint32_t index);

}  // namespace store
