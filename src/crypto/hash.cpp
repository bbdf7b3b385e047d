#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <bit>
#include <stdexcept>

#include "base/check.h"

namespace crypto {
namespace {

/// Fetched once: the implicit fetch of EVP_sha256() and its like would cost more than the digest of a short text.
const EVP_MD* algorithm(Hash hash) {
  static const std::array<const EVP_MD*, 4> fetched = [] {
    std::array<const EVP_MD*, 4> all{};
    constexpr std::array kNames = {"MD5", "SHA1", "SHA256", "SHA512"};
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = EVP_MD_fetch(nullptr, kNames[i], nullptr);
      if (all[i] == nullptr) throw std::runtime_error(std::string("OpenSSL has no ") + kNames[i]);
    }
    return all;
  }();
  return fetched[static_cast<std::size_t>(hash)];
}

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

/// The state of SipHash (Aumasson, Bernstein: "SipHash: a fast short-input PRF", §2).
struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

std::size_t digest_bytes(Hash hash) {
  switch (hash) {
    case Hash::md5:
      return 16;
    case Hash::sha1:
      return 20;
    case Hash::sha256:
      return 32;
    case Hash::sha512:
      break;
  }
  return 64;
}

std::string digest(Hash hash, std::string_view data) {
  std::string out(digest_bytes(hash), '\0');
  unsigned length = 0;
  if (EVP_Digest(data.data(), data.size(), bytes_of(out), &length, algorithm(hash), nullptr) != 1) {
    throw std::runtime_error("OpenSSL could not compute a digest");
  }
  ENSURE(length == out.size());
  return out;
}

std::string hmac(Hash hash, std::string_view key, std::string_view data) {
  // HMAC() takes a null key for "the key of the last call", which an empty string_view may be.
  const std::string_view some_key = key.data() == nullptr ? std::string_view("") : key;
  ENSURE(some_key.size() <= INT32_MAX);
  std::string out(digest_bytes(hash), '\0');
  unsigned length = 0;
  if (HMAC(algorithm(hash), some_key.data(), static_cast<int>(some_key.size()), bytes_of(data), data.size(),
           bytes_of(out), &length) == nullptr) {
    throw std::runtime_error("OpenSSL could not compute an HMAC");
  }
  ENSURE(length == out.size());
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  // The lengths are no secret: those of digests are fixed.
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::uint64_t siphash(std::string_view key, std::string_view data) {
  ENSURE(key.size() == 16);
  const std::uint64_t k0 = little_endian(key.substr(0, 8));
  const std::uint64_t k1 = little_endian(key.substr(8));
  SipState state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
  const std::uint64_t length = data.size();
  for (; data.size() >= 8; data.remove_prefix(8)) state.take(little_endian(data.substr(0, 8)));
  state.take(little_endian(data) | (length << 56));
  state.v2 ^= 0xFF;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace crypto
