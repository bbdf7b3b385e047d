// Logins. A check of a password costs 21 ms of a core and 19 MiB, so they pass a gate, and what was right is
// remembered: under an HMAC with a key of this process over everything that made it right, so neither the passwords nor
// anything to test guesses against is kept, and a changed credential simply finds no entry.

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

using base::Code;

/// As it is compared here, and as the client sent it: hashes that were brought along may be of either.
struct Password {
  std::string prepared;
  std::string raw;
};

bool belongs(const std::string& hash, const Password& password) {
  if (crypto::verify_password(hash, password.prepared)) return true;
  return password.raw != password.prepared && !crypto::is_current_hash(hash) &&
         crypto::verify_password(hash, password.raw);
}

/// The number of the hash that the password belongs to. Blocks for as long as the checks take.
base::Result<std::optional<std::size_t>> check_password(const std::vector<std::string>& hashes,
                                                        const Password& password) {
  try {
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (belongs(hashes[i], password)) return std::optional(i);
    }
    // Hashes that were brought along may cost next to nothing: a name with such a one takes as long as one without.
    if (std::ranges::none_of(hashes, crypto::is_current_hash)) {
      (void)crypto::verify_password(crypto::decoy_hash(), password.prepared);
    }
  } catch (const std::bad_alloc&) {
    return base::fail(Code::unavailable, "there is no memory to check a password");
  }
  return std::optional<std::size_t>();
}

}  // namespace

net::Task<base::Result<Service::Found<Login>>> Service::login_of(mime::AddrSpec address) {
  std::string name = mime::format(address);
  auto read = [address = std::move(address)](const store::Reader& reader) { return find_login(reader, address); };
  return look_up(logins_, std::move(name), begin_read(), std::move(read));
}

Identity Service::identity_of(const Login& login, const Credential* credential, std::uint64_t generation) {
  Identity identity{.account = login.account.id,
                    .address = login.account.address,
                    .quota = login.account.quota,
                    .generation = generation};
  if (credential == nullptr) return identity;
  identity.credential_version = credential->version;
  if (credential->limits.expires) identity.expires = *credential->limits.expires;
  return identity;
}

base::Result<Identity> Service::admit_with(const Login& login, const Credential& credential, std::uint64_t generation,
                                           const Access& access) {
  if (const auto why = outside(credential.limits, access, clock_.now())) {
    log_.info("directory.credential.refused", {{"address", login.account.address},
                                               {"name", credential.name.empty() ? kPasswordName : credential.name},
                                               {"peer", access.address},
                                               {"protocol", access.protocol},
                                               {"why", *why}});
    return base::fail(Code::denied, "wrong name or password");
  }
  note_use(login.account.id, credential, access);
  return identity_of(login, &credential, generation);
}

std::string Service::verified_key(const Login& login, const Credential& credential, std::string_view password) const {
  // Neither addresses nor prepared passwords contain NUL, so the parts cannot be shifted against each other.
  std::string text = login.account.address;
  text += '\0';
  text += password;
  text += '\0';
  text += std::to_string(credential.version);
  text += '\0';
  text += credential.hash;
  return crypto::hmac_sha256(cache_secret_, text);
}

net::Task<base::Result<Identity>> Service::authenticate(std::string login, std::string password, Access access) {
  const auto parts = split_address(login);
  const auto prepared = prepare_password(password);
  Found<Login> found;
  if (parts) {
    CO_TRY_ASSIGN(found, co_await login_of(*parts));
  }

  // What cannot be right is checked all the same, against nobody's hash, or the time would tell who exists (but for the
  // accounts that have several credentials: they take longer).
  std::vector<std::string> hashes;
  std::vector<std::string> keys;
  if (found.value && found.value->account.state == State::active && prepared) {
    for (const Credential& credential : found.value->credentials) {
      keys.push_back(verified_key(*found.value, credential, *prepared));
      if (verified_.get(keys.back(), 0)) {
        counts_.remembered.add();
        co_return admit_with(*found.value, credential, found.generation, access);
      }
      hashes.push_back(credential.hash);
    }
  }
  if (hashes.empty()) hashes.push_back(crypto::decoy_hash());

  auto check = [this, hashes = std::move(hashes), keys,
                given = Password{prepared ? *prepared : std::string(),
                                 prepared ? password : std::string()}]() -> base::Result<std::optional<std::size_t>> {
    // A client that opens ten connections at once pays for one: the others find here what the first has found.
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (verified_.get(keys[i], 0)) return std::optional(i);
    }
    auto match = check_password(hashes, given);
    if (match && *match && !keys.empty()) verified_.put(keys[**match], std::make_shared<const Verified>(), 0, 1);
    return match;
  };
  const auto start = clock_.steady();
  const auto checked = co_await checks_.run(std::move(check));
  if (!checked && checked.error().code == Code::busy) counts_.busy.add();
  CO_TRY_ASSIGN(const auto match, checked);
  counts_.seconds.observe(std::chrono::duration<double>(clock_.steady() - start).count());
  // No keys: it was the decoy, whatever the check says.
  const bool right = match && !keys.empty();
  (right ? counts_.right : counts_.wrong).add();
  if (!right) co_return base::fail(Code::denied, "wrong name or password");
  const Credential& credential = found.value->credentials[*match];
  renew_later(*found.value, credential, *prepared);
  co_return admit_with(*found.value, credential, found.generation, access);
}

net::Task<base::Result<Identity>> Service::recheck(Identity identity) {
  if (clock_.now() >= identity.expires) {
    co_return base::fail(Code::denied, "the credential of " + identity.address + " has expired");
  }
  if (identity.generation == begin_read()) co_return identity;
  CO_TRY_ASSIGN(mime::AddrSpec parts, split_address(identity.address));
  CO_TRY_ASSIGN(const auto found, co_await login_of(std::move(parts)));
  // The address may be another account's by now: the id and the version of the credential never come back.
  if (found.value && found.value->account.id == identity.account) {
    if (found.value->account.state != State::active) {
      co_return base::fail(Code::denied, "the account " + identity.address + " is " + name(found.value->account.state));
    }
    // By a certificate: it has no credential here.
    if (identity.credential_version == 0) co_return identity_of(*found.value, nullptr, found.generation);
    for (const Credential& credential : found.value->credentials) {
      if (credential.version == identity.credential_version) {
        co_return identity_of(*found.value, &credential, found.generation);
      }
    }
    co_return base::fail(Code::denied, "the password of " + identity.address + " was changed");
  }
  co_return base::fail(Code::denied, "the account " + identity.address + " was removed");
}

}  // namespace directory
