#pragma once
// Private to the room. CRC-32C (Castagnoli), the checksum of body chunks: by the processor's own instruction where
// there is one, by tables elsewhere; both give the same values.

#include <cstdint>
#include <string_view>

namespace store {

/// Extends `crc` (0 to begin) by `bytes`.
std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes);

/// The table version, whatever the processor offers; for tests.
std::uint32_t crc32c_portable(std::uint32_t crc, std::string_view bytes);

}  // namespace store
