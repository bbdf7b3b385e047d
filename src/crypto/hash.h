#pragma once
// Digests, keyed digests and PBKDF2, as raw bytes; constant-time comparison for secrets. Pure.
//
// The state of an HMAC is what its two digests hold after the block of the key, the outer one first: all that is needed
// to go on with any data, so whoever has it can do what the owner of the key can (RFC 2104 §4). Courier keeps passwords
// in this form, and PBKDF2 is quick with it.

#include <cstdint>
#include <string>
#include <string_view>

namespace crypto {

enum class Hash { md5, sha1, sha256, sha512 };  // md5 and sha1: for protocols and records that have nothing better

std::size_t digest_bytes(Hash hash);
std::string digest(Hash hash, std::string_view data);
std::string hmac(Hash hash, std::string_view key, std::string_view data);

inline std::string sha256(std::string_view data) { return digest(Hash::sha256, data); }  // 32 bytes
inline std::string hmac_sha256(std::string_view key, std::string_view data) { return hmac(Hash::sha256, key, data); }

/// The state for `key`, of 2 * digest_bytes(); and the HMAC from there. md5, sha1 and sha256 only.
std::string hmac_state(Hash hash, std::string_view key);
std::string hmac_from_state(Hash hash, std::string_view state, std::string_view data);

/// PBKDF2 (RFC 8018 §5.2) whose password is given as the state of its HMAC; the result is as long as the digest.
std::string pbkdf2(Hash hash, std::string_view state, std::string_view salt, std::uint32_t iterations);

bool equal_constant_time(std::string_view a, std::string_view b);

/// A fast keyed 64-bit digest for tables (SipHash-2-4); `key` has 16 bytes. Not for secrets.
std::uint64_t siphash(std::string_view key, std::string_view data);

}  // namespace crypto
