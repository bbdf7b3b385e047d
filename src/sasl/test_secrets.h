#pragma once
// A server that knows one user, for tests only: which mechanisms it allows, and what it would answer to a question:
// with the salts of RFC 5802 §5 and 7677 §3 and 4,096 iterations.

#include <string>
#include <string_view>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/scram_keys.h"
#include "sasl/sasl.h"

namespace sasl::test {

/// From names with a space between each two.
inline Enabled enabled(std::string_view names) {
  std::vector<std::string> list;
  for (const auto name : base::split(names, ' ')) list.emplace_back(name);
  return *enabled_from(list);
}

inline Secrets secrets(const Question& question, std::string_view user, std::string_view password) {
  const bool known = question.user == user;
  if (question.wanted == Wanted::cram_md5) {
    if (!known) return {};
    return {.list = {{.version = 1, .key = crypto::hmac_state(crypto::Hash::md5, password), .server_key = {}}}};
  }
  const bool sha1 = question.wanted == Wanted::scram_sha1;
  const auto hash = sha1 ? crypto::Hash::sha1 : crypto::Hash::sha256;
  const auto salt = base::base64_decode(sha1 ? "QSXCR+Q6sek8bf92" : "W22ZaJ0SNY7soEsUEjb6gQ==");
  const auto keys = crypto::make_scram_keys(hash, crypto::hmac_state(hash, password), *salt, 4096);
  Secrets answer{.salt = keys.salt, .iterations = keys.iterations, .list = {}};
  if (known) answer.list.push_back({.version = 1, .key = keys.stored_key, .server_key = keys.server_key});
  return answer;
}

}  // namespace sasl::test
