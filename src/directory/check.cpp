// `store check` for the directory: every record decodes, and what one says of another is true.

#include "base/text.h"
#include "crypto/password.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

class Checker {
 public:
  Checker(const store::Reader& reader, const std::function<void(store::Problem)>& report)
      : reader_(reader), report_(report) {}

  base::Result<void> run() {
    TRY(walk(kDomains, [this](const auto& key, const auto&) { return check_domain(std::get<0>(key)); }));
    TRY(walk(kAccounts, [this](const auto& key, const auto& value) { return check_account(std::get<0>(key), value); }));
    TRY(walk(kAddresses, [this](const auto& key, const auto& value) {
      return check_address({std::get<1>(key), std::get<0>(key)}, value);
    }));
    TRY(walk(kCredentials, [this](const auto& key, const auto& value) {
      return check_credential(std::get<0>(key), std::get<1>(key), value);
    }));
    return walk(kRemoved, [this](const auto& key, const auto&) { return check_removed(std::get<0>(key)); });
  }

 private:
  /// Calls `each` for every record of the table, reports those that do not decode, and goes on behind them.
  template <class K, class V, class Each>
  base::Result<void> walk(const store::Table<K, V>& table, Each each) {
    const std::string from = store::encode_key(table.id);
    const auto cursor = reader_.scan_raw(from, store::prefix_end(from));
    for (; cursor->valid(); cursor->next()) {
      const auto key = store::decode_key<K>(table.id, cursor->key());
      V value;
      if (!key) {
        report(std::string(table.name) + " " + base::hex(cursor->key()), "the key is malformed");
      } else if (!value.ParseFromArray(cursor->value().data(), static_cast<int>(cursor->value().size()))) {
        report(std::string(table.name) + " " + base::hex(cursor->key()), "the record does not decode");
      } else {
        TRY(each(*key, value));
      }
    }
    if (cursor->error()) return std::unexpected(*cursor->error());
    return {};
  }

  /// What another record says. One that does not decode is reported by its own walk and counts as there.
  template <class V>
  struct Seen {
    bool exists = false;
    std::optional<V> value;
  };
  template <class K, class V>
  base::Result<Seen<V>> look_at(const store::Table<K, V>& table, const K& key) {
    auto record = reader_.get(table, key);
    if (record) return Seen<V>{record->has_value(), *std::move(record)};
    if (record.error().code == base::Code::corrupt) return Seen<V>{true, std::nullopt};
    return std::unexpected(std::move(record).error());
  }

  base::Result<void> check_domain(const std::string& name) {
    const auto normalized = normalize_domain(name);
    if (!normalized || *normalized != name) report("domain " + base::printable(name), "the name is not normalized");
    return {};
  }

  base::Result<void> check_account(base::AccountId id, const schema::DirectoryAccount& record) {
    const std::string where = "account " + std::to_string(id.value);
    const auto parts = split_address(record.address());
    if (!parts || mime::format(*parts) != record.address()) {
      report(where, "its address \"" + base::printable(record.address()) + "\" is not normalized");
      return {};
    }
    TRY_ASSIGN(const auto address, look_at(kAddresses, std::tuple(parts->domain, parts->local)));
    if (!address.exists) report(where, "its address " + record.address() + " has no record");
    if (address.value && address.value->account() != id.value) {
      report(where, "its address " + record.address() + " belongs to another");
    }
    TRY_ASSIGN(const auto credential, look_at(kCredentials, std::tuple(id, kPassword)));
    if (!credential.exists) report(where, "it has no password");
    TRY_ASSIGN(const auto removed, look_at(kRemoved, std::tuple(id)));
    if (removed.exists) report(where, "it exists and is among the removed ones as well");
    return {};
  }

  base::Result<void> check_address(const mime::AddrSpec& address, const schema::DirectoryAddress& record) {
    const std::string where = "address " + base::printable(mime::format(address));
    const auto parts = split_address(mime::format(address));
    if (!parts || *parts != address) report(where, "it is not normalized");
    TRY_ASSIGN(const auto domain, look_at(kDomains, std::tuple(address.domain)));
    if (!domain.exists) report(where, "its domain does not exist");
    switch (record.is_case()) {
      case schema::DirectoryAddress::kAccount:
        return check_owner(where, base::AccountId{record.account()}, mime::format(address));
      case schema::DirectoryAddress::kAlias:
        check_targets(where, record.alias());
        return {};
      case schema::DirectoryAddress::IS_NOT_SET:
        break;
    }
    report(where, "it is neither an account's nor an alias");
    return {};
  }

  base::Result<void> check_owner(const std::string& where, base::AccountId id, const std::string& address) {
    const std::string owner = "account " + std::to_string(id.value);
    TRY_ASSIGN(const auto account, look_at(kAccounts, std::tuple(id)));
    if (!account.exists) report(where, "it is of " + owner + ", which does not exist");
    if (account.value && account.value->address() != address)
      report(where, "it is of " + owner + ", which has another");
    return {};
  }

  void check_targets(const std::string& where, const schema::DirectoryAlias& alias) {
    if (alias.targets().empty() || static_cast<std::size_t>(alias.targets_size()) > kMaxTargets) {
      report(where, "the alias has " + std::to_string(alias.targets_size()) + " targets");
    }
    for (const std::string& target : alias.targets()) {
      if (!split_address(target)) report(where, "the alias has the bad target \"" + base::printable(target) + "\"");
    }
  }

  base::Result<void> check_credential(base::AccountId id, std::uint32_t number,
                                      const schema::DirectoryCredential& record) {
    const std::string where = "credential " + std::to_string(number) + " of account " + std::to_string(id.value);
    TRY_ASSIGN(const auto account, look_at(kAccounts, std::tuple(id)));
    if (!account.exists) report(where, "the account does not exist");
    if (!crypto::is_password_hash(record.hash())) report(where, "it is no password hash that this version knows");
    if (record.version() == 0) report(where, "it has no version");
    return {};
  }

  base::Result<void> check_removed(base::AccountId id) {
    if (!id) report("removed", "it names no account");
    return {};
  }

  void report(std::string where, std::string what) { report_({std::move(where), std::move(what)}); }

  const store::Reader& reader_;
  const std::function<void(store::Problem)>& report_;
};

}  // namespace

base::Result<void> Service::check(const store::Reader& reader, const std::function<void(store::Problem)>& report) {
  return Checker(reader, report).run();
}

}  // namespace directory
