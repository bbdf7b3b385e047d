#pragma once
// What a server keeps to check SCRAM (RFC 5802 §3), in the text form that Dovecot uses too:
// "{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey", the last three in base64. Who steals it can guess passwords at
// the price of `iterations` HMACs each and pretend to be the server to that user, but cannot log in with it. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/hash.h"

namespace crypto {

struct ScramKeys {
  Hash hash = Hash::sha256;  // or sha1
  std::uint32_t iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;
};

/// What the client pays at each login (50 ms or so), and a thief for each guess.
inline constexpr std::uint32_t kScramIterations = 100'000;

/// From the password as the state of its HMAC (hmac_state(hash, password)). Takes `iterations` HMACs: on the pool.
ScramKeys make_scram_keys(Hash hash, std::string_view state, std::string salt, std::uint32_t iterations);

/// From a SaltedPassword.
ScramKeys scram_keys_of(Hash hash, std::string_view salted_password, std::string salt, std::uint32_t iterations);

std::string format(const ScramKeys& keys);
/// Nothing for what has another form, or more than a million iterations.
std::optional<ScramKeys> parse_scram_keys(std::string_view stored);

}  // namespace crypto
