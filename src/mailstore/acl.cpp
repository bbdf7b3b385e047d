#include "mailstore/acl.h"

#include <algorithm>

#include "mailstore/impl.h"

namespace mailstore {
namespace {

constexpr std::string_view kLetters = "lrswipkxtea";
constexpr Rights kCreate = kCreateBelow | kRemoveMailbox;  // "c" of RFC 2086
constexpr Rights kDelete = kMarkDeleted | kExpunge;        // "d"

/// As the key of `grant` has it.
std::string text_of(const Grantee& grantee) {
  switch (grantee.kind) {
    case Grantee::Kind::account:
      return "account " + std::to_string(grantee.account.value);
    case Grantee::Kind::group:
      return "group " + grantee.name;
    case Grantee::Kind::everybody:
      break;
  }
  return "domain " + grantee.name;
}

std::vector<std::string> texts_of(const Visitor& visitor) {
  std::vector<std::string> all{text_of({.kind = Grantee::Kind::account, .account = visitor.account}),
                               text_of({.kind = Grantee::Kind::everybody, .name = visitor.domain})};
  for (const std::string& group : visitor.groups) all.push_back(text_of({.kind = Grantee::Kind::group, .name = group}));
  return all;
}

}  // namespace

std::optional<Rights> parse_rights(std::string_view letters) {
  Rights rights = 0;
  for (const char letter : letters) {
    const std::size_t at = kLetters.find(letter);
    if (letter == 'c') {
      rights |= kCreate;
    } else if (letter == 'd') {
      rights |= kDelete;
    } else if (at != std::string_view::npos) {
      rights |= static_cast<Rights>(1u << at);
    } else {
      return std::nullopt;
    }
  }
  return rights;
}

std::string print(Rights rights) {
  std::string out;
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    if (rights & (1u << i)) out += kLetters[i];
  }
  if (rights & kCreate) out += 'c';
  if (rights & kDelete) out += 'd';
  return out;
}

bool means(const Grantee& grantee, const Visitor& visitor) {
  switch (grantee.kind) {
    case Grantee::Kind::account:
      return grantee.account == visitor.account;
    case Grantee::Kind::group:
      return std::ranges::find(visitor.groups, grantee.name) != visitor.groups.end();
    case Grantee::Kind::everybody:
      return grantee.name == visitor.domain;
  }
  return false;
}

Rights rights_of(const Acl& acl, const Visitor& visitor) {
  Rights granted = 0;
  Rights withheld = 0;
  for (const AclEntry& entry : acl) {
    if (!means(entry.grantee, visitor)) continue;
    granted |= entry.granted;
    withheld |= entry.withheld;
  }
  return granted & static_cast<Rights>(~withheld);
}

bool apply_change(const AclChange& change, Acl& acl) {
  auto at = std::ranges::lower_bound(acl, change.grantee, {}, &AclEntry::grantee);
  if (at == acl.end() || at->grantee != change.grantee) {
    if (change.rights == 0 || change.how == AclChange::How::remove) return true;
    if (acl.size() == kMaxAclEntries) return false;
    at = acl.insert(at, {.grantee = change.grantee});
  }
  Rights& rights = change.withheld ? at->withheld : at->granted;
  switch (change.how) {
    case AclChange::How::set:
      rights = change.rights;
      break;
    case AclChange::How::add:
      rights |= change.rights;
      break;
    case AclChange::How::remove:
      rights &= static_cast<Rights>(~change.rights);
      break;
  }
  if (at->granted == 0 && at->withheld == 0) acl.erase(at);
  return true;
}

FlagMask flag_mask(Rights rights) {
  FlagMask mask{.system = 0, .keywords = (rights & kWrite) != 0};
  if (rights & kWrite) mask.system |= kAnswered | kFlagged | kDraft;
  if (rights & kKeepSeen) mask.system |= kSeen;
  if (rights & kMarkDeleted) mask.system |= kDeleted;
  return mask;
}

// --- In the store
// ------------------------------------------------------------------------------------------------------

Acl acl_of(const schema::MailboxRecord& record) {
  Acl acl;
  for (const schema::AclEntry& entry : record.acl()) {
    Grantee grantee{.kind = Grantee::Kind::account, .account = AccountId{entry.account()}};
    if (!entry.group().empty()) grantee = {.kind = Grantee::Kind::group, .name = entry.group()};
    if (!entry.domain().empty()) grantee = {.kind = Grantee::Kind::everybody, .name = entry.domain()};
    acl.push_back({.grantee = std::move(grantee),
                   .granted = static_cast<Rights>(entry.granted() & kAllRights),
                   .withheld = static_cast<Rights>(entry.withheld() & kAllRights)});
  }
  return acl;
}

void put_acl(schema::MailboxRecord& record, const Acl& acl) {
  record.clear_acl();
  for (const AclEntry& entry : acl) {
    schema::AclEntry& out = *record.add_acl();
    out.set_account(entry.grantee.account.value);
    (entry.grantee.kind == Grantee::Kind::group ? *out.mutable_group() : *out.mutable_domain()) = entry.grantee.name;
    out.set_granted(entry.granted);
    out.set_withheld(entry.withheld);
  }
}

Key<std::string, AccountId, MailboxId> grant_key(const Grantee& grantee, AccountId owner, MailboxId mailbox) {
  return {text_of(grantee), owner, mailbox};
}

net::Task<base::Result<Acl>> Impl::acl(AccountId account, MailboxId mailbox) {
  return context_.store.read([account, mailbox](const store::Reader& reader) -> base::Result<Acl> {
    TRY_ASSIGN(const auto record, reader.get(kMailboxes, {account, mailbox}));
    if (!record) return base::fail(base::Code::not_found, "there is no such mailbox");
    return acl_of(*record);
  });
}

net::Task<base::Result<void>> Impl::change_acl(AccountId account, MailboxId mailbox, AclChange change) {
  const Grantee grantee = change.grantee;
  CO_TRY(co_await edit(account, [&](Edit& step) -> base::Result<void> {
    TRY_ASSIGN(Edit::Box* const box, step.mailbox(mailbox, false));
    Acl acl = acl_of(box->record);
    if (!apply_change(change, acl)) {
      return base::fail(base::Code::too_large,
                        "a mailbox has rights for at most " + std::to_string(kMaxAclEntries) + " identifiers");
    }
    if (box->record.acl_size() == 0) step.set_own_seen(*box, true);
    step.set_acl(*box, acl);
    return {};
  }));
  // Sessions of somebody who was given a mailbox may want to hear of that.
  if (grantee.kind == Grantee::Kind::account) changed(grantee.account);
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::set_own_seen(AccountId account, MailboxId mailbox, bool own) {
  return edit(account, [mailbox, own](Edit& step) -> base::Result<void> {
    TRY_ASSIGN(Edit::Box* const box, step.mailbox(mailbox, false));
    if (box->record.acl_size() > 0) step.set_own_seen(*box, own);
    return {};
  });
}

net::Task<base::Result<std::vector<Grant>>> Impl::grants(Visitor visitor) {
  co_return co_await context_.store.read(
      [visitor = std::move(visitor)](const store::Reader& reader) { return read_grants(reader, texts_of(visitor)); });
}

base::Result<std::vector<Grant>> read_grants(const store::Reader& reader, const std::vector<std::string>& grantees) {
  std::vector<Grant> all;
  for (const std::string& text : grantees) {
    auto cursor = reader.scan(kGrants, text);
    for (; cursor.valid() && all.size() < kMaxGrantsSeen; cursor.next()) {
      all.push_back({.owner = std::get<AccountId>(cursor.key()), .mailbox = std::get<MailboxId>(cursor.key())});
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
  }
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

/// In batches, before the account's mailboxes go: what they grant. What others grant to the account stays as their
/// lists do, and means nobody.
base::Result<void> remove_grants_step(store::Txn& tx, AccountId account, MailboxId& from, bool& done) {
  auto cursor = tx.scan_range(kMailboxes, {account, from}, {AccountId{account.value + 1}, MailboxId{}});
  std::vector<Key<std::string, AccountId, MailboxId>> keys;
  std::size_t seen = 0;
  for (; cursor.valid() && seen < kRemovalBatch; cursor.next(), ++seen) {
    const MailboxId mailbox = std::get<MailboxId>(cursor.key());
    from = MailboxId{mailbox.value + 1};
    const auto record = cursor.value();
    if (!record) continue;  // `store check` tells of what it has granted
    for (const AclEntry& entry : acl_of(*record)) keys.push_back(grant_key(entry.grantee, account, mailbox));
  }
  done = !cursor.valid();
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& key : keys) tx.erase(kGrants, key);
  return {};
}

}  // namespace mailstore
