// Aliases and groups: changes and lists. Both are addresses that lead to others; a group's targets are its members,
// which must exist, and for each of them a record says which groups it is in, so that they can leave when they are
// removed.
#include <algorithm>

#include "base/text.h"
#include "directory/changes.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {
namespace {

using base::Code;
using store::Txn;

/// Each once, in their order.
void drop_repeated(std::vector<std::string>& list) {
  std::vector<std::string> seen = list;
  std::ranges::sort(seen);
  seen.erase(std::ranges::unique(seen).begin(), seen.end());
  std::erase_if(list, [&](const std::string& each) {
    const auto at = std::ranges::lower_bound(seen, each);
    if (at == seen.end() || *at != each) return true;
    seen.erase(at);
    return false;
  });
}

base::Result<void> normalize_targets(std::vector<std::string>& targets, AliasKind kind) {
  for (std::string& target : targets) {
    // A member is one of ours; what an alias leads to may be another host's (RFC 5321 §2.3.11).
    TRY_ASSIGN(target, kind == AliasKind::group ? normalize_address(target) : normalize_target(target));
    TRY(split_address(target));  // so that expanding never meets one it cannot compare
  }
  drop_repeated(targets);
  return {};
}

/// The change with its values normalized.
base::Result<AliasChange> prepare(AliasKind kind, AliasChange change) {
  if (change.targets) TRY(normalize_targets(*change.targets, kind));
  TRY(normalize_targets(change.add, kind));
  TRY(normalize_targets(change.remove, kind));
  if (!change.senders) return change;
  for (std::string& each : *change.senders) {
    TRY_ASSIGN(each, normalize_pattern(each));
  }
  drop_repeated(*change.senders);
  return change;
}

schema::DirectoryPosting to_record(Posting posting) {
  switch (posting) {
    case Posting::anyone:
      return schema::DIRECTORY_POSTING_ANYONE;
    case Posting::members:
      return schema::DIRECTORY_POSTING_MEMBERS;
    case Posting::domain:
      return schema::DIRECTORY_POSTING_DOMAIN;
    case Posting::named:
      break;
  }
  return schema::DIRECTORY_POSTING_NAMED;
}

/// As mail finds them: a target's local part stands as it was written, and is the same in any case.
base::Result<void> take_out_targets(std::vector<std::string>& targets, const std::vector<std::string>& less) {
  std::map<std::string, bool> found;
  for (const std::string& each : less) {
    TRY_ASSIGN(std::string name, normalize_address(each));
    found.emplace(std::move(name), false);
  }
  std::erase_if(targets, [&](const std::string& target) {
    const auto name = normalize_address(target);
    const auto gone = name ? found.find(*name) : found.end();
    if (gone != found.end()) gone->second = true;
    return gone != found.end();
  });
  for (const auto& [name, was_there] : found) {
    if (!was_there) return base::fail(Code::not_found, name + " is not among the targets");
  }
  return {};
}

base::Result<void> apply(Alias& alias, const AliasChange& change) {
  if (change.targets) alias.targets = *change.targets;
  if (!change.remove.empty()) TRY(take_out_targets(alias.targets, change.remove));
  put_in(alias.targets, change.add);
  if (change.senders) alias.senders = *change.senders;
  if (change.posting) alias.posting = *change.posting;
  if (change.send_as) alias.send_as = *change.send_as;
  const std::string word = word_for(alias.kind);
  const std::string an = alias.kind == AliasKind::group ? "a group" : "an alias";
  if (alias.targets.size() > kMaxTargets) return base::fail(Code::invalid, an + " has at most 1,000 targets");
  if (alias.targets.empty() && alias.kind == AliasKind::alias) {
    return base::fail(Code::invalid, "an alias needs at least one target");
  }
  if (alias.senders.size() > kMaxTargets) return base::fail(Code::invalid, an + " names at most 1,000 senders");
  if (alias.posting == Posting::named && alias.senders.empty()) {
    return base::fail(Code::invalid, "the " + word + " must name who may post");
  }
  return {};
}

schema::DirectoryAddress to_record(const Alias& alias) {
  schema::DirectoryAddress record;
  auto& fields = alias.kind == AliasKind::group ? *record.mutable_group() : *record.mutable_alias();
  for (const std::string& target : alias.targets) fields.add_targets(target);
  fields.set_created_us(directory::to_record(alias.created));
  fields.set_posting(to_record(alias.posting));
  for (const std::string& sender : alias.senders) fields.add_senders(sender);
  if (alias.send_as != (alias.kind == AliasKind::alias)) fields.set_send_as(alias.send_as);
  return record;
}

/// Members in the domain that is theirs; not_found when one is neither an account nor a group here.
base::Result<void> require_members(const store::Reader& reader, std::vector<std::string>& members) {
  for (std::string& member : members) {
    TRY_ASSIGN(const mime::AddrSpec given, split_address(member));
    TRY_ASSIGN(const mime::AddrSpec parts, follow_domain(reader, given));
    TRY_ASSIGN(const auto record, find_address(reader, parts));
    if (!record || record->has_alias()) {
      return base::fail(Code::not_found, "there is no account or group " + member + " here");
    }
    member = mime::format(parts);
  }
  drop_repeated(members);
  return {};
}

/// Keeps the records that say which groups an address is a member of.
base::Result<void> put_members(Txn& txn, const std::string& group, const std::vector<std::string>& before,
                               const std::vector<std::string>& after) {
  for (const std::string& member : before) {
    TRY_ASSIGN(const mime::AddrSpec parts, split_address(member));
    txn.erase(kMemberOf, std::tuple(parts.domain, parts.local, group));
  }
  for (const std::string& member : after) {
    TRY_ASSIGN(const mime::AddrSpec parts, split_address(member));
    txn.put(kMemberOf, std::tuple(parts.domain, parts.local, group), store::Nothing());
  }
  return {};
}

/// Adds the groups that have this member, but for those that are there already.
base::Result<void> add_groups(const store::Reader& reader, const mime::AddrSpec& member,
                              std::vector<std::string>& groups) {
  auto cursor = reader.scan(kMemberOf, member.domain, member.local);
  for (; cursor.valid() && groups.size() < kMaxGroupsOf; cursor.next()) {
    const std::string& group = std::get<2>(cursor.key());
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  return {};
}

/// Writes an alias or group; with it in place, what it leads to says whether it may stay.
base::Result<void> put_alias(Txn& txn, const mime::AddrSpec& parts, const std::vector<std::string>& before,
                             Alias& alias) {
  if (alias.kind == AliasKind::group) {
    TRY(require_members(txn, alias.targets));
    TRY(put_members(txn, alias.address, before, alias.targets));
  }
  txn.put(kAddresses, std::tuple(parts.domain, parts.local), to_record(alias));
  TRY_ASSIGN(const Expansion expansion, expand(txn, parts));
  const std::string the = std::string("the ") + word_for(alias.kind) + " " + alias.address;
  if (expansion.leads_back) return base::fail(Code::conflict, the + " would lead back to itself");
  if (!expansion.limit.empty()) return base::fail(Code::invalid, the + " is too large: " + expansion.limit);
  return {};
}

/// The alias or group of that address, as it stands.
base::Result<Alias> require_alias(const store::Reader& reader, const mime::AddrSpec& parts, AliasKind kind) {
  TRY_ASSIGN(const auto record, find_address(reader, parts));
  const std::string name = mime::format(parts);
  const auto alias = record ? to_alias(name, *record) : std::nullopt;
  if (alias && alias->kind == kind) return *alias;
  if (!record) return base::fail(Code::not_found, std::string("there is no ") + word_for(kind) + " " + name);
  const char* is = alias ? alias->kind == AliasKind::group ? " is a group" : " is an alias" : " is an account";
  return base::fail(Code::not_found, name + is + ", not " + (kind == AliasKind::group ? "a group" : "an alias"));
}

}  // namespace

net::Task<base::Result<void>> Service::add_alias(std::string address, std::vector<std::string> targets, AliasKind kind,
                                                 AliasChange settings) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  settings.targets = std::move(targets);
  CO_TRY_ASSIGN(const AliasChange change, prepare(kind, std::move(settings)));
  Alias alias{.kind = kind,
              .address = mime::format(parts),
              .targets = {},
              .senders = {},
              .send_as = kind == AliasKind::alias,
              .created = clock_.now()};
  CO_TRY(apply(alias, change));
  CO_TRY(co_await commit([parts, alias](Txn& txn) -> base::Result<void> {
    TRY(require_free(txn, parts));
    Alias made = alias;
    return put_alias(txn, parts, {}, made);
  }));
  log_.info("directory.alias.added",
            {{"kind", word_for(kind)}, {"address", alias.address}, {"targets", alias.targets.size()}});
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::set_alias(std::string address, AliasKind kind, AliasChange settings) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  CO_TRY_ASSIGN(const AliasChange change, prepare(kind, std::move(settings)));
  CO_TRY(co_await commit([parts, kind, change](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(Alias alias, require_alias(txn, parts, kind));
    const std::vector<std::string> before = alias.targets;
    TRY(apply(alias, change));
    return put_alias(txn, parts, before, alias);
  }));
  log_.info("directory.alias.changed", {{"kind", word_for(kind)}, {"address", mime::format(parts)}});
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::remove_alias(std::string address, AliasKind kind) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  auto remove = [parts, kind](Txn& txn) -> base::Result<void> {
    TRY_ASSIGN(const Alias alias, require_alias(txn, parts, kind));
    txn.erase(kAddresses, std::tuple(parts.domain, parts.local));
    if (kind == AliasKind::alias) return {};
    TRY(put_members(txn, alias.address, alias.targets, {}));
    return leave_groups(txn, parts);
  };
  CO_TRY(co_await commit(std::move(remove), store::Kind::frees_space));
  log_.info("directory.alias.removed", {{"kind", word_for(kind)}, {"address", mime::format(parts)}});
  co_return base::Result<void>();
}

net::Task<base::Result<std::vector<Alias>>> Service::aliases(AliasKind kind) {
  return store_.read([log = log_, kind](const store::Reader& reader) -> base::Result<std::vector<Alias>> {
    std::vector<Alias> list;
    auto cursor = reader.scan(kAddresses);
    for (; cursor.valid(); cursor.next()) {
      const auto record = cursor.value();
      if (!record) {
        log.error("directory.address.corrupt", {{"why", record.error().text}});
        continue;
      }
      const auto& [domain, local] = cursor.key();
      if (!alias_of(*record) || kind_of(*record) != kind) continue;
      list.push_back(*to_alias(mime::format({local, domain}), *record));
    }
    if (auto error = cursor.error()) return std::unexpected(*std::move(error));
    return list;
  });
}

net::Task<base::Result<std::vector<std::string>>> Service::groups_of(std::string address) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  co_return co_await store_.read([parts](const store::Reader& reader) -> base::Result<std::vector<std::string>> {
    std::vector<std::string> groups;
    TRY(add_groups(reader, parts, groups));
    for (std::size_t i = 0; i < groups.size(); ++i) {
      TRY_ASSIGN(const mime::AddrSpec group, split_address(groups[i]));
      TRY(add_groups(reader, group, groups));
    }
    return groups;
  });
}

net::Task<base::Result<Alias>> Service::alias(std::string address, AliasKind kind) {
  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  co_return co_await store_.read(
      [parts, kind](const store::Reader& reader) { return require_alias(reader, parts, kind); });
}

}  // namespace directory
