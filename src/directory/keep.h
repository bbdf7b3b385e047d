#pragma once
// Private to the room: what is kept of a password, so that every mechanism that the operator allows can check it. Pure
// but for salts; what makes keys or hashes is slow, and throws std::bad_alloc when there is no memory.
//
// Beside the hash, which PLAIN and LOGIN are checked against, stand the keys of SCRAM. They cost a thief 100,000 HMACs
// for a guess and no memory, some twenty times less than argon2id (docs/security.md), and only those are made whose
// mechanism is allowed.

#include <string>
#include <string_view>
#include <vector>

#include "crypto/scram_keys.h"
#include "directory/records.h"
#include "sasl/sasl.h"

namespace directory {

/// The salt of the SCRAM keys of a name. For all its passwords the same, because the client gets it before it is known
/// which of them it has; and from a secret, so that names that nobody has get one too, always the same.
std::string scram_salt(std::string_view secret, std::string_view name);

struct Kept {
  std::string hash;
  std::vector<std::string> scram;
};
Kept keep_password(std::string_view prepared, const sasl::Enabled& mechanisms, std::string salt);
/// Of a hash that was brought along: the keys that follow from it ({PLAIN} and HMAC states).
Kept keep_hash(std::string hash, const sasl::Enabled& mechanisms, std::string salt);

/// Whether keep_hash() has keys to make, which is slow.
bool yields_keys(std::string_view hash, const sasl::Enabled& mechanisms);
void put(Kept kept, schema::DirectoryCredential& record);

/// Whether what is kept is not what keep_password() would make today. Cheap.
bool is_outdated(const Credential& credential, const sasl::Enabled& mechanisms);
/// As keep_password(), but a hash that CRAM-MD5 is checked with stays while the operator allows that.
Kept renew(const Credential& credential, std::string_view prepared, const sasl::Enabled& mechanisms, std::string salt);

/// The keys of a kind: made here, or brought along as the hash itself.
std::optional<crypto::ScramKeys> scram_keys(const Credential& credential, crypto::Hash hash);

}  // namespace directory
