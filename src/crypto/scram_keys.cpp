#include "crypto/scram_keys.h"

#include "base/text.h"

namespace crypto {
namespace {

constexpr std::uint32_t kMaxIterations = 1'000'000;
constexpr std::size_t kMaxSaltBytes = 64;
constexpr std::string_view kSha1 = "{SCRAM-SHA-1}";
constexpr std::string_view kSha256 = "{SCRAM-SHA-256}";

}  // namespace

ScramKeys make_scram_keys(Hash hash, std::string_view state, std::string salt, std::uint32_t iterations) {
  const std::string salted_password = pbkdf2(hash, state, salt, iterations);  // RFC 5802 §2.2: Hi() is PBKDF2
  return scram_keys_of(hash, salted_password, std::move(salt), iterations);
}

ScramKeys scram_keys_of(Hash hash, std::string_view salted_password, std::string salt, std::uint32_t iterations) {
  // RFC 5802 §3: the algorithm.
  return {.hash = hash,
          .iterations = iterations,
          .salt = std::move(salt),
          .stored_key = digest(hash, hmac(hash, salted_password, "Client Key")),
          .server_key = hmac(hash, salted_password, "Server Key")};
}

std::string format(const ScramKeys& keys) {
  return std::string(keys.hash == Hash::sha1 ? kSha1 : kSha256) + std::to_string(keys.iterations) + "," +
         base::base64_encode(keys.salt) + "," + base::base64_encode(keys.stored_key) + "," +
         base::base64_encode(keys.server_key);
}

std::optional<ScramKeys> parse_scram_keys(std::string_view stored) {
  ScramKeys keys;
  if (base::istarts_with(stored, kSha256)) {
    stored.remove_prefix(kSha256.size());
  } else if (base::istarts_with(stored, kSha1)) {
    keys.hash = Hash::sha1;
    stored.remove_prefix(kSha1.size());
  } else {
    return std::nullopt;
  }
  const auto parts = base::split(stored, ',');
  if (parts.size() != 4) return std::nullopt;
  const auto iterations = base::parse_u32(parts[0]);
  auto salt = base::base64_decode(parts[1]);
  auto stored_key = base::base64_decode(parts[2]);
  auto server_key = base::base64_decode(parts[3]);
  if (!iterations || *iterations < 1 || *iterations > kMaxIterations) return std::nullopt;
  if (!salt || salt->empty() || salt->size() > kMaxSaltBytes) return std::nullopt;
  const std::size_t size = digest_bytes(keys.hash);
  if (!stored_key || stored_key->size() != size || !server_key || server_key->size() != size) return std::nullopt;
  keys.iterations = *iterations;
  keys.salt = *std::move(salt);
  keys.stored_key = *std::move(stored_key);
  keys.server_key = *std::move(server_key);
  return keys;
}

}  // namespace crypto
