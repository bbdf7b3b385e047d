// Credentials of accounts: the password, and further ones with names, each good for a login.
#include <algorithm>

#include "base/text.h"
#include "directory/changes.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

using base::Code;
using store::Txn;

/// What an account has, by number.
using Credentials = std::map<std::uint32_t, schema::DirectoryCredential>;

base::Result<Credentials> read_all(const store::Reader& reader, base::AccountId account) {
  Credentials all;
  auto cursor = reader.scan(kCredentials, account);
  for (; cursor.valid(); cursor.next()) {
    TRY_ASSIGN(all[std::get<1>(cursor.key())], cursor.value());
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  return all;
}

std::optional<std::uint32_t> find(const Credentials& all, const std::string& name) {
  if (name == kPasswordName) return kPassword;
  for (const auto& [number, record] : all) {
    if (number != kPassword && record.name() == name) return number;
  }
  return std::nullopt;
}

std::unexpected<base::Error> no_such(const std::string& name, const mime::AddrSpec& account) {
  return base::fail(Code::not_found, mime::format(account) + " has no credential \"" + name + "\"");
}

/// Puts a further one behind the others. Numbers of removed ones may come back; versions do not.
base::Result<void> put_new(Txn& txn, base::AccountId account, const std::string& name,
                           schema::DirectoryCredential record) {
  TRY_ASSIGN(const Credentials all, read_all(txn, account));
  if (find(all, name)) return base::fail(Code::exists, "there is a credential \"" + name + "\" already");
  if (all.size() >= kMaxCredentials) return base::fail(Code::too_large, "an account has at most 16 credentials");
  record.set_name(name);
  record.set_created_us(record.changed_us());
  txn.put(kCredentials, std::tuple(account, all.empty() ? kPassword + 1 : all.rbegin()->first + 1), record);
  return {};
}

}  // namespace

net::Task<base::Result<schema::DirectoryCredential>> Service::make_credential(mime::AddrSpec account,
                                                                              std::string password) {
  CO_TRY_ASSIGN(std::string prepared, prepare_password(password));
  // The closure decides; this only saves the hashing where the answer is known.
  CO_TRY(co_await store_.read([account](const store::Reader& reader) { return require_account(reader, account); }));
  CO_TRY_ASSIGN(Kept kept, co_await keep(mime::format(account), std::move(prepared)));
  schema::DirectoryCredential record;
  put(std::move(kept), record);
  record.set_version(store_.next_id());
  record.set_changed_us(to_record(clock_.now()));
  co_return record;
}

net::Task<base::Result<base::AccountId>> Service::add_credential(std::string address, std::string name,
                                                                 std::string password, CredentialLimits limits) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  CO_TRY(check_name(name, "the name of a credential"));
  if (name.empty()) co_return base::fail(Code::invalid, "a credential needs a name");
  CO_TRY(check_protocols(limits.protocols));
  CO_TRY_ASSIGN(auto record, co_await make_credential(parts, std::move(password)));
  put(limits, record);
  base::AccountId id;
  CO_TRY(co_await commit([parts, name, record, &id](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(id, require_account(txn, parts));
    return put_new(txn, id, name, record);
  }));
  log_.info("directory.credential.added", {{"address", mime::format(parts)}, {"name", name}});
  co_return id;
}

net::Task<base::Result<base::AccountId>> Service::set_credential(std::string address, std::string name,
                                                                 CredentialChange change) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  if (change.protocols) CO_TRY(check_protocols(*change.protocols));
  std::optional<schema::DirectoryCredential> fresh;
  if (change.password) {
    CO_TRY_ASSIGN(fresh, co_await make_credential(parts, *change.password));
  }
  // Whatever changes, those who logged in with it log in again.
  const std::uint64_t version = store_.next_id();
  const std::int64_t now = to_record(clock_.now());
  base::AccountId id;
  CO_TRY(co_await commit([parts, name, fresh, change, version, now, &id](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(id, require_account(txn, parts));
    TRY_ASSIGN(const Credentials all, read_all(txn, id));
    const auto number = find(all, name);
    const auto before = number ? all.find(*number) : all.end();
    // The account's own password may be set where its record is missing.
    if (!number || (before == all.end() && !fresh)) return no_such(name, parts);
    schema::DirectoryCredential changed = before != all.end() ? before->second : *fresh;
    if (fresh) {
      changed.set_hash(fresh->hash());
      *changed.mutable_scram() = fresh->scram();
    }
    CredentialLimits limits = to_limits(changed);
    if (change.protocols) limits.protocols = *change.protocols;
    if (change.networks) limits.networks = *change.networks;
    if (change.expires) limits.expires = *change.expires;
    put(limits, changed);
    changed.set_version(version);
    changed.set_changed_us(now);
    txn.put(kCredentials, std::tuple(id, *number), changed);
    return {};
  }));
  log_.info(fresh ? "directory.password.changed" : "directory.credential.changed",
            {{"address", mime::format(parts)}, {"name", name}});
  co_return id;
}

net::Task<base::Result<base::AccountId>> Service::remove_credential(std::string address, std::string name) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  if (name == kPasswordName) {
    co_return base::fail(Code::conflict,
                         "an account keeps its password: set another one, or disable the account instead");
  }
  base::AccountId id;
  auto remove = [parts, name, &id](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(id, require_account(txn, parts));
    TRY_ASSIGN(const Credentials all, read_all(txn, id));
    const auto number = find(all, name);
    if (!number) return no_such(name, parts);
    txn.erase(kCredentials, std::tuple(id, *number));
    txn.erase(kUses, std::tuple(id, *number));
    return {};
  };
  CO_TRY(co_await commit(std::move(remove), store::Kind::frees_space));
  log_.info("directory.credential.removed", {{"address", mime::format(parts)}, {"name", name}});
  co_return id;
}

net::Task<base::Result<std::vector<CredentialInfo>>> Service::credentials(std::string address) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  // Before the store is read: what is written meanwhile is in here.
  co_return co_await store_.read(
      [parts, unwritten = unwritten_uses()](const store::Reader& reader) -> base::Result<std::vector<CredentialInfo>> {
        TRY_ASSIGN(const base::AccountId id, require_account(reader, parts));
        TRY_ASSIGN(const Credentials all, read_all(reader, id));
        std::vector<CredentialInfo> list;
        for (const auto& [number, record] : all) {
          list.push_back(to_credential_info(number, record));
          if (const auto found = unwritten.find(record.version()); found != unwritten.end()) {
            list.back().last_used = found->second.use;
            continue;
          }
          TRY_ASSIGN(const auto use, reader.get(kUses, std::tuple(id, number)));
          if (use) list.back().last_used = CredentialUse{from_record(use->used_us()), use->address(), use->protocol()};
        }
        return list;
      });
}

}  // namespace directory
