#pragma once
// CRC-32C (Castagnoli), the checksum of the store's chunks and of PROXY headers: by the processor's own instruction
// where there is one, by tables elsewhere; both give the same values. Pure.

#include <cstdint>
#include <string_view>

namespace base {

/// Extends `crc` (0 to begin) by `bytes`.
std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes);

/// The table version, whatever the processor offers; for tests.
std::uint32_t crc32c_portable(std::uint32_t crc, std::string_view bytes);

}  // namespace base
