#pragma once
// Digests and keyed digests, as raw bytes; constant-time comparison for secrets. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace crypto {

std::string sha256(std::string_view data);                             // 32 bytes
std::string hmac_sha256(std::string_view key, std::string_view data);  // 32 bytes
bool equal_constant_time(std::string_view a, std::string_view b);

/// A fast keyed 64-bit digest for tables (SipHash-2-4); `key` has 16 bytes. Not for secrets.
std::uint64_t siphash(std::string_view key, std::string_view data);

}  // namespace crypto
