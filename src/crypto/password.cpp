#include "crypto/password.h"

#include <array>

#include "base/text.h"
#include "crypto/argon2id.h"
#include "crypto/imported.h"
#include "crypto/scram_keys.h"

namespace crypto {
namespace {

constexpr std::size_t kMaxStoredBytes = 1200;  // {PLAIN} and the longest password

template <Hash kHash>
constexpr auto is_salted_with = [](std::string_view stored) { return is_salted(kHash, stored); };
template <Hash kHash>
constexpr auto verify_salted_with =
    [](std::string_view stored, std::string_view password) { return verify_salted(kHash, stored, password); };
template <Hash kHash>
constexpr auto is_state_of = [](std::string_view stored) { return is_hmac_state(kHash, stored); };
template <Hash kHash>
constexpr auto verify_state_of =
    [](std::string_view stored, std::string_view password) { return verify_hmac_state(kHash, stored, password); };

bool is_crypt(std::string_view stored) {
  return is_sha512_crypt(stored) || is_sha256_crypt(stored) || is_bcrypt(stored);
}

bool is_plain(std::string_view stored) { return !stored.empty() && stored.find('\0') == std::string_view::npos; }

template <Hash kHash>
constexpr auto parse_scram = [](std::string_view stored) {
  return parse_scram_keys((kHash == Hash::sha1 ? "{SCRAM-SHA-1}" : "{SCRAM-SHA-256}") + std::string(stored));
};
template <Hash kHash>
constexpr auto is_scram = [](std::string_view stored) { return parse_scram<kHash>(stored).has_value(); };
template <Hash kHash>
constexpr auto verify_scram = [](std::string_view stored, std::string_view password) {
  const auto keys = parse_scram<kHash>(stored);
  if (!keys) return false;
  const auto made = make_scram_keys(kHash, hmac_state(kHash, password), keys->salt, keys->iterations);
  return equal_constant_time(made.stored_key, keys->stored_key);
};

struct Scheme {
  std::string_view name;
  bool (*is)(std::string_view stored);
  bool (*verify)(std::string_view stored, std::string_view password);
  std::optional<Hash> state_of = std::nullopt;  // the text is the state of an HMAC with it
};

constexpr std::array kSchemes = {
    Scheme{"ARGON2ID", is_argon2id, verify_argon2id},
    Scheme{"SHA512-CRYPT", is_sha512_crypt, verify_crypt},
    Scheme{"SHA256-CRYPT", is_sha256_crypt, verify_crypt},
    Scheme{"BLF-CRYPT", is_bcrypt, verify_crypt},
    Scheme{"BCRYPT", is_bcrypt, verify_crypt},
    Scheme{"CRYPT", is_crypt, verify_crypt},
    Scheme{"SSHA", is_salted_with<Hash::sha1>, verify_salted_with<Hash::sha1>},
    Scheme{"SSHA256", is_salted_with<Hash::sha256>, verify_salted_with<Hash::sha256>},
    Scheme{"SSHA512", is_salted_with<Hash::sha512>, verify_salted_with<Hash::sha512>},
    Scheme{"PBKDF2", is_pbkdf2, verify_pbkdf2},
    Scheme{"SCRAM-SHA-1", is_scram<Hash::sha1>, verify_scram<Hash::sha1>},
    Scheme{"SCRAM-SHA-256", is_scram<Hash::sha256>, verify_scram<Hash::sha256>},
    Scheme{"PLAIN", is_plain, equal_constant_time},
    Scheme{"HMAC-MD5PW", is_state_of<Hash::md5>, verify_state_of<Hash::md5>, Hash::md5},
    Scheme{"HMAC-MD5", is_state_of<Hash::md5>, verify_state_of<Hash::md5>, Hash::md5},
    Scheme{"CRAM-MD5", is_state_of<Hash::md5>, verify_state_of<Hash::md5>, Hash::md5},
    Scheme{"HMAC-SHA1PW", is_state_of<Hash::sha1>, verify_state_of<Hash::sha1>, Hash::sha1},
    Scheme{"HMAC-SHA1", is_state_of<Hash::sha1>, verify_state_of<Hash::sha1>, Hash::sha1},
    Scheme{"HMAC-SHA256PW", is_state_of<Hash::sha256>, verify_state_of<Hash::sha256>, Hash::sha256},
    Scheme{"HMAC-SHA256", is_state_of<Hash::sha256>, verify_state_of<Hash::sha256>, Hash::sha256},
};

struct Found {
  const Scheme* scheme = nullptr;
  std::string_view text;  // behind the scheme
};

/// The scheme of what is acceptable for it, or nullptr.
Found find_scheme(std::string_view stored) {
  if (stored.size() > kMaxStoredBytes) return {};
  std::string_view name;
  if (stored.starts_with('{')) {
    const auto end = stored.find('}');
    if (end == std::string_view::npos) return {};
    name = stored.substr(1, end - 1);
    stored.remove_prefix(end + 1);
  } else {
    name = stored.starts_with("$argon2id$") ? "ARGON2ID" : stored.starts_with('$') ? "CRYPT" : "";
  }
  for (const Scheme& scheme : kSchemes) {
    if (base::iequals(scheme.name, name)) return scheme.is(stored) ? Found{&scheme, stored} : Found{};
  }
  return {};
}

}  // namespace

std::string hash_password(std::string_view password) { return "{ARGON2ID}" + make_argon2id(password); }

bool verify_password(std::string_view stored, std::string_view password) {
  const Found found = find_scheme(stored);
  return found.scheme != nullptr && found.scheme->verify(found.text, password);
}

bool is_password_hash(std::string_view stored) { return find_scheme(stored).scheme != nullptr; }

bool is_current_hash(std::string_view stored) {
  const Found found = find_scheme(stored);
  return found.scheme != nullptr && found.scheme->name == "ARGON2ID" && is_current_argon2id(found.text);
}

std::string password_schemes() {
  std::string names;
  for (const Scheme& scheme : kSchemes) {
    if (!names.empty()) names += ", ";
    names += scheme.name;
  }
  return names;
}

std::optional<std::string> stored_hmac_state(Hash hash, std::string_view stored) {
  const Found found = find_scheme(stored);
  if (found.scheme == nullptr) return std::nullopt;
  if (found.scheme->is == is_plain) return hmac_state(hash, found.text);
  return found.scheme->state_of == hash ? base::hex_decode(found.text) : std::nullopt;
}

const std::string& decoy_hash() {
  // A random digest instead of a computed one: nobody knows a password for it, and the first caller waits for nothing.
  static const std::string hash = "{ARGON2ID}" + unmatched_argon2id();
  return hash;
}

}  // namespace crypto
