// Changes: each checks and writes inside one closure, so two that meet are judged one after the other. What the checks
// need that is slow (normalizing, hashing) is done before.

#include "base/text.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

using base::Code;
using store::Txn;

constexpr std::size_t kCountedAddresses = 1000;  // "still has 1,000 and more"

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

base::Result<void> require_domain(const store::Reader& reader, const std::string& domain) {
  TRY_ASSIGN(const bool ours, has_domain(reader, domain));
  if (!ours) return base::fail(Code::not_found, domain + " is no domain of this server: add it first");
  return {};
}

/// A new address needs a domain of ours and must be nobody's.
base::Result<void> require_free(const store::Reader& reader, const mime::AddrSpec& address) {
  TRY(require_domain(reader, address.domain));
  TRY_ASSIGN(const auto record, find_address(reader, address));
  if (!record) return {};
  return base::fail(Code::exists,
                    mime::format(address) + (record->has_alias() ? " is an alias already" : " exists already"));
}

base::Result<base::AccountId> require_account(const store::Reader& reader, const mime::AddrSpec& address) {
  TRY_ASSIGN(const auto record, find_address(reader, address));
  if (record && record->has_alias()) {
    return base::fail(Code::not_found, mime::format(address) + " is an alias, not an account");
  }
  if (!record) return base::fail(Code::not_found, "there is no account " + mime::format(address));
  return base::AccountId{record->account()};
}

/// conflict, naming how many, when anything is left in `domain`.
base::Result<void> require_empty(const store::Reader& reader, const std::string& domain) {
  std::size_t accounts = 0;
  std::size_t aliases = 0;
  auto cursor = reader.scan(kAddresses, domain);
  for (; cursor.valid() && accounts + aliases < kCountedAddresses; cursor.next()) {
    // A record that cannot be read counts too: a domain with something in it is not empty.
    const auto record = cursor.value();
    ++(record && record->has_alias() ? aliases : accounts);
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  if (accounts + aliases == 0) return {};
  const bool more = accounts + aliases == kCountedAddresses;
  return base::fail(Code::conflict, domain + " still has " + counted(accounts, "account", "accounts") + " and " +
                                        counted(aliases, "alias", "aliases") + (more ? " and more" : "") +
                                        ": remove them first");
}

schema::DirectoryCredential to_credential(Kept kept, std::uint64_t version, base::WallTime now) {
  schema::DirectoryCredential record;
  record.set_hash(std::move(kept.hash));
  for (std::string& keys : kept.scram) record.add_scram(std::move(keys));
  record.set_version(version);
  record.set_changed_us(to_record(now));
  return record;
}

/// The targets as they are stored, each once.
base::Result<schema::DirectoryAlias> to_alias(const std::vector<std::string>& targets, base::WallTime now) {
  if (targets.empty()) return base::fail(Code::invalid, "an alias needs at least one target");
  if (targets.size() > kMaxTargets) return base::fail(Code::invalid, "an alias has at most 1,000 targets");
  std::vector<std::string> written;
  for (const std::string& target : targets) {
    TRY_ASSIGN(std::string normalized, normalize_target(target));
    TRY(split_address(normalized));  // so that expanding never meets one it cannot compare
    written.push_back(std::move(normalized));
  }
  schema::DirectoryAlias record;
  std::vector<std::string> seen = written;
  std::ranges::sort(seen);
  seen.erase(std::ranges::unique(seen).begin(), seen.end());
  for (std::string& target : written) {
    const auto at = std::ranges::lower_bound(seen, target);
    if (at == seen.end() || *at != target) continue;
    seen.erase(at);
    record.add_targets(std::move(target));
  }
  record.set_created_us(to_record(now));
  return record;
}

}  // namespace

// Domains

net::Task<base::Result<void>> Service::add_domain(std::string name) {
  CO_TRY_ASSIGN(const std::string domain, normalize_domain(name));
  if (domain == hostname_) {
    co_return base::fail(Code::invalid,
                         domain + " is this server's hostname and cannot be a mail domain: " + kHostnameIsNoDomain);
  }
  schema::DirectoryDomain record;
  record.set_created_us(to_record(clock_.now()));
  CO_TRY(co_await commit([domain, record](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const bool ours, has_domain(txn, domain));
    if (ours) return base::fail(Code::exists, "the domain " + domain + " exists already");
    txn.put(kDomains, std::tuple(domain), record);
    return {};
  }));
  log_.info("directory.domain.added", {{"domain", domain}});
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::remove_domain(std::string name) {
  CO_TRY_ASSIGN(const std::string domain, normalize_domain(name));
  auto remove = [domain](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const bool ours, has_domain(txn, domain));
    if (!ours) return base::fail(Code::not_found, "there is no domain " + domain);
    TRY(require_empty(txn, domain));
    txn.erase(kDomains, std::tuple(domain));
    return {};
  };
  CO_TRY(co_await commit(std::move(remove), store::Kind::frees_space));
  log_.info("directory.domain.removed", {{"domain", domain}});
  co_return base::Result<void>();
}

net::Task<base::Result<std::vector<std::string>>> Service::domains() {
  return store_.read([](const store::Reader& reader) -> base::Result<std::vector<std::string>> {
    std::vector<std::string> list;
    auto cursor = reader.scan(kDomains);
    for (; cursor.valid(); cursor.next()) list.push_back(std::get<0>(cursor.key()));
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    return list;
  });
}

// Accounts

net::Task<base::Result<Account>> Service::add_account(std::string address, std::string password,
                                                      std::uint64_t quota_bytes) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  CO_TRY_ASSIGN(std::string prepared, prepare_password(password));
  // The closure decides; this only saves the hashing where the answer is known.
  CO_TRY(co_await store_.read([parts](const store::Reader& reader) { return require_free(reader, parts); }));
  CO_TRY_ASSIGN(Kept kept, co_await keep(mime::format(parts), std::move(prepared)));

  const base::WallTime now = clock_.now();
  const Account account{base::AccountId{store_.next_id()}, mime::format(parts), quota_bytes, now};
  const auto credential = to_credential(std::move(kept), store_.next_id(), now);
  CO_TRY(co_await commit([parts, account, credential](Txn& txn) -> base::Result<void> {
    TRY(require_free(txn, parts));
    schema::DirectoryAccount record;
    record.set_address(account.address);
    record.set_quota_bytes(account.quota_bytes);
    record.set_created_us(to_record(account.created));
    schema::DirectoryAddress owner;
    owner.set_account(account.id.value);
    txn.put(kAccounts, std::tuple(account.id), record);
    txn.put(kAddresses, std::tuple(parts.domain, parts.local), owner);
    txn.put(kCredentials, std::tuple(account.id, kPassword), credential);
    return {};
  }));
  log_.info("directory.account.added", {{"account", account.id.value}, {"address", account.address}});
  co_return account;
}

net::Task<base::Result<void>> Service::set_password(std::string address, std::string password) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  CO_TRY_ASSIGN(std::string prepared, prepare_password(password));
  CO_TRY(co_await store_.read([parts](const store::Reader& reader) { return require_account(reader, parts); }));
  CO_TRY_ASSIGN(Kept kept, co_await keep(mime::format(parts), std::move(prepared)));
  const auto credential = to_credential(std::move(kept), store_.next_id(), clock_.now());
  CO_TRY(co_await commit([parts, credential](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const base::AccountId id, require_account(txn, parts));
    txn.put(kCredentials, std::tuple(id, kPassword), credential);
    return {};
  }));
  log_.info("directory.password.changed", {{"address", mime::format(parts)}});
  co_return base::Result<void>();
}

net::Task<base::Result<base::AccountId>> Service::remove_account(std::string address) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  schema::DirectoryRemoved tombstone;
  tombstone.set_address(mime::format(parts));
  tombstone.set_removed_us(to_record(clock_.now()));
  base::AccountId id;
  auto remove = [parts, tombstone, &id](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(id, require_account(txn, parts));
    std::vector<std::uint32_t> numbers;
    auto cursor = txn.scan(kCredentials, id);
    for (; cursor.valid(); cursor.next()) numbers.push_back(std::get<1>(cursor.key()));
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    for (const std::uint32_t number : numbers) txn.erase(kCredentials, std::tuple(id, number));
    txn.erase(kAddresses, std::tuple(parts.domain, parts.local));
    txn.erase(kAccounts, std::tuple(id));
    txn.put(kRemoved, std::tuple(id), tombstone);
    return {};
  };
  CO_TRY(co_await commit(std::move(remove), store::Kind::frees_space));
  log_.info("directory.account.removed", {{"account", id.value}, {"address", mime::format(parts)}});
  co_return id;
}

net::Task<base::Result<std::vector<Account>>> Service::accounts() {
  return store_.read([log = log_](const store::Reader& reader) -> base::Result<std::vector<Account>> {
    std::vector<Account> list;
    auto cursor = reader.scan(kAccounts);
    for (; cursor.valid(); cursor.next()) {
      if (const auto record = cursor.value()) {
        list.push_back(to_account(std::get<0>(cursor.key()), *record));
      } else {
        log.error("directory.account.corrupt", {{"why", record.error().text}});
      }
    }
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    return list;
  });
}

net::Task<base::Result<std::optional<Account>>> Service::account(std::string address) {
  CO_TRY_ASSIGN(mime::AddrSpec parts, split_address(address));
  CO_TRY_ASSIGN(const auto found, co_await login_of(std::move(parts)));
  if (!found.value) co_return std::optional<Account>();
  co_return std::optional(found.value->account);
}

net::Task<base::Result<std::vector<base::AccountId>>> Service::removed() {
  return store_.read([](const store::Reader& reader) -> base::Result<std::vector<base::AccountId>> {
    std::vector<base::AccountId> list;
    auto cursor = reader.scan(kRemoved);
    for (; cursor.valid(); cursor.next()) list.push_back(std::get<0>(cursor.key()));
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    return list;
  });
}

net::Task<base::Result<void>> Service::forget(base::AccountId account) {
  auto forget = [account](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const auto record, txn.get(kRemoved, std::tuple(account)));
    if (!record) {
      return base::fail(Code::not_found, "account " + std::to_string(account.value) + " is not among the removed ones");
    }
    txn.erase(kRemoved, std::tuple(account));
    return {};
  };
  return commit(std::move(forget), store::Kind::frees_space);
}

// Aliases

net::Task<base::Result<void>> Service::add_alias(std::string address, std::vector<std::string> targets) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  CO_TRY_ASSIGN(const schema::DirectoryAlias alias, to_alias(targets, clock_.now()));
  CO_TRY(co_await commit([parts, alias](Txn& txn) -> base::Result<void> {
    TRY(require_free(txn, parts));
    schema::DirectoryAddress record;
    *record.mutable_alias() = alias;
    txn.put(kAddresses, std::tuple(parts.domain, parts.local), record);
    // With the alias in place, so that what it leads to says whether it may stay.
    TRY_ASSIGN(const Expansion expansion, expand(txn, parts));
    if (expansion.leads_back) {
      return base::fail(Code::conflict, "the alias " + mime::format(parts) + " would lead back to itself");
    }
    if (!expansion.limit.empty()) {
      return base::fail(Code::invalid, "the alias " + mime::format(parts) + " is too large: " + expansion.limit);
    }
    return {};
  }));
  log_.info("directory.alias.added", {{"address", mime::format(parts)}, {"targets", alias.targets_size()}});
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::remove_alias(std::string address) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  auto remove = [parts](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const auto record, find_address(txn, parts));
    if (!record) return base::fail(Code::not_found, "there is no alias " + mime::format(parts));
    if (!record->has_alias()) {
      return base::fail(Code::not_found, mime::format(parts) + " is an account, not an alias");
    }
    txn.erase(kAddresses, std::tuple(parts.domain, parts.local));
    return {};
  };
  CO_TRY(co_await commit(std::move(remove), store::Kind::frees_space));
  log_.info("directory.alias.removed", {{"address", mime::format(parts)}});
  co_return base::Result<void>();
}

net::Task<base::Result<std::vector<Alias>>> Service::aliases() {
  return store_.read([log = log_](const store::Reader& reader) -> base::Result<std::vector<Alias>> {
    std::vector<Alias> list;
    auto cursor = reader.scan(kAddresses);
    for (; cursor.valid(); cursor.next()) {
      const auto record = cursor.value();
      if (!record) {
        log.error("directory.address.corrupt", {{"why", record.error().text}});
      } else if (record->has_alias()) {
        const auto& [domain, local] = cursor.key();
        const auto& targets = record->alias().targets();
        list.push_back({mime::format({local, domain}), {targets.begin(), targets.end()}});
      }
    }
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    return list;
  });
}

}  // namespace directory
