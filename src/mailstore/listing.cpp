// Reading the hierarchy of mailboxes. It hangs on the name index alone, so that a mailbox whose record is broken still
// shows, as a place, and its children stay reachable.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "mailstore/impl.h"
#include "mailstore/names.h"

namespace mailstore {
namespace {

struct Name {
  MailboxId parent;
  std::string name;
  MailboxId id;
};

struct Children {
  std::vector<Name> names;  // by parent and name

  std::span<const Name> of(MailboxId parent) const {
    return std::ranges::equal_range(names, parent, {}, &Name::parent);
  }
};

/// Makes the list by a walk from the top with a stack of its own. A mailbox that a broken index names twice appears
/// once.
std::vector<Mailbox> walk(const Children& children,
                          const std::unordered_map<std::uint64_t, schema::MailboxRecord>& records, MailboxId inbox) {
  struct Pending {
    const Name* name;
    std::string path;
  };
  std::vector<Mailbox> out;
  std::vector<Pending> stack;
  std::unordered_set<std::uint64_t> seen;
  const auto push = [&](std::span<const Name> names, const std::string& prefix) {
    for (auto it = names.rbegin(); it != names.rend(); ++it) stack.push_back({&*it, prefix + it->name});
  };
  push(children.of(kTop), "");
  if (const auto first = std::ranges::find(stack, inbox, [](const Pending& p) { return p.name->id; });
      first != stack.end()) {
    std::rotate(first, first + 1, stack.end());
  }
  while (!stack.empty()) {
    Pending next = std::move(stack.back());
    stack.pop_back();
    if (!seen.insert(next.name->id.value).second) continue;
    const auto below = children.of(next.name->id);
    push(below, next.path + kHierarchySeparator);
    const auto record = records.find(next.name->id.value);
    if (record != records.end()) {
      out.push_back(to_mailbox(next.name->id, std::move(next.path), record->second, !below.empty()));
    } else {
      out.push_back(
          {.id = next.name->id, .name = std::move(next.path), .selectable = false, .has_children = !below.empty()});
    }
  }
  return out;
}

}  // namespace

Mailbox to_mailbox(MailboxId id, std::string path, const schema::MailboxRecord& record, bool has_children) {
  return {.id = id,
          .name = std::move(path),
          .role = record.role() <= schema::MAILBOX_ROLE_ARCHIVE ? static_cast<Role>(record.role()) : Role::none,
          .selectable = !record.place_only(),
          .has_children = has_children,
          .uid_validity = record.uid_validity(),
          .uid_next = record.uid_next(),
          .messages = record.messages(),
          .unseen = record.unseen(),
          .deleted = record.deleted(),
          .size = record.size(),
          .highest_modseq = std::max<ModSeq>(1, record.highest_modseq()),
          .acl = acl_of(record),
          .own_seen = record.own_seen()};
}

/// What `who` has not seen of the mailbox.
base::Result<void> count_unseen(const store::Reader& reader, AccountId account, AccountId who, Mailbox& mailbox) {
  if (!mailbox.own_seen || !who || who == account) return {};
  auto record = reader.get(kReaders, {account, mailbox.id, who});
  if (!record && record.error().code != base::Code::corrupt) return std::unexpected(record.error());
  const std::uint32_t seen = record && *record ? (*record)->seen() : 0;
  mailbox.unseen = mailbox.messages - std::min(seen, mailbox.messages);
  return {};
}

base::Result<std::optional<MailboxList>> read_list(const store::Reader& reader, AccountId account, AccountId who,
                                                   const base::Log& log) {
  TRY_ASSIGN(const auto record, reader.get(kAccounts, {account}));
  if (!record) return std::nullopt;
  if (record->removing()) return base::fail(base::Code::not_found, "the account is removed");

  std::unordered_map<std::uint64_t, schema::MailboxRecord> records;
  auto mailboxes = reader.scan(kMailboxes, account);
  for (; mailboxes.valid(); mailboxes.next()) {
    auto value = mailboxes.value();
    if (value) {
      records.emplace(std::get<MailboxId>(mailboxes.key()).value, *std::move(value));
    } else {
      log.error("mailstore.mailbox.broken", {{"account", account.value}, {"why", value.error().text}});
    }
  }
  if (mailboxes.error()) return std::unexpected(*mailboxes.error());

  Children children;
  auto names = reader.scan(kNames, account);
  for (; names.valid(); names.next()) {
    const auto value = names.value();
    if (!value) {
      log.error("mailstore.mailbox_name.broken", {{"account", account.value}, {"why", value.error().text}});
      continue;
    }
    children.names.push_back({std::get<1>(names.key()), std::get<2>(names.key()), MailboxId{value->mailbox()}});
  }
  if (names.error()) return std::unexpected(*names.error());

  MailboxList list;
  list.mailboxes = walk(children, records, MailboxId{record->inbox()});
  for (Mailbox& mailbox : list.mailboxes) TRY(count_unseen(reader, account, who, mailbox));
  auto subscriptions = reader.scan(kSubscriptions, account);
  for (; subscriptions.valid(); subscriptions.next()) {
    list.subscriptions.push_back(std::get<std::string>(subscriptions.key()));
  }
  if (subscriptions.error()) return std::unexpected(*subscriptions.error());
  return list;
}

base::Result<Mailbox> read_mailbox(const store::Reader& reader, AccountId account, const std::string& path,
                                   AccountId who, ModSeq& synced) {
  TRY_ASSIGN(const auto record, reader.get(kAccounts, {account}));
  if (!record) return Mailbox{};
  if (record->removing()) return base::fail(base::Code::not_found, "the account is removed");
  synced = record->modseq();
  MailboxId id = kTop;
  for (const std::string& part : path_parts(path)) {
    TRY_ASSIGN(const auto name, reader.get(kNames, {account, id, part}));
    if (!name) return base::fail(base::Code::not_found, "there is no mailbox of that name");
    id = MailboxId{name->mailbox()};
  }
  TRY_ASSIGN(const auto mailbox, reader.get(kMailboxes, {account, id}));
  if (!mailbox) {
    return base::fail(base::Code::corrupt, "mailbox " + std::to_string(id.value) + " of account " +
                                               std::to_string(account.value) + " has a name and no record");
  }
  const auto children = reader.scan(kNames, account, id);
  if (children.error()) return std::unexpected(*children.error());
  Mailbox found = to_mailbox(id, path, *mailbox, children.valid());
  TRY(count_unseen(reader, account, who, found));
  return found;
}

}  // namespace mailstore
