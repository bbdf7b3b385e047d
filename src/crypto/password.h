#pragma once
// Password hashes as they are stored: our own, "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$salt$hash", and those that
// people bring along from other servers, "{SCHEME}…" or a crypt(5) text without a scheme (README.md lists the schemes).
// Slow on purpose (ours about 20 ms and 19 MiB, others up to a second): call the functions that hash or verify on the
// pool only, and bounded in number (directory does). Pure but for the salt's randomness. They throw std::bad_alloc when
// the memory cannot be had, which says nothing about the password.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/hash.h"

namespace crypto {

std::string hash_password(std::string_view password);

/// True when `password` belongs to `stored`; false for any other and for what is no hash that we know.
bool verify_password(std::string_view stored, std::string_view password);

/// Whether `stored` has a form and parameters that verify_password() takes. Cheap.
bool is_password_hash(std::string_view stored);

/// Whether `stored` is what hash_password() would give today. Another one is replaced when its password is known, and
/// costs less or more time than decoy_hash().
bool is_current_hash(std::string_view stored);

/// The names of the schemes, for people: "ARGON2ID, SHA512-CRYPT, …".
std::string password_schemes();

/// The password of `stored` as the state of its HMAC (crypto/hash.h), for protocols that never send it: from {PLAIN},
/// and from a state that is stored. Nothing for other schemes.
std::optional<std::string> stored_hmac_state(Hash hash, std::string_view stored);

/// A hash of nobody's password, with the current parameters, to spend the same time on names that do not exist.
const std::string& decoy_hash();

}  // namespace crypto
