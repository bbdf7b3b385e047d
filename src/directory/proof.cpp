// Logins whose password never comes here: what is kept for them, and who has proved to have it. And what is kept of a
// password is renewed once the password has been seen.

#include "crypto/password.h"
#include "directory/keep.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

using base::Code;

/// Somebody who wants to log in: the address that the name means, and who has it.
struct Claimant {
  std::string address;
  std::optional<Login> login;
};

sasl::Secrets scram_secrets(const Login* login, crypto::Hash hash, std::string salt_of_nobody) {
  sasl::Secrets secrets{.salt = std::move(salt_of_nobody), .iterations = crypto::kScramIterations, .list = {}};
  if (login == nullptr) return secrets;
  for (const Credential& credential : login->credentials) {
    auto keys = scram_keys(credential, hash);
    if (!keys) continue;
    // Keys that were brought along have a salt of their own, and the client is told one.
    const bool first = secrets.list.empty();
    if (!first && (keys->salt != secrets.salt || keys->iterations != secrets.iterations)) continue;
    secrets.salt = std::move(keys->salt);
    secrets.iterations = keys->iterations;
    secrets.list.push_back(
        {.version = credential.version, .key = std::move(keys->stored_key), .server_key = std::move(keys->server_key)});
  }
  return secrets;
}

sasl::Secrets cram_md5_secrets(const Login* login) {
  sasl::Secrets secrets;
  if (login == nullptr) return secrets;
  for (const Credential& credential : login->credentials) {
    auto state = crypto::stored_hmac_state(crypto::Hash::md5, credential.hash);
    if (state) secrets.list.push_back({.version = credential.version, .key = *std::move(state), .server_key = {}});
  }
  return secrets;
}

/// Puts what is kept of a password in the place of what was kept of the same password, whose version stays: nothing
/// has changed for those who logged in with it. Whether it still stood there.
base::Result<bool> replace(store::Txn& txn, base::AccountId account, const Credential& before, const Kept& kept) {
  auto cursor = txn.scan(kCredentials, account);
  for (; cursor.valid(); cursor.next()) {
    TRY_ASSIGN(auto record, cursor.value());
    if (record.version() != before.version || record.hash() != before.hash) continue;
    put(kept, record);
    txn.put(kCredentials, cursor.key(), record);
    return true;
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  return false;
}

}  // namespace

net::Task<base::Result<sasl::Secrets>> Service::secrets(std::string login, sasl::Wanted wanted) {
  const auto parts = split_address(login);
  // Not from the cache, which has only those that exist: the time of the answer would tell which they are. A malformed
  // name is looked for, too.
  auto read = [given = parts ? *parts : mime::AddrSpec{}](const store::Reader& reader) -> base::Result<Claimant> {
    TRY_ASSIGN(const mime::AddrSpec address, follow_domain(reader, given));
    TRY_ASSIGN(auto found, find_login(reader, address));
    return Claimant{mime::format(address), std::move(found)};
  };
  CO_TRY_ASSIGN(const auto claimant, co_await store_.read(std::move(read)));
  const auto& found = claimant.login;
  const Login* const known = found && found->account.state == State::active ? &*found : nullptr;
  // By whatever name of its domain: the salts of two names would be equal for those who exist only.
  const std::string& name = parts ? claimant.address : login;
  switch (wanted) {
    case sasl::Wanted::scram_sha256:
      co_return scram_secrets(known, crypto::Hash::sha256, scram_salt(secret_, name));
    case sasl::Wanted::scram_sha1:
      co_return scram_secrets(known, crypto::Hash::sha1, scram_salt(secret_, name));
    case sasl::Wanted::cram_md5:
      break;
  }
  co_return cram_md5_secrets(known);
}

net::Task<base::Result<Identity>> Service::admit(std::string login, std::uint64_t credential_version, Access access) {
  const auto parts = split_address(login);
  Found<Login> found;
  if (parts) {
    CO_TRY_ASSIGN(found, co_await login_of(*parts));
  }
  if (found.value && found.value->account.state == State::active) {
    if (credential_version == 0) co_return identity_of(*found.value, nullptr, found.generation);
    for (const Credential& credential : found.value->credentials) {
      if (credential.version == credential_version) {
        co_return admit_with(*found.value, credential, found.generation, access);
      }
    }
  }
  co_return base::fail(Code::denied, "wrong name or password");
}

net::Task<base::Result<Kept>> Service::keep(std::string address, std::string prepared_password) {
  auto work = [this, address = std::move(address), prepared = std::move(prepared_password)]() -> base::Result<Kept> {
    try {
      return keep_password(prepared, mechanisms_, scram_salt(secret_, address));
    } catch (const std::bad_alloc&) {
      return base::fail(Code::unavailable, "there is no memory to hash a password");
    }
  };
  co_return co_await hashing_.run(std::move(work));
}

net::Task<base::Result<Kept>> Service::keep_imported(std::string address, std::string hash) {
  if (!yields_keys(hash, mechanisms_)) co_return Kept{.hash = std::move(hash), .scram = {}};
  auto work = [this, address = std::move(address), hash = std::move(hash)]() -> base::Result<Kept> {
    return keep_hash(hash, mechanisms_, scram_salt(secret_, address));
  };
  co_return co_await hashing_.run(std::move(work));
}

void Service::renew_later(const Login& login, const Credential& credential, const std::string& prepared) {
  if (!is_outdated(credential, mechanisms_)) return;
  {
    const std::lock_guard lock(renewing_mutex_);
    if (!renewing_.insert(credential.version).second) return;
  }
  // On a worker to the end, so that no login waits for it and no loop has to outlive it. When too many wait, the next
  // login will do.
  const bool begun = renewals_.start([this, account = login.account, credential, prepared] {
    renew_now(account, credential, prepared);
    const std::lock_guard lock(renewing_mutex_);
    renewing_.erase(credential.version);
  });
  if (begun) return;
  const std::lock_guard lock(renewing_mutex_);
  renewing_.erase(credential.version);
}

void Service::renew_now(const Account& account, const Credential& credential, const std::string& prepared) {
  const auto failed = [&](std::string_view why) {
    log_.warning("directory.credential.not_renewed", {{"address", account.address}, {"why", why}});
  };
  try {
    const Kept kept = renew(credential, prepared, mechanisms_, scram_salt(secret_, account.address));
    bool replaced = false;
    const auto written = net::run(commit([&](store::Txn& txn) -> base::Result<void> {
      TRY_ASSIGN(replaced, replace(txn, account.id, credential, kept));
      return {};
    }));
    if (!written) return failed(written.error().text);
    if (replaced) log_.info("directory.credential.renewed", {{"address", account.address}});
  } catch (const std::exception& error) {
    failed(error.what());
  }
}

}  // namespace directory
