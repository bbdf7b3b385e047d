#include "crypto/password.h"

#include <argon2.h>

#include <new>
#include <stdexcept>

#include "base/check.h"
#include "base/text.h"
#include "crypto/random.h"

namespace crypto {
namespace {

constexpr std::string_view kScheme = "{ARGON2ID}";
constexpr std::string_view kVariant = "$argon2id$v=19$";

// 19 MiB and two passes: the least that OWASP recommends for argon2id, 21 ms here (design: threads).
constexpr std::uint32_t kMemoryKib = 19456;
constexpr std::uint32_t kPasses = 2;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

// What a stored string may ask for: a record that was tampered with, or imported, must not take the machine.
constexpr std::uint32_t kMaxMemoryKib = 256 * 1024;
constexpr std::uint32_t kMaxPasses = 20;
constexpr std::uint32_t kMaxLanes = 8;
constexpr std::size_t kMaxStoredBytes = 512;
constexpr std::size_t kMinHashBytes = 16;  // shorter ones are met by chance

std::string unpadded_base64(std::string_view bytes) {
  std::string text = base::base64_encode(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

/// "m=19456" with name 'm' -> 19456.
std::optional<std::uint32_t> parameter(std::string_view text, char name) {
  if (text.size() < 3 || text[0] != name || text[1] != '=') return std::nullopt;
  return base::parse_u32(text.substr(2));
}

bool acceptable_parameters(std::string_view text) {
  const auto parts = base::split(text, ',');
  if (parts.size() != 3) return false;
  const auto memory = parameter(parts[0], 'm');
  const auto passes = parameter(parts[1], 't');
  const auto lanes = parameter(parts[2], 'p');
  return memory && passes && lanes && *memory <= kMaxMemoryKib && *passes >= 1 && *passes <= kMaxPasses &&
         *lanes >= 1 && *lanes <= kMaxLanes && *memory >= 8 * *lanes;
}

/// The part that libargon2 reads ("$argon2id$v=19$…"), when it is of our form and asks for nothing absurd.
std::optional<std::string> encoded_part(std::string_view stored) {
  if (stored.size() > kMaxStoredBytes || !base::istarts_with(stored, kScheme)) return std::nullopt;
  stored.remove_prefix(kScheme.size());
  if (!stored.starts_with(kVariant) || stored.find('\0') != std::string_view::npos) return std::nullopt;
  const auto parts = base::split(stored.substr(kVariant.size()), '$');  // parameters, salt, hash
  if (parts.size() != 3 || !acceptable_parameters(parts[0])) return std::nullopt;
  if (parts[2].size() * 3 / 4 < kMinHashBytes) return std::nullopt;
  return std::string(stored);
}

}  // namespace

std::string hash_password(std::string_view password) {
  const std::string salt = random_bytes(kSaltBytes);
  std::string encoded(argon2_encodedlen(kPasses, kMemoryKib, kLanes, kSaltBytes, kHashBytes, Argon2_id), '\0');
  const int rc = argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, password.data(), password.size(), salt.data(),
                                       salt.size(), kHashBytes, encoded.data(), encoded.size());
  if (rc == ARGON2_MEMORY_ALLOCATION_ERROR) throw std::bad_alloc();
  if (rc != ARGON2_OK) throw std::runtime_error(std::string("argon2: ") + argon2_error_message(rc));
  encoded.resize(std::strlen(encoded.c_str()));
  return std::string(kScheme) + encoded;
}

bool verify_password(std::string_view stored, std::string_view password) {
  const auto encoded = encoded_part(stored);
  if (!encoded) return false;
  const int rc = argon2id_verify(encoded->c_str(), password.data(), password.size());
  if (rc == ARGON2_MEMORY_ALLOCATION_ERROR) throw std::bad_alloc();
  return rc == ARGON2_OK;
}

bool is_password_hash(std::string_view stored) { return encoded_part(stored).has_value(); }

const std::string& decoy_hash() {
  // A random digest instead of a computed one: nobody knows a password for it, and the first caller waits for nothing.
  static const std::string hash = std::string(kScheme) + std::string(kVariant) + "m=" + std::to_string(kMemoryKib) +
                                  ",t=" + std::to_string(kPasses) + ",p=" + std::to_string(kLanes) + "$" +
                                  unpadded_base64(random_bytes(kSaltBytes)) + "$" +
                                  unpadded_base64(random_bytes(kHashBytes));
  return hash;
}

}  // namespace crypto
