#pragma once
// Private to the room: argon2id (RFC 9106) as "$argon2id$v=19$m=19456,t=2,p=1$salt$hash". What asks for more than
// 256 MiB, 20 passes or 8 lanes is none. Throws std::bad_alloc when the memory cannot be had.

#include <string>
#include <string_view>

namespace crypto {

std::string make_argon2id(std::string_view password);
/// With today's costs, and nobody's: its digest is random.
std::string unmatched_argon2id();
bool is_argon2id(std::string_view stored);
/// Costs at least what make_argon2id() asks for.
bool is_current_argon2id(std::string_view stored);
bool verify_argon2id(std::string_view stored, std::string_view password);

}  // namespace crypto
