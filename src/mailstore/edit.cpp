#include "mailstore/edit.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/text.h"

namespace mailstore {
namespace {

std::string where(AccountId account, MailboxId mailbox) {
  return "mailbox " + std::to_string(mailbox.value) + " of account " + std::to_string(account.value);
}

struct FirstMailbox {
  const char* name;
  Role role;
};
constexpr FirstMailbox kFirstMailboxes[] = {
    {"INBOX", Role::inbox}, {"Drafts", Role::drafts}, {"Sent", Role::sent},
    {"Junk", Role::junk},   {"Trash", Role::trash},   {"Archive", Role::archive},
};

}  // namespace

bool valid_keyword(std::string_view name) {
  if (name.empty() || name.size() > kMaxKeywordBytes) return false;
  return std::ranges::all_of(name, [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
  });
}

base::Result<schema::OwnSeen> read_own_seen(const store::Reader& reader, AccountId owner, MailboxId mailbox,
                                            AccountId who, Uid uid) {
  auto record = reader.get(kOwnSeen, {owner, mailbox, who, uid});
  if (!record && record.error().code != base::Code::corrupt) return std::unexpected(std::move(record).error());
  return record && *record ? **record : schema::OwnSeen();
}

void read_as(const schema::MailboxRecord& record, const schema::OwnSeen& own, std::uint8_t& flags, ModSeq& modseq) {
  if (record.own_seen()) {
    flags = static_cast<std::uint8_t>((flags & ~kSeen) | (own.seen() ? kSeen : 0));
    modseq = std::max<ModSeq>(modseq, own.modseq());
  }
  modseq = std::max<ModSeq>(modseq, record.seen_modseq());
}

base::Result<bool> erase_readers(store::Txn& tx, AccountId account, MailboxId mailbox) {
  std::vector<Key<AccountId, MailboxId, AccountId, Uid>> seen;
  auto cursor = tx.scan(kOwnSeen, account, mailbox);
  for (; cursor.valid() && seen.size() < kRemovalBatch; cursor.next()) seen.push_back(cursor.key());
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& key : seen) tx.erase(kOwnSeen, key);
  if (seen.size() == kRemovalBatch) return true;
  std::vector<Key<AccountId, MailboxId, AccountId>> all;
  auto readers = tx.scan(kReaders, account, mailbox);
  for (; readers.valid() && all.size() < kRemovalBatch; readers.next()) all.push_back(readers.key());
  if (readers.error()) return std::unexpected(*readers.error());
  for (const auto& key : all) tx.erase(kReaders, key);
  return all.size() == kRemovalBatch;
}

base::Result<Edit> Edit::begin(Context& context, store::Txn& tx, AccountId account) {
  Edit edit(context, tx, account);
  TRY_ASSIGN(auto record, tx.get(kAccounts, {account}));
  if (!record) {
    TRY(edit.make_fresh());
    return edit;
  }
  if (record->removing()) {
    return base::fail(base::Code::not_found, "account " + std::to_string(account.value) + " is removed");
  }
  edit.account_record_ = std::move(*record);
  return edit;
}

base::Result<void> Edit::make_fresh() {
  fresh_ = true;
  for (const auto& [name, role] : kFirstMailboxes) {
    TRY_ASSIGN(Box* const box, add_mailbox(kTop, name, role));
    if (role == Role::inbox) account_record_.set_inbox(box->id.value);
  }
  account_record_.set_subscriptions(std::size(kFirstMailboxes));
  return {};
}

ModSeq Edit::modseq() {
  if (modseq_ == 0) {
    modseq_ = account_record_.modseq() + 1;
    account_record_.set_modseq(modseq_);
    account_dirty_ = true;
  }
  return modseq_;
}

base::Result<Edit::Box*> Edit::mailbox(MailboxId id, bool selectable) {
  auto found = boxes_.find(id);
  if (found == boxes_.end()) {
    TRY_ASSIGN(auto record, tx_->get(kMailboxes, {account_, id}));
    if (!record) return base::fail(base::Code::not_found, "there is no " + where(account_, id));
    Box box{.id = id, .record = std::move(*record)};
    if (box.record.read_by_others()) {
      auto readers = tx_->scan(kReaders, account_, id);
      for (; readers.valid(); readers.next()) {
        const auto reader = readers.value();  // of a broken one nothing is known; check() names it
        if (reader) box.readers[std::get<2>(readers.key())].record = *reader;
      }
      if (readers.error()) return std::unexpected(*readers.error());
    }
    found = boxes_.emplace(id, std::move(box)).first;
  }
  if (selectable && found->second.record.place_only()) {
    return base::fail(base::Code::not_found, where(account_, id) + " cannot be selected");
  }
  return &found->second;
}

base::Result<std::optional<MailboxId>> Edit::child(MailboxId parent, const std::string& name) {
  if (const auto taken = taken_names_.find({parent, name}); taken != taken_names_.end()) return taken->second;
  if (std::ranges::find(freed_names_, std::pair(parent, name)) != freed_names_.end()) return std::nullopt;
  TRY_ASSIGN(const auto record, tx_->get(kNames, {account_, parent, name}));
  if (!record) return std::nullopt;
  return MailboxId{record->mailbox()};
}

std::uint32_t Edit::next_uid_validity() {
  // RFC 9051 §2.3.1.1: the time is a good value; the counter makes it grow even twice within a second.
  const auto now = static_cast<std::uint32_t>(std::max<std::int64_t>(1, base::unix_seconds(context_->clock.now())));
  const std::uint32_t value = std::max(now, account_record_.last_uid_validity() + 1);
  account_record_.set_last_uid_validity(value);
  account_dirty_ = true;
  return value;
}

base::Result<Edit::Box*> Edit::add_mailbox(MailboxId parent, const std::string& name, Role role) {
  if (account_record_.mailboxes() >= kMaxMailboxes) {
    return base::fail(base::Code::too_large, "the account has " + std::to_string(kMaxMailboxes) + " mailboxes");
  }
  const MailboxId id{account_record_.last_mailbox() + 1};
  account_record_.set_last_mailbox(id.value);
  account_record_.set_mailboxes(account_record_.mailboxes() + 1);
  Box box{.id = id};
  box.record.set_parent(parent.value);
  box.record.set_name(name);
  box.record.set_role(static_cast<schema::MailboxRole>(role));
  box.record.set_uid_validity(next_uid_validity());
  box.record.set_uid_next(1);
  box.record.set_highest_modseq(modseq());
  box.change.set_properties(true);
  box.dirty = true;
  if (const MailboxId model = parent == kTop ? model_ : parent; model != kTop) {
    TRY_ASSIGN(const Box* const above, mailbox(model, false));
    if (above->record.acl_size() > 0) {
      set_acl(box, acl_of(above->record));
      box.record.set_own_seen(above->record.own_seen());
    }
  }
  taken_names_[{parent, name}] = id;
  return &boxes_.emplace(id, std::move(box)).first->second;
}

void Edit::set_acl(Box& box, const Acl& acl) {
  for (const AclEntry& entry : acl_of(box.record)) grants_[grant_key(entry.grantee, account_, box.id)] = false;
  for (const AclEntry& entry : acl) grants_[grant_key(entry.grantee, account_, box.id)] = true;
  put_acl(box.record, acl);
  modseq();
  box.change.set_properties(true);
  box.dirty = true;
}

void Edit::set_own_seen(Box& box, bool own) {
  if (box.record.own_seen() == own) return;
  box.record.set_own_seen(own);
  box.record.set_seen_modseq(modseq());
  box.record.set_highest_modseq(modseq());
  box.change.set_properties(true);
  box.dirty = true;
}

void Edit::remove_mailbox(Box& box) {
  if (box.record.acl_size() > 0) set_acl(box, {});
  box.change.set_removed(true);
  box.dirty = true;
  freed_names_.emplace_back(MailboxId{box.record.parent()}, box.record.name());
  account_record_.set_mailboxes(account_record_.mailboxes() - std::min(account_record_.mailboxes(), 1u));
  removed_.push_back(box.id);
  modseq();
}

void Edit::rename(Box& box, MailboxId parent, const std::string& name) {
  freed_names_.emplace_back(MailboxId{box.record.parent()}, box.record.name());
  box.record.set_parent(parent.value);
  box.record.set_name(name);
  box.change.set_properties(true);
  box.dirty = true;
  taken_names_[{parent, name}] = box.id;
  modseq();
}

base::Result<std::string> Edit::keyword_numbers(Box& box, const std::vector<std::string>& names, bool add) {
  std::string numbers;
  std::vector<std::string> fresh;
  const auto known = box.record.keywords_size();
  for (const std::string& name : names) {
    if (!valid_keyword(name)) {
      return base::fail(base::Code::invalid, "\"" + base::printable(name) + "\" is no keyword");
    }
    const auto same = [&](const std::string& other) { return base::iequals(name, other); };
    std::ptrdiff_t at = std::ranges::find_if(box.record.keywords(), same) - box.record.keywords().begin();
    if (at == known) {
      if (!add) continue;
      const auto place = std::ranges::find_if(fresh, same);
      at += place - fresh.begin();
      if (place == fresh.end()) fresh.push_back(name);
    }
    if (at >= static_cast<std::ptrdiff_t>(kMaxKeywords)) {
      return base::fail(base::Code::too_large,
                        "the mailbox has " + std::to_string(kMaxKeywords) + " different keywords already");
    }
    numbers += static_cast<char>(at);
  }
  for (std::string& name : fresh) box.record.add_keywords(std::move(name));
  std::ranges::sort(numbers, {}, [](char c) { return static_cast<unsigned char>(c); });
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  return numbers;
}

std::uint64_t held_messages(const schema::MailAccount& account) {
  return std::max<std::uint64_t>(account.placements(), account.emails());
}

base::Result<void> Edit::check_quota(const base::Quota& quota, std::uint64_t bytes, std::uint64_t messages) const {
  const auto check = [](std::uint64_t held, std::uint64_t more, std::uint64_t limit,
                        const char* what) -> base::Result<void> {
    if (limit == 0 || more == 0 || (more <= limit && held <= limit - more)) return {};
    return base::fail(base::Code::over_quota,
                      "the account holds " + std::to_string(held) + " of " + std::to_string(limit) + what);
  };
  TRY(check(account_record_.used_bytes(), bytes, quota.bytes, " bytes"));
  return check(held_messages(account_record_), messages, quota.messages, " messages");
}

base::Result<void> Edit::check_copies(std::size_t count) const {
  const std::uint64_t copies = held_messages(account_record_) - account_record_.emails();
  if (copies + count > kMaxCopies) {
    return base::fail(base::Code::too_large, "the account has " + std::to_string(copies) + " copies of messages; " +
                                                 std::to_string(kMaxCopies) + " are the limit");
  }
  return {};
}

void Edit::forget_placement() {
  account_record_.set_placements(account_record_.placements() -
                                 std::min<std::uint64_t>(account_record_.placements(), 1));
  account_dirty_ = true;
}

base::Result<void> Edit::check_uids(const Box& box, std::size_t count) {
  if (count > std::numeric_limits<Uid>::max() - box.record.uid_next()) {
    return base::fail(base::Code::too_large, "the mailbox has used up its UIDs");
  }
  return {};
}

void Edit::count(Box& box, const schema::PlacementRecord& placement, bool in) {
  // A counter that a broken record made too small stays at zero; check() reports it.
  const auto step32 = [in](std::uint32_t value, bool applies) {
    return !applies ? value : in ? value + 1 : value - std::min(value, 1u);
  };
  schema::MailboxRecord& record = box.record;
  record.set_messages(step32(record.messages(), true));
  record.set_unseen(step32(record.unseen(), (placement.flags() & kSeen) == 0));
  record.set_deleted(step32(record.deleted(), (placement.flags() & kDeleted) != 0));
  record.set_size(in ? record.size() + placement.size() : record.size() - std::min(record.size(), placement.size()));
  record.set_highest_modseq(modseq());
  box.dirty = true;
}

Uid Edit::place(Box& box, schema::PlacementRecord placement) {
  const Uid uid = box.record.uid_next();
  ENSURE(uid != 0 && uid < std::numeric_limits<Uid>::max());
  box.record.set_uid_next(uid + 1);
  placement.set_modseq(modseq());
  const EmailId email{placement.email()};
  tx_->put(kPlacements, {account_, box.id, uid}, placement);
  tx_->put(kPlacementOf, {account_, email, box.id, uid}, store::Nothing{});
  count(box, placement, true);
  account_record_.set_placements(account_record_.placements() + 1);
  account_dirty_ = true;
  if (box.change.created_count() == 0) box.change.set_created_first(uid);
  box.change.set_created_count(box.change.created_count() + 1);
  return uid;
}

void Edit::update(Box& box, Uid uid, const schema::PlacementRecord& was, schema::PlacementRecord now) {
  now.set_modseq(modseq());
  tx_->put(kPlacements, {account_, box.id, uid}, now);
  count(box, was, false);
  count(box, now, true);
  box.change.add_updated(uid);
}

base::Result<std::vector<AccountId>> Edit::seen_by(const Box& box, Uid uid) const {
  std::vector<AccountId> readers;
  for (const auto& [reader, known] : box.readers) {
    TRY_ASSIGN(const auto own, read_own_seen(*tx_, account_, box.id, reader, uid));
    if (own.seen()) readers.push_back(reader);
  }
  return readers;
}

base::Result<void> Edit::set_seen(Box& box, Uid uid, AccountId reader, bool seen) {
  TRY_ASSIGN(auto own, read_own_seen(*tx_, account_, box.id, reader, uid));
  if (own.seen() == seen) return {};
  own.set_seen(seen);
  own.set_modseq(modseq());
  tx_->put(kOwnSeen, {account_, box.id, reader, uid}, own);
  Box::Reader& known = box.readers[reader];
  known.record.set_seen(seen ? known.record.seen() + 1 : known.record.seen() - std::min(known.record.seen(), 1u));
  known.dirty = true;
  box.record.set_read_by_others(true);
  box.record.set_highest_modseq(modseq());
  box.dirty = true;
  if (box.change.created_count() == 0 || uid < box.change.created_first()) box.change.add_updated(uid);
  return {};
}

base::Result<void> Edit::unplace(Box& box, Uid uid, const schema::PlacementRecord& was) {
  TRY_ASSIGN(const auto readers, seen_by(box, uid));
  for (const AccountId reader : readers) {
    Box::Reader& known = box.readers[reader];
    known.record.set_seen(known.record.seen() - std::min(known.record.seen(), 1u));
    known.dirty = true;
  }
  for (const auto& [reader, known] : box.readers) tx_->erase(kOwnSeen, {account_, box.id, reader, uid});
  tx_->erase(kPlacements, {account_, box.id, uid});
  tx_->erase(kPlacementOf, {account_, EmailId{was.email()}, box.id, uid});
  count(box, was, false);
  forget_placement();
  box.change.add_destroyed(uid);
  return {};
}

base::Result<void> Edit::release(EmailId email) {
  auto others = tx_->scan(kPlacementOf, account_, email);
  if (others.valid()) return {};
  if (others.error()) return std::unexpected(*others.error());
  auto record = tx_->get(kEmails, {account_, email});
  if (!record && record.error().code != base::Code::corrupt) return std::unexpected(std::move(record).error());
  if (!record || !*record) {
    // Whose body it was cannot be known any more; check() names it, and the message is gone as it was asked for.
    context_->log.warning("mailstore.email.broken", {{"account", account_.value}, {"email", email.value}});
    return {};
  }
  const base::BlobId blob{(*record)->blob()};
  const auto unlinked = tx_->unlink({.blob = blob, .owner = account_.value, .item = email.value});
  if (!unlinked && unlinked.error().code != base::Code::not_found) return std::unexpected(unlinked.error());
  tx_->erase(kEmails, {account_, email});
  account_record_.set_used_bytes(account_record_.used_bytes() -
                                 std::min(account_record_.used_bytes(), (*record)->size()));
  account_record_.set_emails(account_record_.emails() - std::min<std::uint64_t>(account_record_.emails(), 1));
  account_dirty_ = true;
  return {};
}

void Edit::trim_changes() {
  // Two a step: more than are added, so a shorter limit in a new version is reached without one long step.
  for (int i = 0; i < 2 && account_record_.modseq() - account_record_.change_floor() > kKeptChanges; ++i) {
    account_record_.set_change_floor(account_record_.change_floor() + 1);
    tx_->erase(kChanges, {account_, ModSeq{account_record_.change_floor()}});
  }
}

base::Result<void> Edit::finish() {
  for (const auto& [parent, name] : freed_names_) tx_->erase(kNames, {account_, parent, name});
  for (const auto& [place, id] : taken_names_) {
    schema::MailboxName name;
    name.set_mailbox(id.value);
    tx_->put(kNames, {account_, place.first, place.second}, name);
  }
  for (const auto& [key, there] : grants_) {
    if (there) {
      tx_->put(kGrants, key, store::Nothing{});
    } else {
      tx_->erase(kGrants, key);
    }
  }
  for (const MailboxId id : removed_) {
    tx_->erase(kMailboxes, {account_, id});
    tx_->erase(kAccessKeys, {account_, id});
    tx_->put(kRemovals, {account_, id}, store::Nothing{});
  }
  if (modseq_ != 0) {
    for (auto& [id, box] : boxes_) {
      if (!box.dirty) continue;
      if (!box.change.removed()) tx_->put(kMailboxes, {account_, id}, box.record);
      for (const auto& [reader, known] : box.readers) {
        if (known.dirty) tx_->put(kReaders, {account_, id, reader}, known.record);
      }
      box.change.set_mailbox(id.value);
      std::ranges::sort(*box.change.mutable_updated());
      std::ranges::sort(*box.change.mutable_destroyed());
      change_.mutable_mailboxes()->Add(std::move(box.change));
    }
    tx_->put(kChanges, {account_, modseq_}, change_);
    trim_changes();
    context_->live.assign(account_, modseq_);
  }
  if (fresh_) {
    for (const auto& [name, role] : kFirstMailboxes) {
      tx_->put(kSubscriptions, {account_, std::string(name)}, store::Nothing{});
    }
  }
  if (account_dirty_) tx_->put(kAccounts, {account_}, account_record_);
  return {};
}

}  // namespace mailstore
