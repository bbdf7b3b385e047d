#include "crypto/imported.h"

#include <crypt.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/text.h"

namespace crypto {
namespace {

// What a stored text may ask for: about a second on a slow machine, and more than any program's default.
constexpr std::uint32_t kMaxShaCryptRounds = 1'000'000;
constexpr std::uint32_t kMaxBcryptCost = 14;  // 2^14 rounds
constexpr std::uint32_t kMaxPbkdf2Rounds = 1'000'000;
constexpr std::size_t kMaxSaltBytes = 64;

// Long passwords make SHA-crypt slow (each round digests them), and the library takes no more than this.
constexpr std::size_t kMaxCryptPassword = 511;

bool is_crypt_base64(char c) { return base::is_digit(c) || base::is_alpha(c) || c == '.' || c == '/'; }

bool is_crypt_base64(std::string_view text, std::size_t size) {
  return text.size() == size && std::ranges::all_of(text, [](char c) { return is_crypt_base64(c); });
}

bool is_crypt_salt(std::string_view text) {
  return !text.empty() && text.size() <= 16 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F' && c != ':' && c != '$'; });
}

bool is_sha_crypt(std::string_view stored, std::string_view prefix, std::size_t hash_size) {
  if (!stored.starts_with(prefix)) return false;
  auto parts = base::split(stored.substr(prefix.size()), '$');
  constexpr std::string_view kRounds = "rounds=";
  if (parts.size() == 3) {
    if (!parts[0].starts_with(kRounds)) return false;
    const auto rounds = base::parse_u32(parts[0].substr(kRounds.size()));
    if (!rounds || *rounds > kMaxShaCryptRounds) return false;
    parts.erase(parts.begin());
  }
  return parts.size() == 2 && is_crypt_salt(parts[0]) && is_crypt_base64(parts[1], hash_size);
}

/// The part of a crypt(5) text that depends on the password: bcrypt writes it behind the 22 characters of the salt.
std::string_view digest_of(std::string_view stored) {
  const auto last = stored.substr(stored.rfind('$') + 1);
  return stored.starts_with("$2") ? last.substr(22) : last;
}

struct Pbkdf2 {
  std::string_view salt;
  std::uint32_t rounds = 0;
  std::string hash;
};

std::optional<Pbkdf2> parse_pbkdf2(std::string_view stored) {
  const auto parts = base::split(stored, '$');  // "", "1", salt, rounds, hash
  if (parts.size() != 5 || !parts[0].empty() || parts[1] != "1") return std::nullopt;
  const auto rounds = base::parse_u32(parts[3]);
  auto hash = base::hex_decode(parts[4]);
  const bool fits = parts[2].size() <= kMaxSaltBytes && rounds && *rounds >= 1 && *rounds <= kMaxPbkdf2Rounds && hash &&
                    hash->size() == digest_bytes(Hash::sha1);
  if (!fits) return std::nullopt;
  return Pbkdf2{.salt = parts[2], .rounds = *rounds, .hash = *std::move(hash)};
}

}  // namespace

bool is_sha512_crypt(std::string_view stored) { return is_sha_crypt(stored, "$6$", 86); }
bool is_sha256_crypt(std::string_view stored) { return is_sha_crypt(stored, "$5$", 43); }

bool is_bcrypt(std::string_view stored) {
  const auto parts = base::split(stored, '$');  // "", "2y", cost, salt and hash
  if (parts.size() != 4 || !parts[0].empty()) return false;
  if (parts[1] != "2a" && parts[1] != "2b" && parts[1] != "2y") return false;
  const auto cost = base::parse_u32(parts[2]);
  return parts[2].size() == 2 && cost && *cost >= 4 && *cost <= kMaxBcryptCost && is_crypt_base64(parts[3], 53);
}

bool verify_crypt(std::string_view stored, std::string_view password) {
  if (!is_sha512_crypt(stored) && !is_sha256_crypt(stored) && !is_bcrypt(stored)) return false;
  if (password.size() > kMaxCryptPassword || password.find('\0') != std::string_view::npos) return false;
  const auto data = std::make_unique<crypt_data>();  // 32 KiB, zeroed
  const std::string setting(stored);
  const std::string text(password);
  const char* const result = ::crypt_r(text.c_str(), setting.c_str(), data.get());
  // It fails with a text that starts with "*", not with a null pointer.
  if (result == nullptr || result[0] == '*') {
    if (errno == ENOMEM) throw std::bad_alloc();
    return false;
  }
  return equal_constant_time(digest_of(result), digest_of(stored));
}

bool is_salted(Hash hash, std::string_view stored) {
  const auto bytes = base::base64_decode(stored);
  return bytes && bytes->size() >= digest_bytes(hash) && bytes->size() <= digest_bytes(hash) + kMaxSaltBytes;
}

bool verify_salted(Hash hash, std::string_view stored, std::string_view password) {
  if (!is_salted(hash, stored)) return false;
  const std::string bytes = *base::base64_decode(stored);
  const std::string_view salt = std::string_view(bytes).substr(digest_bytes(hash));
  const std::string_view expected = std::string_view(bytes).substr(0, digest_bytes(hash));
  return equal_constant_time(digest(hash, std::string(password).append(salt)), expected);
}

bool is_pbkdf2(std::string_view stored) { return parse_pbkdf2(stored).has_value(); }

bool verify_pbkdf2(std::string_view stored, std::string_view password) {
  const auto parsed = parse_pbkdf2(stored);
  return parsed &&
         equal_constant_time(pbkdf2(Hash::sha1, hmac_state(Hash::sha1, password), parsed->salt, parsed->rounds),
                             parsed->hash);
}

bool is_hmac_state(Hash hash, std::string_view stored) {
  return stored.size() == 4 * digest_bytes(hash) && base::hex_decode(stored).has_value();
}

bool verify_hmac_state(Hash hash, std::string_view stored, std::string_view password) {
  return is_hmac_state(hash, stored) && equal_constant_time(hmac_state(hash, password), *base::hex_decode(stored));
}

}  // namespace crypto
