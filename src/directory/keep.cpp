#include "directory/keep.h"

#include <algorithm>

#include "crypto/password.h"

namespace directory {
namespace {

constexpr std::size_t kSaltBytes = 16;

/// The digests whose SCRAM is allowed.
std::vector<crypto::Hash> wanted(const sasl::Enabled& mechanisms) {
  std::vector<crypto::Hash> hashes;
  if (mechanisms.scram_sha256) hashes.push_back(crypto::Hash::sha256);
  if (mechanisms.scram_sha1) hashes.push_back(crypto::Hash::sha1);
  return hashes;
}

bool serves_cram_md5(const Credential& credential, const sasl::Enabled& mechanisms) {
  return mechanisms.cram_md5 && crypto::stored_hmac_state(crypto::Hash::md5, credential.hash);
}

std::string make_keys(crypto::Hash hash, std::string_view state, const std::string& salt) {
  return crypto::format(crypto::make_scram_keys(hash, state, salt, crypto::kScramIterations));
}

std::vector<std::string> make_all_keys(std::string_view prepared, const sasl::Enabled& mechanisms,
                                       const std::string& salt) {
  std::vector<std::string> keys;
  for (const auto hash : wanted(mechanisms)) keys.push_back(make_keys(hash, crypto::hmac_state(hash, prepared), salt));
  return keys;
}

}  // namespace

std::string scram_salt(std::string_view secret, std::string_view name) {
  return crypto::hmac_sha256(secret, "SCRAM salt of " + std::string(name)).substr(0, kSaltBytes);
}

Kept keep_password(std::string_view prepared, const sasl::Enabled& mechanisms, std::string salt) {
  return {.hash = crypto::hash_password(prepared), .scram = make_all_keys(prepared, mechanisms, salt)};
}

Kept keep_hash(std::string hash, const sasl::Enabled& mechanisms, std::string salt) {
  Kept kept{.hash = std::move(hash), .scram = {}};
  for (const auto digest : wanted(mechanisms)) {
    const auto state = crypto::stored_hmac_state(digest, kept.hash);
    if (state) kept.scram.push_back(make_keys(digest, *state, salt));
  }
  return kept;
}

bool yields_keys(std::string_view hash, const sasl::Enabled& mechanisms) {
  return std::ranges::any_of(wanted(mechanisms),
                             [&](crypto::Hash digest) { return crypto::stored_hmac_state(digest, hash).has_value(); });
}

void put(Kept kept, schema::DirectoryCredential& record) {
  record.set_hash(std::move(kept.hash));
  record.clear_scram();
  for (std::string& keys : kept.scram) record.add_scram(std::move(keys));
}

bool is_outdated(const Credential& credential, const sasl::Enabled& mechanisms) {
  if (!crypto::is_current_hash(credential.hash) && !serves_cram_md5(credential, mechanisms)) return true;
  for (const auto hash : wanted(mechanisms)) {
    if (!scram_keys(credential, hash)) return true;
  }
  return false;
}

Kept renew(const Credential& credential, std::string_view prepared, const sasl::Enabled& mechanisms, std::string salt) {
  if (!crypto::is_current_hash(credential.hash) && !serves_cram_md5(credential, mechanisms)) {
    return keep_password(prepared, mechanisms, std::move(salt));
  }
  return {.hash = credential.hash, .scram = make_all_keys(prepared, mechanisms, salt)};
}

std::optional<crypto::ScramKeys> scram_keys(const Credential& credential, crypto::Hash hash) {
  for (const std::string& text : credential.scram) {
    auto keys = crypto::parse_scram_keys(text);
    if (keys && keys->hash == hash) return keys;
  }
  auto keys = crypto::parse_scram_keys(credential.hash);
  if (keys && keys->hash == hash) return keys;
  return std::nullopt;
}

}  // namespace directory
