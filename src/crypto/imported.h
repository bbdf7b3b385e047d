#pragma once
// Private to the room: the forms of password hashes that people bring along from other servers, without the scheme in
// braces before them. Each is_…() says whether the text has the form and asks for no absurd cost; each verify_…() is
// false for what has not. Pure, total over any bytes.
//
//   crypt       "$6$[rounds=5000$]salt$hash" (SHA-512), "$5$…" (SHA-256), "$2y$10$…" (bcrypt; also 2a, 2b): crypt(5)
//   salted      base64 of digest and salt (RFC 2307's SSHA and its larger sisters)
//   pbkdf2      "$1$salt$rounds$hex": Dovecot's, HMAC-SHA-1, the salt as it stands there
//   hmac_state  hexadecimal of crypto/hash.h's hmac_state(): Courier's hmac-md5pw and sisters, Dovecot's CRAM-MD5

#include <string_view>

#include "crypto/hash.h"

namespace crypto {

bool is_sha512_crypt(std::string_view stored);
bool is_sha256_crypt(std::string_view stored);
bool is_bcrypt(std::string_view stored);
bool verify_crypt(std::string_view stored, std::string_view password);

bool is_salted(Hash hash, std::string_view stored);
bool verify_salted(Hash hash, std::string_view stored, std::string_view password);

bool is_pbkdf2(std::string_view stored);
bool verify_pbkdf2(std::string_view stored, std::string_view password);

bool is_hmac_state(Hash hash, std::string_view stored);
bool verify_hmac_state(Hash hash, std::string_view stored, std::string_view password);

}  // namespace crypto
