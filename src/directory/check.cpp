// `store check` for the directory: every record decodes, and what one says of another is true.

#include <algorithm>

#include "base/text.h"
#include "crypto/password.h"
#include "directory/changes.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

class Checker {
 public:
  Checker(const store::Reader& reader, const std::function<void(store::Problem)>& report)
      : reader_(reader), report_(report) {}

  base::Result<void> run() {
    TRY(walk(kDomains, [this](const auto& key, const auto& value) { return check_domain(std::get<0>(key), value); }));
    TRY(walk(kAccounts, [this](const auto& key, const auto& value) { return check_account(std::get<0>(key), value); }));
    TRY(walk(kAddresses, [this](const auto& key, const auto& value) {
      return check_address({std::get<1>(key), std::get<0>(key)}, value);
    }));
    TRY(walk(kCredentials, [this](const auto& key, const auto& value) {
      return check_credential(std::get<0>(key), std::get<1>(key), value);
    }));
    TRY(walk(kUses, [this](const auto& key, const auto&) { return check_use(std::get<0>(key), std::get<1>(key)); }));
    TRY(walk(kMemberOf, [this](const auto& key, const auto&) {
      return check_membership({std::get<1>(key), std::get<0>(key)}, std::get<2>(key));
    }));
    TRY(walk(kRemoved, [this](const auto& key, const auto&) { return check_removed(std::get<0>(key)); }));
    compare_counts();
    return {};
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

  base::Result<void> check_domain(const std::string& name, const schema::DirectoryDomain& record) {
    const std::string where = "domain " + base::printable(name);
    const auto normalized = normalize_domain(name);
    if (!normalized || *normalized != name) report(where, "the name is not normalized");
    if (record.has_accounts()) expected_[name] = record.accounts();
    if (record.has_separator() && (record.separator().size() > 1 || !kSeparators.contains(record.separator()))) {
      report(where, "its separator is none: \"" + base::printable(record.separator()) + "\"");
    }
    if (!record.alias_of().empty()) {
      TRY_ASSIGN(const auto target, look_at(kDomains, std::tuple(record.alias_of())));
      if (!target.exists) report(where, "it is an alias of " + record.alias_of() + ", which does not exist");
      if (target.value && !target.value->alias_of().empty()) {
        report(where, "it is an alias of " + record.alias_of() + ", which is one itself");
      }
    }
    return record.catch_all().empty() ? base::Result<void>() : check_catch_all(where, record.catch_all());
  }

  base::Result<void> check_catch_all(const std::string& where, const std::string& target) {
    const auto parts = split_address(target);
    if (!parts) {
      report(where, "its catch-all is no address: \"" + base::printable(target) + "\"");
      return {};
    }
    const auto ours = has_domain(reader_, parts->domain);
    if (ours && !*ours) return {};
    TRY_ASSIGN(const auto expansion, try_expand(*parts));
    if (expansion && !expansion->known) report(where, "its catch-all " + target + " is nobody");
    return {};
  }

  /// Nothing when a record on the way is broken, which is told elsewhere.
  base::Result<std::optional<Expansion>> try_expand(const mime::AddrSpec& address) {
    auto expansion = expand(reader_, address);
    if (expansion) return std::optional(*std::move(expansion));
    if (expansion.error().code == base::Code::corrupt) return std::optional<Expansion>();
    return std::unexpected(std::move(expansion).error());
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
    if (!schema::DirectoryState_IsValid(record.state()))
      report(where, "its state is one that this version does not know");
    for (const std::string& grant : record.send_as()) check_pattern(where, grant);
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
    if (domain.value && !domain.value->alias_of().empty()) report(where, "its domain is an alias of another one");
    switch (record.is_case()) {
      case schema::DirectoryAddress::kAccount:
        ++counted_[address.domain];
        return check_owner(where, base::AccountId{record.account()}, mime::format(address));
      case schema::DirectoryAddress::kAlias:
        if (record.alias().targets().empty()) report(where, "the alias has no targets");
        return check_targets(where, address, record.alias());
      case schema::DirectoryAddress::kGroup:
        TRY(check_members(where, mime::format(address), record.group()));
        return check_targets(where, address, record.group());
      case schema::DirectoryAddress::IS_NOT_SET:
        break;
    }
    report(where, "it is neither an account's nor an alias or a group");
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

  base::Result<void> check_targets(const std::string& where, const mime::AddrSpec& address,
                                   const schema::DirectoryAlias& alias) {
    if (static_cast<std::size_t>(alias.targets_size()) > kMaxTargets) {
      report(where, "it has " + std::to_string(alias.targets_size()) + " targets");
    }
    for (const std::string& target : alias.targets()) {
      if (!split_address(target)) report(where, "it has the bad target \"" + base::printable(target) + "\"");
    }
    if (!schema::DirectoryPosting_IsValid(alias.posting())) {
      report(where, "its rule who may post is one that this version does not know");
    }
    for (const std::string& sender : alias.senders()) check_pattern(where, sender);
    TRY_ASSIGN(const auto expansion, try_expand(address));
    if (expansion && expansion->leads_back) report(where, "it leads back to itself");
    return {};
  }

  base::Result<void> check_members(const std::string& where, const std::string& group,
                                   const schema::DirectoryAlias& record) {
    for (const std::string& member : record.targets()) {
      const auto parts = split_address(member);
      if (!parts) continue;  // check_targets() tells
      TRY_ASSIGN(const auto address, look_at(kAddresses, std::tuple(parts->domain, parts->local)));
      if (!address.exists) report(where, "its member " + member + " does not exist");
      if (address.value && address.value->has_alias()) report(where, "its member " + member + " is an alias");
      TRY_ASSIGN(const auto back, look_at(kMemberOf, std::tuple(parts->domain, parts->local, group)));
      if (!back.exists) report(where, "its member " + member + " does not know of it");
    }
    return {};
  }

  base::Result<void> check_membership(const mime::AddrSpec& member, const std::string& group) {
    const std::string where = "membership of " + base::printable(mime::format(member));
    const auto parts = split_address(group);
    if (!parts) {
      report(where, "\"" + base::printable(group) + "\" is no address");
      return {};
    }
    TRY_ASSIGN(const auto address, look_at(kAddresses, std::tuple(parts->domain, parts->local)));
    if (address.exists && !address.value) return {};
    const auto* targets = address.value && address.value->has_group() ? &address.value->group().targets() : nullptr;
    if (!targets || std::find(targets->begin(), targets->end(), mime::format(member)) == targets->end()) {
      report(where, "the group " + group + " has no such member");
    }
    return {};
  }

  void check_pattern(const std::string& where, const std::string& pattern) {
    const auto normalized = normalize_pattern(pattern);
    if (!normalized || *normalized != pattern) report(where, "\"" + base::printable(pattern) + "\" is no sender");
  }

  void compare_counts() {
    for (const auto& [domain, expected] : expected_) {
      const std::uint64_t counted = counted_[domain];
      if (counted == expected) continue;
      report("domain " + base::printable(domain),
             "it has " + std::to_string(counted) + " accounts, and its record says " + std::to_string(expected));
    }
  }

  base::Result<void> check_credential(base::AccountId id, std::uint32_t number,
                                      const schema::DirectoryCredential& record) {
    const std::string where = "credential " + std::to_string(number) + " of account " + std::to_string(id.value);
    TRY_ASSIGN(const auto account, look_at(kAccounts, std::tuple(id)));
    if (!account.exists) report(where, "the account does not exist");
    if (!crypto::is_password_hash(record.hash())) report(where, "it is no password hash that this version knows");
    for (const std::string& keys : record.scram()) {
      if (!crypto::parse_scram_keys(keys)) report(where, "its SCRAM keys are malformed");
    }
    if (record.version() == 0) report(where, "it has no version");
    if (number != kPassword && record.name().empty()) report(where, "it has no name");
    for (const std::string& network : record.networks()) {
      if (!base::Network::parse(network)) report(where, "it has a network that is none: nobody can use it");
    }
    return {};
  }

  base::Result<void> check_use(base::AccountId id, std::uint32_t number) {
    TRY_ASSIGN(const auto credential, look_at(kCredentials, std::tuple(id, number)));
    if (!credential.exists) {
      report("last use of credential " + std::to_string(number) + " of account " + std::to_string(id.value),
             "the credential does not exist");
    }
    return {};
  }

  base::Result<void> check_removed(base::AccountId id) {
    if (!id) report("removed", "it names no account");
    return {};
  }

  void report(std::string where, std::string what) { report_({std::move(where), std::move(what)}); }

  const store::Reader& reader_;
  const std::function<void(store::Problem)>& report_;
  std::map<std::string, std::uint64_t> counted_;   // accounts by domain, as they were met
  std::map<std::string, std::uint64_t> expected_;  // as the domains say
};

}  // namespace

base::Result<void> Service::check(const store::Reader& reader, const std::function<void(store::Problem)>& report) {
  return Checker(reader, report).run();
}

}  // namespace directory
