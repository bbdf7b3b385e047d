#pragma once
// Password hashes: argon2id in the usual form "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$salt$hash". Slow on purpose
// (about 20 ms and 19 MiB): call these on the pool only, and bounded in number (directory does). Pure but for the
// salt's randomness. Both throw std::bad_alloc when the memory cannot be had, which says nothing about the password.

#include <string>
#include <string_view>

#include "base/result.h"

namespace crypto {

std::string hash_password(std::string_view password);

/// True when `password` belongs to `stored`; false for any other and for what is no hash that we know.
bool verify_password(std::string_view stored, std::string_view password);

/// Whether `stored` has the form and the parameters that verify_password() takes. Cheap.
bool is_password_hash(std::string_view stored);

/// A hash of nobody's password, with the current parameters, to spend the same time on names that do not exist.
const std::string& decoy_hash();

}  // namespace crypto
