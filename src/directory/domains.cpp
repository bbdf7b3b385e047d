// Domains: changes and lists.
#include "base/text.h"
#include "directory/changes.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

using base::Code;
using store::Txn;

constexpr std::size_t kCountedAddresses = 1000;  // "still has 1,000 and more"

/// conflict, naming how many, when anything is left in `domain`.
base::Result<void> require_empty(const store::Reader& reader, const std::string& domain) {
  std::size_t accounts = 0;
  std::size_t aliases = 0;
  std::size_t groups = 0;
  auto cursor = reader.scan(kAddresses, domain);
  for (; cursor.valid() && accounts + aliases + groups < kCountedAddresses; cursor.next()) {
    // A record that cannot be read counts too: a domain with something in it is not empty.
    const auto record = cursor.value();
    ++(record && record->has_alias() ? aliases : record && record->has_group() ? groups : accounts);
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  if (accounts + aliases + groups == 0) return {};
  const bool more = accounts + aliases + groups == kCountedAddresses;
  std::string left = counted(accounts, "account", "accounts") + " and " + counted(aliases, "alias", "aliases");
  if (groups > 0) left += " and " + counted(groups, "group", "groups");
  return base::fail(Code::conflict, domain + " still has " + left + (more ? " and more" : "") + ": remove them first");
}

/// conflict when another domain is an alias of this one.
base::Result<void> require_no_alias(const store::Reader& reader, const std::string& domain) {
  auto cursor = reader.scan(kDomains);
  for (; cursor.valid(); cursor.next()) {
    const auto record = cursor.value();
    if (!record || record->alias_of() != domain) continue;
    return base::fail(Code::conflict, std::get<0>(cursor.key()) + " is an alias of " + domain + ": remove it first");
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  return {};
}

/// The change with its values normalized.
base::Result<DomainChange> prepare(DomainChange change) {
  if (change.catch_all && !change.catch_all->empty()) {
    TRY_ASSIGN(change.catch_all, normalize_target(*change.catch_all));
    TRY(split_address(*change.catch_all));  // so that expanding never meets one it cannot compare
  }
  if (change.separator && (change.separator->size() > 1 || !kSeparators.contains(*change.separator))) {
    return base::fail(Code::invalid, "a separator is one of " + std::string(kSeparators));
  }
  return change;
}

void apply(schema::DirectoryDomain& record, const DomainChange& change) {
  if (change.catch_all) record.set_catch_all(*change.catch_all);
  if (change.separator) record.set_separator(*change.separator);
  if (change.default_quota_bytes) {
    record.clear_default_quota_bytes();
    if (*change.default_quota_bytes) record.set_default_quota_bytes(**change.default_quota_bytes);
  }
  if (change.max_accounts) record.set_max_accounts(*change.max_accounts);
  if (change.quota_bytes) record.set_quota_bytes(*change.quota_bytes);
}

/// With the domain's record in place: a catch-all here must be somebody. Elsewhere it is the other host's business.
base::Result<void> require_catch_all(const store::Reader& reader, const DomainChange& change) {
  if (!change.catch_all || change.catch_all->empty()) return {};
  TRY_ASSIGN(const mime::AddrSpec parts, split_address(*change.catch_all));
  TRY_ASSIGN(const bool ours, has_domain(reader, parts.domain));
  if (!ours) return {};
  TRY_ASSIGN(const Expansion expansion, expand(reader, parts));
  if (!expansion.known) return base::fail(Code::not_found, "there is no " + *change.catch_all + " here");
  return {};
}

/// For a domain that is to be an alias of another one.
base::Result<void> require_alias_target(const store::Reader& reader, const std::string& target) {
  TRY_ASSIGN(const auto record, find_domain(reader, target));
  if (!record) return base::fail(Code::not_found, "there is no domain " + target);
  if (record->alias_of().empty()) return {};
  return base::fail(Code::conflict, target + " is itself an alias of " + record->alias_of());
}

/// A record of the first version has no number of accounts.
base::Result<Domain> read_domain(const store::Reader& reader, const std::string& name,
                                 const schema::DirectoryDomain& record) {
  Domain domain = to_domain(name, record);
  if (!record.has_accounts()) {
    TRY_ASSIGN(domain.accounts, count_accounts(reader, name));
  }
  return domain;
}

}  // namespace

net::Task<base::Result<void>> Service::add_domain(std::string name, std::string alias_of, DomainChange settings) {
  CO_TRY_ASSIGN(const std::string domain, normalize_domain(name));
  if (domain == hostname_) {
    co_return base::fail(Code::invalid,
                         domain + " is this server's hostname and cannot be a mail domain: " + kHostnameIsNoDomain);
  }
  CO_TRY_ASSIGN(const DomainChange change, prepare(std::move(settings)));
  schema::DirectoryDomain record;
  record.set_created_us(to_record(clock_.now()));
  apply(record, change);
  if (!alias_of.empty()) {
    if (change.catch_all || change.separator || change.default_quota_bytes || change.max_accounts ||
        change.quota_bytes) {
      co_return base::fail(Code::invalid, "a domain alias has no settings of its own");
    }
    CO_TRY_ASSIGN(std::string target, normalize_domain(alias_of));
    record.set_alias_of(std::move(target));
  }
  record.set_accounts(0);
  CO_TRY(co_await commit([domain, record, change](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const bool ours, has_domain(txn, domain));
    if (ours) return base::fail(Code::exists, "the domain " + domain + " exists already");
    if (!record.alias_of().empty()) TRY(require_alias_target(txn, record.alias_of()));
    txn.put(kDomains, std::tuple(domain), record);
    return require_catch_all(txn, change);
  }));
  log_.info("directory.domain.added", {{"domain", domain}, {"alias_of", record.alias_of()}});
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::set_domain(std::string name, DomainChange settings) {
  CO_TRY_ASSIGN(const std::string domain, normalize_domain(name));
  CO_TRY_ASSIGN(const DomainChange change, prepare(std::move(settings)));
  CO_TRY(co_await commit([domain, change](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(auto record, find_domain(txn, domain));
    if (!record) return base::fail(Code::not_found, "there is no domain " + domain);
    if (!record->alias_of().empty()) {
      return base::fail(Code::invalid, domain + " is an alias: its settings are those of " + record->alias_of());
    }
    apply(*record, change);
    txn.put(kDomains, std::tuple(domain), *record);
    return require_catch_all(txn, change);
  }));
  log_.info("directory.domain.changed", {{"domain", domain}});
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::remove_domain(std::string name) {
  CO_TRY_ASSIGN(const std::string domain, normalize_domain(name));
  auto remove = [domain](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const bool ours, has_domain(txn, domain));
    if (!ours) return base::fail(Code::not_found, "there is no domain " + domain);
    TRY(require_empty(txn, domain));
    TRY(require_no_alias(txn, domain));
    txn.erase(kDomains, std::tuple(domain));
    return {};
  };
  CO_TRY(co_await commit(std::move(remove), store::Kind::frees_space));
  log_.info("directory.domain.removed", {{"domain", domain}});
  co_return base::Result<void>();
}

net::Task<base::Result<std::vector<Domain>>> Service::domains() {
  return store_.read([log = log_](const store::Reader& reader) -> base::Result<std::vector<Domain>> {
    std::vector<Domain> list;
    auto cursor = reader.scan(kDomains);
    for (; cursor.valid(); cursor.next()) {
      const auto record = cursor.value();
      if (!record) {
        log.error("directory.domain.corrupt", {{"why", record.error().text}});
        continue;
      }
      TRY_ASSIGN(Domain domain, read_domain(reader, std::get<0>(cursor.key()), *record));
      list.push_back(std::move(domain));
    }
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    return list;
  });
}

net::Task<base::Result<std::optional<Domain>>> Service::domain(std::string name) {
  CO_TRY_ASSIGN(const std::string domain, normalize_domain(name));
  co_return co_await store_.read([domain](const store::Reader& reader) -> base::Result<std::optional<Domain>> {
    TRY_ASSIGN(const auto record, find_domain(reader, domain));
    if (!record) return std::optional<Domain>();
    TRY_ASSIGN(Domain found, read_domain(reader, domain, *record));
    return std::optional(std::move(found));
  });
}

}  // namespace directory
