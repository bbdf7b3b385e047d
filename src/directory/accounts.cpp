// Accounts: changes and lists.
#include "base/text.h"
#include "crypto/password.h"
#include "directory/changes.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

using base::Code;
using store::Txn;

/// An account that is to be made, with all that is slow already done.
struct Prepared {
  mime::AddrSpec parts;
  Account account;
  std::vector<schema::DirectoryCredential> credentials;  // by number: the password first
};

/// Of the further credentials: each has a name of its own, and there are not too many.
base::Result<void> check_names(const std::vector<NewCredential>& credentials) {
  if (credentials.size() >= kMaxCredentials)
    return base::fail(Code::too_large, "an account has at most 16 credentials");
  std::set<std::string> names{std::string(kPasswordName), ""};
  for (const NewCredential& each : credentials) {
    TRY(check_name(each.name, "the name of a credential"));
    if (!names.insert(each.name).second) {
      return base::fail(Code::invalid, "a further credential needs a name of its own, not \"" + each.name + "\"");
    }
    TRY(check_protocols(each.limits.protocols));
  }
  return {};
}

schema::DirectoryState to_record(State state) {
  switch (state) {
    case State::active:
      return schema::DIRECTORY_STATE_ACTIVE;
    case State::disabled:
      return schema::DIRECTORY_STATE_DISABLED;
    case State::shared:
      return schema::DIRECTORY_STATE_SHARED;
    case State::suspended:
      break;
  }
  return schema::DIRECTORY_STATE_SUSPENDED;
}

schema::DirectoryAccount to_record(const Account& account) {
  schema::DirectoryAccount record;
  record.set_address(account.address);
  record.set_quota_bytes(account.quota.bytes);
  record.set_quota_messages(account.quota.messages);
  record.set_created_us(directory::to_record(account.created));
  record.set_state(to_record(account.state));
  record.set_name(account.name);
  for (const std::string& grant : account.send_as) record.add_send_as(grant);
  return record;
}

/// Keeps the domain's number of accounts. `change` has been written already.
base::Result<void> count_account(Txn& txn, const std::string& domain, int change) {
  TRY_ASSIGN(auto record, find_domain(txn, domain));
  if (!record) return base::fail(Code::corrupt, "the domain " + domain + " of an account does not exist");
  if (record->has_accounts() && (change > 0 || record->accounts() > 0)) {
    record->set_accounts(record->accounts() + static_cast<std::uint64_t>(static_cast<std::int64_t>(change)));
  } else {
    TRY_ASSIGN(const std::uint64_t count, count_accounts(txn, domain));
    record->set_accounts(count);
  }
  if (change > 0 && record->max_accounts() != 0 && record->accounts() > record->max_accounts()) {
    return base::fail(Code::too_large, domain + " may have " + counted(record->max_accounts(), "account", "accounts") +
                                           " and has as many");
  }
  txn.put(kDomains, std::tuple(domain), *record);
  return {};
}

/// Whether the address is an account's already.
base::Result<bool> is_account(const store::Reader& reader, const mime::AddrSpec& address) {
  TRY_ASSIGN(const auto record, find_address(reader, address));
  return record && record->is_case() == schema::DirectoryAddress::kAccount;
}

/// Which of the addresses are accounts' already and may be; exists when one is that may not.
base::Result<std::vector<bool>> find_known(const store::Reader& reader, const std::vector<mime::AddrSpec>& addresses,
                                           bool skip_existing) {
  std::vector<bool> known;
  for (const mime::AddrSpec& address : addresses) {
    TRY_ASSIGN(const bool there, is_account(reader, address));
    known.push_back(there && skip_existing);
    if (!known.back()) TRY(require_free(reader, address));
  }
  return known;
}

base::Result<void> put_account(Txn& txn, const Prepared& made) {
  TRY(require_free(txn, made.parts));
  schema::DirectoryAddress owner;
  owner.set_account(made.account.id.value);
  txn.put(kAccounts, std::tuple(made.account.id), to_record(made.account));
  txn.put(kAddresses, std::tuple(made.parts.domain, made.parts.local), owner);
  for (std::uint32_t number = 0; number < made.credentials.size(); ++number) {
    txn.put(kCredentials, std::tuple(made.account.id, number), made.credentials[number]);
  }
  return count_account(txn, made.parts.domain, +1);
}

/// The change with its values normalized.
base::Result<AccountChange> prepare(AccountChange change) {
  if (change.name) TRY(check_name(*change.name, "a name"));
  for (std::vector<std::string>* list : {&change.grant, &change.withdraw}) {
    for (std::string& each : *list) {
      TRY_ASSIGN(each, normalize_pattern(each));
    }
  }
  return change;
}

base::Result<void> apply(Account& account, const AccountChange& change) {
  if (change.quota_bytes) account.quota.bytes = *change.quota_bytes;
  if (change.quota_messages) account.quota.messages = *change.quota_messages;
  if (change.state) account.state = *change.state;
  if (change.name) account.name = *change.name;
  TRY(take_out(account.send_as, change.withdraw));
  put_in(account.send_as, change.grant);
  if (account.send_as.size() <= kMaxGrants) return {};
  return base::fail(Code::too_large, "an account may be granted at most 100 addresses and domains to send as");
}

}  // namespace

net::Task<base::Result<Account>> Service::add_account(std::string address, std::string password,
                                                      std::uint64_t quota_bytes) {
  std::vector<NewAccount> one;
  one.push_back({.address = std::move(address), .password = std::move(password), .quota = {.bytes = quota_bytes}});
  CO_TRY_ASSIGN(auto added, co_await add_accounts(std::move(one), false));
  co_return std::move(added.front());
}

net::Task<base::Result<schema::DirectoryCredential>> Service::new_credential(std::string address, std::string password,
                                                                             std::string hash) {
  Kept kept;
  if (hash.empty()) {
    CO_TRY_ASSIGN(std::string prepared, prepare_password(password));
    CO_TRY_ASSIGN(kept, co_await keep(std::move(address), std::move(prepared)));
  } else if (crypto::is_password_hash(hash)) {
    CO_TRY_ASSIGN(kept, co_await keep_imported(std::move(address), std::move(hash)));
  } else {
    co_return base::fail(Code::invalid, "the hash of " + address + " is no password hash that this version knows");
  }
  schema::DirectoryCredential record;
  put(std::move(kept), record);
  record.set_version(store_.next_id());
  record.set_changed_us(directory::to_record(clock_.now()));
  co_return record;
}

net::Task<base::Result<std::vector<Account>>> Service::add_accounts(std::vector<NewAccount> accounts,
                                                                    bool skip_existing) {
  std::vector<mime::AddrSpec> addresses;
  for (const NewAccount& given : accounts) {
    CO_TRY_ASSIGN(mime::AddrSpec parts, split_address(given.address));
    CO_TRY(check_name(given.name, "a name"));
    CO_TRY(check_names(given.credentials));
    addresses.push_back(std::move(parts));
  }
  // The closure decides; this only saves the hashing where the answer is known.
  CO_TRY_ASSIGN(const auto known, co_await store_.read([addresses, skip_existing](const store::Reader& reader) {
    return find_known(reader, addresses, skip_existing);
  }));
  std::vector<Prepared> all;
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    NewAccount& given = accounts[i];
    const mime::AddrSpec& parts = addresses[i];
    if (known[i]) continue;
    std::vector<schema::DirectoryCredential> credentials;
    CO_TRY_ASSIGN(auto own,
                  co_await new_credential(mime::format(parts), std::move(given.password), std::move(given.hash)));
    credentials.push_back(std::move(own));
    for (NewCredential& each : given.credentials) {
      CO_TRY_ASSIGN(auto more,
                    co_await new_credential(mime::format(parts), std::move(each.password), std::move(each.hash)));
      more.set_name(each.name);
      more.set_created_us(more.changed_us());
      put(each.limits, more);
      credentials.push_back(std::move(more));
    }
    const base::WallTime now = clock_.now();
    Prepared made{.parts = parts,
                  .account = {.id = base::AccountId{store_.next_id()},
                              .address = mime::format(parts),
                              .quota = given.quota,
                              .created = now,
                              .state = given.state,
                              .name = std::move(given.name),
                              .send_as = {}},
                  .credentials = std::move(credentials)};
    all.push_back(std::move(made));
  }

  std::vector<Account> added;
  if (all.empty()) co_return added;
  CO_TRY(co_await commit([&all, &added, skip_existing](Txn& txn) -> base::Result<void> {
    added.clear();
    for (const Prepared& made : all) {
      if (skip_existing) {
        TRY_ASSIGN(const bool known, is_account(txn, made.parts));
        if (known) continue;
      }
      TRY(put_account(txn, made));
      added.push_back(made.account);
    }
    return {};
  }));
  for (const Account& account : added) {
    log_.info("directory.account.added", {{"account", account.id.value}, {"address", account.address}});
  }
  co_return added;
}

net::Task<base::Result<Account>> Service::set_account(std::string address, AccountChange settings) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  CO_TRY_ASSIGN(const AccountChange change, prepare(std::move(settings)));
  Account account;
  CO_TRY(co_await commit([parts, change, &account](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const base::AccountId id, require_account(txn, parts));
    TRY_ASSIGN(const auto record, txn.get(kAccounts, std::tuple(id)));
    if (!record) return base::fail(Code::corrupt, "account " + std::to_string(id.value) + " has no record");
    account = to_account(id, *record);
    TRY(apply(account, change));
    txn.put(kAccounts, std::tuple(id), to_record(account));
    return {};
  }));
  log_.info("directory.account.changed", {{"account", account.id.value}, {"address", account.address}});
  co_return account;
}

net::Task<base::Result<base::AccountId>> Service::remove_account(std::string address) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  schema::DirectoryRemoved tombstone;
  tombstone.set_address(mime::format(parts));
  tombstone.set_removed_us(directory::to_record(clock_.now()));
  base::AccountId id;
  auto remove = [parts, tombstone, &id](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(id, require_account(txn, parts));
    std::vector<std::uint32_t> numbers;
    auto cursor = txn.scan(kCredentials, id);
    for (; cursor.valid(); cursor.next()) numbers.push_back(std::get<1>(cursor.key()));
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    for (const std::uint32_t number : numbers) {
      txn.erase(kCredentials, std::tuple(id, number));
      txn.erase(kUses, std::tuple(id, number));
    }
    txn.erase(kAddresses, std::tuple(parts.domain, parts.local));
    txn.erase(kAccounts, std::tuple(id));
    txn.put(kRemoved, std::tuple(id), tombstone);
    TRY(leave_groups(txn, parts));
    return count_account(txn, parts.domain, -1);
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

net::Task<base::Result<std::optional<Account>>> Service::account(base::AccountId id) {
  return store_.read([id](const store::Reader& reader) -> base::Result<std::optional<Account>> {
    TRY_ASSIGN(const auto record, reader.get(kAccounts, std::tuple(id)));
    if (!record) return std::optional<Account>();
    return std::optional(to_account(id, *record));
  });
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

}  // namespace directory
