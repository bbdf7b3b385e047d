#include "directory/records.h"

#include <algorithm>

namespace directory {

using base::Code;

std::vector<store::TableName> tables() {
  const auto name = [](const auto& table) { return store::TableName{table.id, table.name}; };
  return {name(kDomains), name(kAccounts), name(kAddresses), name(kCredentials),
          name(kUses),    name(kRemoved),  name(kMemberOf)};
}

const char* name(State state) {
  static constexpr const char* kNames[] = {"active", "disabled", "suspended", "shared"};
  return kNames[static_cast<std::size_t>(state)];
}

namespace {

base::Error dangling(const mime::AddrSpec& address, base::AccountId id) {
  return {Code::corrupt, "the address " + mime::format(address) + " is account " + std::to_string(id.value) +
                             "'s, which does not exist"};
}

State to_state(schema::DirectoryState state) {
  switch (state) {
    case schema::DIRECTORY_STATE_ACTIVE:
      return State::active;
    case schema::DIRECTORY_STATE_DISABLED:
      return State::disabled;
    case schema::DIRECTORY_STATE_SHARED:
      return State::shared;
    default:
      // Also what a newer version may have written: nobody logs in, and no mail is lost.
      return State::suspended;
  }
}

Posting to_posting(schema::DirectoryPosting posting) {
  switch (posting) {
    case schema::DIRECTORY_POSTING_ANYONE:
      return Posting::anyone;
    case schema::DIRECTORY_POSTING_MEMBERS:
      return Posting::members;
    case schema::DIRECTORY_POSTING_DOMAIN:
      return Posting::domain;
    default:
      return Posting::named;  // a newer version's rule is at least one
  }
}

}  // namespace

Account to_account(base::AccountId id, const schema::DirectoryAccount& record) {
  return {.id = id,
          .address = record.address(),
          .quota = {.bytes = record.quota_bytes(), .messages = record.quota_messages()},
          .created = from_record(record.created_us()),
          .state = to_state(record.state()),
          .name = record.name(),
          .send_as = {record.send_as().begin(), record.send_as().end()}};
}

Domain to_domain(const std::string& name, const schema::DirectoryDomain& record) {
  Domain domain{.name = name,
                .alias_of = record.alias_of(),
                .catch_all = record.catch_all(),
                .default_quota_bytes = {},
                .max_accounts = record.max_accounts(),
                .quota_bytes = record.quota_bytes(),
                .accounts = record.accounts(),
                .created = from_record(record.created_us())};
  if (record.has_separator()) domain.separator = record.separator();
  if (record.has_default_quota_bytes()) domain.default_quota_bytes = record.default_quota_bytes();
  return domain;
}

std::optional<Alias> to_alias(std::string address, const schema::DirectoryAddress& record) {
  const schema::DirectoryAlias* alias = alias_of(record);
  if (!alias) return std::nullopt;
  const AliasKind kind = kind_of(record);
  return Alias{.kind = kind,
               .address = std::move(address),
               .targets = {alias->targets().begin(), alias->targets().end()},
               .posting = to_posting(alias->posting()),
               .senders = {alias->senders().begin(), alias->senders().end()},
               .send_as = alias->has_send_as() ? alias->send_as() : kind == AliasKind::alias,
               .created = from_record(alias->created_us())};
}

std::optional<std::string> outside(const CredentialLimits& limits, const Access& access, base::WallTime now) {
  if (limits.expires && now >= *limits.expires) return "it has expired";
  if (!limits.protocols.empty() && std::ranges::find(limits.protocols, access.protocol) == limits.protocols.end()) {
    return "it is not for " + access.protocol;
  }
  if (!limits.networks.empty() && !base::contains(limits.networks, access.address)) return "it is not for this network";
  return std::nullopt;
}

CredentialLimits to_limits(const schema::DirectoryCredential& record) {
  CredentialLimits limits{.protocols = {record.protocols().begin(), record.protocols().end()}};
  for (const std::string& text : record.networks()) {
    // One that cannot be read holds nobody's address: that is the safe side, and `store check` tells.
    limits.networks.push_back(base::Network::parse(text).value_or(base::Network(base::Address{.v4 = true}, 32)));
  }
  if (record.expires_us() != 0) limits.expires = from_record(record.expires_us());
  return limits;
}

void put(const CredentialLimits& limits, schema::DirectoryCredential& record) {
  record.clear_protocols();
  record.clear_networks();
  for (const std::string& protocol : limits.protocols) record.add_protocols(protocol);
  for (const base::Network& network : limits.networks) record.add_networks(network.text());
  record.set_expires_us(limits.expires ? to_record(*limits.expires) : 0);
}

CredentialInfo to_credential_info(std::uint32_t number, const schema::DirectoryCredential& record) {
  // The password is as old as its account and has no time of its own.
  const std::int64_t created = record.created_us() != 0 ? record.created_us() : record.changed_us();
  return {.name = number == kPassword ? std::string(kPasswordName) : record.name(),
          .created = from_record(created),
          .changed = from_record(record.changed_us()),
          .limits = to_limits(record)};
}

const schema::DirectoryAlias* alias_of(const schema::DirectoryAddress& record) {
  if (record.has_alias()) return &record.alias();
  if (record.has_group()) return &record.group();
  return nullptr;
}

AliasKind kind_of(const schema::DirectoryAddress& record) {
  return record.has_group() ? AliasKind::group : AliasKind::alias;
}

const char* word_for(AliasKind kind) { return kind == AliasKind::group ? "group" : "alias"; }

bool names(const std::vector<std::string>& list, const mime::AddrSpec& address) {
  if (list.empty()) return false;
  const std::string whole = mime::format(address);
  return std::ranges::any_of(list, [&](const std::string& each) {
    return each == whole || (each.starts_with('@') && std::string_view(each).substr(1) == address.domain);
  });
}

base::Result<bool> has_domain(const store::Reader& reader, const std::string& domain) {
  TRY_ASSIGN(const auto record, find_domain(reader, domain));
  return record.has_value();
}

base::Result<std::optional<schema::DirectoryDomain>> find_domain(const store::Reader& reader,
                                                                 const std::string& domain) {
  return reader.get(kDomains, std::tuple(domain));
}

base::Result<std::optional<schema::DirectoryAddress>> find_address(const store::Reader& reader,
                                                                   const mime::AddrSpec& address) {
  return reader.get(kAddresses, std::tuple(address.domain, address.local));
}

base::Result<mime::AddrSpec> follow_domain(const store::Reader& reader, mime::AddrSpec address) {
  TRY_ASSIGN(auto record, find_domain(reader, address.domain));
  if (record && !record->alias_of().empty()) address.domain = std::move(*record->mutable_alias_of());
  return address;
}

base::Result<std::uint64_t> count_accounts(const store::Reader& reader, const std::string& domain) {
  std::uint64_t count = 0;
  auto cursor = reader.scan(kAddresses, domain);
  for (; cursor.valid(); cursor.next()) {
    const auto record = cursor.value();
    if (record && record->is_case() == schema::DirectoryAddress::kAccount) ++count;
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  return count;
}

base::Result<std::optional<Login>> find_login(const store::Reader& reader, const mime::AddrSpec& given) {
  TRY_ASSIGN(const mime::AddrSpec address, follow_domain(reader, given));
  TRY_ASSIGN(const auto record, find_address(reader, address));
  if (!record || record->is_case() != schema::DirectoryAddress::kAccount) return std::optional<Login>();
  const base::AccountId id{record->account()};
  TRY_ASSIGN(const auto account, reader.get(kAccounts, std::tuple(id)));
  if (!account) return std::unexpected(dangling(address, id));
  Login login{to_account(id, *account), {}};
  auto cursor = reader.scan(kCredentials, id);
  for (; cursor.valid() && login.credentials.size() < kMaxCredentials; cursor.next()) {
    TRY_ASSIGN(auto credential, cursor.value());
    login.credentials.push_back({.number = std::get<1>(cursor.key()),
                                 .version = credential.version(),
                                 .hash = std::move(*credential.mutable_hash()),
                                 .scram = {credential.scram().begin(), credential.scram().end()},
                                 .limits = to_limits(credential),
                                 .name = credential.name()});
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

// Resolver

base::Result<const schema::DirectoryDomain*> Resolver::domain(const std::string& name) {
  auto known = domains_.find(name);
  if (known == domains_.end()) {
    TRY_ASSIGN(auto record, find_domain(reader_, name));
    known = domains_.emplace(name, std::move(record)).first;
  }
  return known->second ? &*known->second : nullptr;
}

base::Result<std::optional<Resolved>> Resolver::resolve(mime::AddrSpec address) {
  TRY_ASSIGN(const schema::DirectoryDomain* ours, domain(address.domain));
  if (!ours) return std::optional<Resolved>();
  if (!ours->alias_of().empty()) {
    address.domain = ours->alias_of();
    TRY_ASSIGN(ours, domain(address.domain));
    if (!ours) return base::fail(Code::corrupt, "the domain " + address.domain + " has an alias and does not exist");
  }
  // The exact address comes first: nobody's mail changes hands because somebody chose a name with a "+" in it.
  Resolved resolved{.address = std::move(address), .record = {}, .untagged = {}, .catch_all = ours->catch_all()};
  TRY_ASSIGN(resolved.record, find_address(reader_, resolved.address));
  const std::string separator = ours->has_separator() ? ours->separator() : std::string(kDefaultSeparator);
  const std::size_t at = separator.empty() ? std::string::npos : resolved.address.local.find(separator);
  resolved.untagged = resolved.address.local.substr(0, at == 0 ? std::string::npos : at);
  if (resolved.record || resolved.untagged.size() == resolved.address.local.size()) return std::optional(resolved);
  mime::AddrSpec untagged{resolved.untagged, resolved.address.domain};
  TRY_ASSIGN(resolved.record, find_address(reader_, untagged));
  if (resolved.record) resolved.address = std::move(untagged);
  return std::optional(std::move(resolved));
}

}  // namespace directory
