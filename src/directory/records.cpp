#include "directory/records.h"

#include <deque>
#include <set>

#include "directory/normalize.h"

namespace directory {
namespace {

/// Walks from one address to where its mail goes, breadth first; each address is looked at once, so loops end.
class Expander {
 public:
  Expander(const store::Reader& reader, const mime::AddrSpec& start) : reader_(reader), start_(mime::format(start)) {
    waiting_.push_back({start, start_, 0});
  }

  base::Result<Expansion> run() {
    for (; !waiting_.empty() && out_.limit.empty(); waiting_.pop_front()) TRY(visit(waiting_.front()));
    return std::move(out_);
  }

 private:
  struct Item {
    mime::AddrSpec address;
    std::string written;  // as the alias has it
    int aliases = 0;      // on the way here
  };

  base::Result<void> visit(const Item& item) {
    const std::string name = mime::format(item.address);
    if (item.aliases > 0 && name == start_) out_.leads_back = true;
    if (!seen_.insert(name).second) return {};
    // At most as many aliases as targets: a bound on the walk that nothing sensible meets.
    if (seen_.size() > 2 * kMaxTargets) return stop("it leads to more than 2,000 addresses");

    TRY_ASSIGN(const bool local, is_local(item.address.domain));
    if (!local) {
      out_.route.remotes.push_back({item.written});
      return check_targets();
    }
    TRY_ASSIGN(const auto record, find_address(reader_, item.address));
    if (record && record->is_case() == schema::DirectoryAddress::kAccount) {
      return add_account(base::AccountId{record->account()}, name);
    }
    if (record && record->is_case() == schema::DirectoryAddress::kAlias) return add_alias(item, record->alias());
    if (record) return base::fail(base::Code::corrupt, "the record of the address " + name + " says nothing");
    return nobody(item, name);
  }

  base::Result<void> add_account(base::AccountId id, const std::string& name) {
    TRY_ASSIGN(const auto record, reader_.get(kAccounts, std::tuple(id)));
    if (!record) {
      return base::fail(base::Code::corrupt,
                        "the address " + name + " is account " + std::to_string(id.value) + "'s, which does not exist");
    }
    return add_account(to_account(id, *record));
  }

  base::Result<void> add_account(Account account) {
    out_.known = true;
    if (accounts_.insert(account.id).second) out_.route.accounts.push_back(std::move(account));
    return check_targets();
  }

  base::Result<void> add_alias(const Item& item, const schema::DirectoryAlias& alias) {
    out_.known = true;
    if (item.aliases == kMaxAliasDepth) return stop("its aliases are nested deeper than 10");
    for (const std::string& target : alias.targets()) {
      auto parts = split_address(target);
      if (!parts) {
        return base::fail(base::Code::corrupt,
                          "the alias " + mime::format(item.address) + " has a bad target: " + parts.error().text);
      }
      waiting_.push_back({*std::move(parts), target, item.aliases + 1});
    }
    return {};
  }

  base::Result<void> nobody(const Item& item, const std::string& name) {
    // RFC 5321 §4.5.1: a postmaster "at any of the domains for which the SMTP server provides mail service".
    if (item.address.local == kPostmaster) {
      TRY_ASSIGN(auto account, first_account(reader_));
      if (account) return add_account(*std::move(account));
    }
    if (item.aliases > 0) out_.dead.push_back(name);
    return {};
  }

  base::Result<void> check_targets() {
    if (out_.route.accounts.size() + out_.route.remotes.size() > kMaxTargets) {
      return stop("it leads to more than 1,000 recipients");
    }
    return {};
  }

  base::Result<void> stop(std::string limit) {
    out_.limit = std::move(limit);
    return {};
  }

  base::Result<bool> is_local(const std::string& domain) {
    const auto known = domains_.find(domain);
    if (known != domains_.end()) return known->second;
    TRY_ASSIGN(const bool local, has_domain(reader_, domain));
    domains_.emplace(domain, local);
    return local;
  }

  const store::Reader& reader_;
  const std::string start_;
  std::deque<Item> waiting_;
  std::set<std::string> seen_;
  std::set<base::AccountId> accounts_;
  std::map<std::string, bool> domains_;
  Expansion out_;
};

}  // namespace

Account to_account(base::AccountId id, const schema::DirectoryAccount& record) {
  return {id, record.address(), record.quota_bytes(), from_record(record.created_us())};
}

base::Result<bool> has_domain(const store::Reader& reader, const std::string& domain) {
  TRY_ASSIGN(const auto record, reader.get(kDomains, std::tuple(domain)));
  return record.has_value();
}

base::Result<std::optional<schema::DirectoryAddress>> find_address(const store::Reader& reader,
                                                                   const mime::AddrSpec& address) {
  return reader.get(kAddresses, std::tuple(address.domain, address.local));
}

base::Result<std::optional<Login>> find_login(const store::Reader& reader, const mime::AddrSpec& address) {
  TRY_ASSIGN(const auto record, find_address(reader, address));
  if (!record || record->is_case() != schema::DirectoryAddress::kAccount) return std::optional<Login>();
  const base::AccountId id{record->account()};
  TRY_ASSIGN(const auto account, reader.get(kAccounts, std::tuple(id)));
  if (!account) {
    return base::fail(base::Code::corrupt, "the address " + mime::format(address) + " is account " +
                                               std::to_string(id.value) + "'s, which does not exist");
  }
  Login login{to_account(id, *account), {}};
  auto cursor = reader.scan(kCredentials, id);
  for (; cursor.valid(); cursor.next()) {
    TRY_ASSIGN(auto credential, cursor.value());
    login.credentials.push_back({.version = credential.version(),
                                 .hash = std::move(*credential.mutable_hash()),
                                 .scram = {credential.scram().begin(), credential.scram().end()}});
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  return std::optional(std::move(login));
}

base::Result<std::optional<Account>> first_account(const store::Reader& reader) {
  auto cursor = reader.scan(kAccounts);
  // Ids grow with time, so the first readable record is the oldest account. A broken one must not cost the postmaster.
  for (; cursor.valid(); cursor.next()) {
    if (const auto record = cursor.value()) return std::optional(to_account(std::get<0>(cursor.key()), *record));
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  return std::optional<Account>();
}

base::Result<Expansion> expand(const store::Reader& reader, const mime::AddrSpec& address) {
  return Expander(reader, address).run();
}

}  // namespace directory
