// Stored password hashes over any bytes: every text is a hash or none, whatever case its scheme is in; those that cost
// little are checked too, and nobody gets in by chance.

#include "base/check.h"
#include "base/text.h"
#include "crypto/password.h"
#include "crypto/scram_keys.h"

namespace {

bool is_cheap(std::string_view stored) {
  for (const auto prefix : {"{SSHA", "{HMAC", "{CRAM", "{PLAIN"}) {
    if (base::istarts_with(stored, prefix)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stored(reinterpret_cast<const char*>(data), size);
  const bool is_hash = crypto::is_password_hash(stored);
  ENSURE(is_hash || !crypto::is_current_hash(stored));
  for (const auto hash : {crypto::Hash::md5, crypto::Hash::sha1, crypto::Hash::sha256}) {
    const auto state = crypto::stored_hmac_state(hash, stored);
    ENSURE(!state || (is_hash && state->size() == 2 * crypto::digest_bytes(hash)));
  }
  if (const auto keys = crypto::parse_scram_keys(stored)) {
    ENSURE(is_hash);
    ENSURE(crypto::format(*crypto::parse_scram_keys(crypto::format(*keys))) == crypto::format(*keys));
  }
  if (!is_hash || is_cheap(stored)) {
    const bool right = crypto::verify_password(stored, "a password that nobody has");
    ENSURE(!right || base::istarts_with(stored, "{PLAIN}a password"));
  }
  return 0;
}
