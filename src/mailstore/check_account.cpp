#include "mailstore/check_account.h"

#include <algorithm>

#include "base/text.h"
#include "mailstore/impl.h"
#include "mailstore/saved_view.h"
#include "mailstore/structure.h"
#include "mailstore/types.h"

namespace mailstore {
namespace {

/// The store's table of links (docs/storage.md): blob, owner, item.
constexpr store::Table<Key<base::BlobId, std::uint64_t, std::uint64_t>, store::Nothing> kLinks{3, "store.link"};

}  // namespace

/// Calls `f(key, value)` for each record of the account, with a null value for one that does not decode.
template <class K, class V, class F>
base::Result<void> AccountCheck::each(const store::Table<K, V>& table, F f) {
  const std::string prefix = store::encode_key(table.id, account_);
  V value;
  const auto cursor = reader_.scan_raw(prefix, store::prefix_end(prefix));
  for (; cursor->valid(); cursor->next()) {
    const auto key = store::decode_key<K>(table.id, cursor->key());
    if (!key) {
      report_({here(), std::string(table.name) + " has the malformed key " + base::hex(cursor->key())});
      continue;
    }
    const std::string_view bytes = cursor->value();
    const bool whole = value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    TRY(f(*key, whole ? &value : nullptr));
  }
  if (cursor->error()) return std::unexpected(*cursor->error());
  return {};
}

void AccountCheck::expect(bool holds, const std::string& where, const std::string& what) {
  if (!holds) report_({where, what});
}

void AccountCheck::expect_equal(std::uint64_t said, std::uint64_t counted, const std::string& where, const char* what) {
  if (said != counted) {
    report_(
        {where, std::string(what) + " is said to be " + std::to_string(said) + " and is " + std::to_string(counted)});
  }
}

base::Result<void> AccountCheck::run() {
  TRY(each(kAccounts, [&](const auto&, const schema::MailAccount* record) -> base::Result<void> {
    if (record) {
      record_ = *record;
    } else {
      report_({here(), "the account's record does not decode"});
    }
    return {};
  }));
  if (record_ && record_->removing()) return check_removed();
  TRY(each(kRemovals, [&](const auto& key, const store::Nothing*) -> base::Result<void> {
    removals_.insert(std::get<MailboxId>(key));
    return {};
  }));
  TRY(read_mailboxes());
  TRY(read_names());
  TRY(read_placements());
  TRY(compare_placement_of());
  TRY(read_emails());
  TRY(read_readers());
  TRY(read_rest());
  compare_mailboxes();
  compare_account();
  return {};
}

/// What is left of it is being removed, or nothing is left of it but the word that it was there.
base::Result<void> AccountCheck::check_removed() {
  std::string ignored;
  TRY_ASSIGN(const bool under_way, reader_.get_raw(store::encode_key(kRemovals.id, account_, MailboxId{}), ignored));
  if (under_way) return {};
  for (std::uint8_t table = kFirstTable; table <= kLastTable; ++table) {
    if (table == kAccounts.id) continue;
    const std::string prefix = store::encode_key(table, account_);
    const auto cursor = reader_.scan_raw(prefix, store::prefix_end(prefix));
    if (cursor->error()) return std::unexpected(*cursor->error());
    expect(!cursor->valid(), here(), "it is removed and has records in table " + std::to_string(table));
  }
  return {};
}

base::Result<void> AccountCheck::read_mailboxes() {
  return each(kMailboxes, [&](const auto& key, const schema::MailboxRecord* record) -> base::Result<void> {
    const MailboxId id = std::get<MailboxId>(key);
    Box& box = boxes_[id];
    if (record) box.record = *record;
    expect(record != nullptr, here(id), "the mailbox's record does not decode");
    return record ? check_acl(id, acl_of(*record)) : base::Result<void>();
  });
}

base::Result<void> AccountCheck::check_acl(MailboxId mailbox, const Acl& acl) {
  expect(std::ranges::is_sorted(acl, {}, &AclEntry::grantee), here(mailbox), "its rights are not in order");
  expect(acl.size() <= kMaxAclEntries, here(mailbox), "it has more rights than there may be");
  for (const AclEntry& entry : acl) {
    const auto key = grant_key(entry.grantee, account_, mailbox);
    TRY_ASSIGN(const auto grant, reader_.get(kGrants, key));
    expect(grant.has_value(), here(mailbox), "the rights of " + std::get<std::string>(key) + " have no grant");
  }
  return {};
}

base::Result<void> AccountCheck::read_names() {
  return each(kNames, [&](const auto& key, const schema::MailboxName* name) -> base::Result<void> {
    const auto& [account, parent, text] = key;
    const std::string where =
        here() + ", name \"" + base::printable(text) + "\" below mailbox " + std::to_string(parent.value);
    expect(parent == kTop || boxes_.contains(parent), where, "there is no such parent");
    if (!name) {
      report_({where, "the name's record does not decode"});
      return {};
    }
    const auto found = boxes_.find(MailboxId{name->mailbox()});
    if (found == boxes_.end()) {
      report_({where, "it names mailbox " + std::to_string(name->mailbox()) + ", which does not exist"});
      return {};
    }
    ++found->second.names;
    const auto& record = found->second.record;
    expect(!record || (record->parent() == parent.value && record->name() == text), where,
           "mailbox " + std::to_string(name->mailbox()) + " says that its name is another");
    return {};
  });
}

void AccountCheck::check_placement(MailboxId mailbox, Uid uid, const schema::PlacementRecord& record) {
  const auto found = boxes_.find(mailbox);
  if (found == boxes_.end()) {
    expect(removals_.contains(mailbox), here(mailbox, uid), "the message stands in a mailbox that does not exist");
    return;
  }
  Box& box = found->second;
  box.unseen += (record.flags() & kSeen) == 0 ? 1 : 0;
  box.deleted += (record.flags() & kDeleted) != 0 ? 1 : 0;
  box.size += record.size();
  box.highest_modseq = std::max(box.highest_modseq, record.modseq());
  if (!box.record) return;
  const bool known = std::ranges::all_of(
      record.keywords(), [&](char number) { return static_cast<unsigned char>(number) < box.record->keywords_size(); });
  expect(known, here(mailbox, uid), "the message has a keyword that its mailbox does not know");
  expect((record.flags() & ~std::uint32_t{kAllFlags}) == 0, here(mailbox, uid), "the message has unknown flags");
}

/// The saved view of the mailbox whose placements come next.
base::Result<void> AccountCheck::read_saved(MailboxId mailbox) {
  saved_of_ = mailbox;
  saved_ = {};
  saved_at_ = 0;
  const auto found = boxes_.find(mailbox);
  if (found == boxes_.end() || !found->second.record) return {};
  auto saved = read_saved_view(reader_, account_, mailbox, *found->second.record);
  if (!saved && saved.error().code == base::Code::unavailable) return std::unexpected(saved.error());
  expect(saved.has_value(), here(mailbox), saved ? "" : saved.error().text);
  if (saved && *saved) saved_ = **saved;
  expect(!record_ || saved_.synced <= record_->modseq(), here(mailbox), "its saved view is ahead of the account");
  return {};
}

/// A message that has not changed since its mailbox was saved is there as it is.
void AccountCheck::compare_saved(MailboxId mailbox, Uid uid, const schema::PlacementRecord& record) {
  if (!saved_.rows || record.modseq() > saved_.synced) return;
  const Rows& rows = *saved_.rows;
  while (saved_at_ < rows.size() && rows.at(saved_at_).uid < uid) ++saved_at_;
  const Row* row = saved_at_ < rows.size() ? &rows.at(saved_at_) : nullptr;
  const auto number = rows.sets().numbers.find(record.keywords());
  expect(row != nullptr && row->uid == uid && row->modseq == record.modseq() && row->flags == record.flags() &&
             row->email.value == record.email() && number != rows.sets().numbers.end() &&
             row->keywords == number->second,
         here(mailbox, uid), "the saved view of the mailbox has it otherwise");
}

base::Result<void> AccountCheck::read_placements() {
  TRY(each(kPlacements, [&](const auto& key, const schema::PlacementRecord* record) -> base::Result<void> {
    const auto& [account, mailbox, uid] = key;
    ++placements_;
    if (mailbox != saved_of_) {
      TRY(read_saved(mailbox));
    }
    if (const auto found = boxes_.find(mailbox); found != boxes_.end()) {
      ++found->second.messages;
      found->second.last_uid = uid;
      found->second.broken_placements |= record == nullptr;
    }
    if (!record) {
      report_({here(mailbox, uid), "the message's placement record does not decode"});
      broken_placements_.emplace(mailbox, uid);
      return {};
    }
    check_placement(mailbox, uid, *record);
    compare_saved(mailbox, uid, *record);
    references_.push_back({EmailId{record->email()}, mailbox, uid, record->size()});
    return {};
  }));
  std::ranges::sort(references_, {}, &Reference::place);
  return {};
}

base::Result<void> AccountCheck::compare_placement_of() {
  std::vector<Reference> of_broken;
  auto next = references_.begin();
  const auto missing = [&](const Reference& reference) {
    report_({here(reference.mailbox, reference.uid),
             "email " + std::to_string(reference.email.value) + " does not know that it stands here"});
  };
  TRY(each(kPlacementOf, [&](const auto& key, const store::Nothing*) -> base::Result<void> {
    const auto& [account, email, mailbox, uid] = key;
    const auto place = std::tuple(email, mailbox, uid);
    for (; next != references_.end() && next->place() < place; ++next) missing(*next);
    if (next != references_.end() && next->place() == place) {
      ++next;
    } else if (broken_placements_.contains({mailbox, uid})) {
      of_broken.push_back({email, mailbox, uid, 0});
    } else {
      report_({here(mailbox, uid), "email " + std::to_string(email.value) + " is said to stand here and does not"});
    }
    return {};
  }));
  for (; next != references_.end(); ++next) missing(*next);
  references_.insert(references_.end(), of_broken.begin(), of_broken.end());
  std::ranges::sort(references_, {}, &Reference::place);
  return {};
}

base::Result<void> AccountCheck::check_email(EmailId email, const schema::EmailRecord& record) {
  const base::BlobId blob{record.blob()};
  const bool readable = record.structure().empty() || decode_structure(record.structure(), 0);
  expect(readable, here(email), "its structure cannot be read");
  std::string nothing;
  TRY_ASSIGN(const bool linked,
             reader_.get_raw(store::encode_key(kLinks.id, blob, account_.value, email.value), nothing));
  expect(linked, here(email), "its body " + std::to_string(blob.value) + " has no link to it");
  const auto size = reader_.body_size(blob);
  if (size) {
    expect_equal(record.size(), record.prefix().size() + *size, here(email), "its size");
  } else if (size.error().code == base::Code::unavailable) {
    return std::unexpected(size.error());
  } else {
    report_({here(email), "its body " + std::to_string(blob.value) + " cannot be read: " + size.error().text});
  }
  return {};
}

base::Result<void> AccountCheck::read_emails() {
  auto next = references_.begin();
  const auto without_email = [&](const Reference& reference) {
    report_({here(reference.mailbox, reference.uid),
             "its email " + std::to_string(reference.email.value) + " does not exist"});
  };
  TRY(each(kEmails, [&](const auto& key, const schema::EmailRecord* record) -> base::Result<void> {
    const EmailId email = std::get<EmailId>(key);
    for (; next != references_.end() && next->email < email; ++next) without_email(*next);
    expect(next != references_.end() && next->email == email, here(email), "it stands in no mailbox");
    ++emails_;
    for (; next != references_.end() && next->email == email; ++next) {
      if (!record || broken_placements_.contains({next->mailbox, next->uid})) continue;
      expect_equal(next->size, record->size(), here(next->mailbox, next->uid), "its size");
    }
    if (!record) {
      report_({here(email), "the email's record does not decode"});
      broken_emails_ = true;
      return {};
    }
    email_bytes_ += record->size();
    return check_email(email, *record);
  }));
  for (; next != references_.end(); ++next) without_email(*next);
  return {};
}

base::Result<void> AccountCheck::read_readers() {
  TRY(each(kOwnSeen, [&](const auto& key, const schema::OwnSeen* record) -> base::Result<void> {
    const auto& [account, mailbox, reader, uid] = key;
    if (removals_.contains(mailbox)) return {};
    const std::string where = here(mailbox, uid) + ", \\Seen of account " + std::to_string(reader.value);
    std::string placement;
    TRY_ASSIGN(const bool there, reader_.get_raw(store::encode_key(kPlacements.id, account, mailbox, uid), placement));
    expect(there, where, "there is no such message");
    expect(record != nullptr, where, "its record does not decode");
    if (record == nullptr) return {};
    Box& box = boxes_[mailbox];
    box.seen_by[reader] += record->seen() ? 1 : 0;
    box.highest_modseq = std::max<ModSeq>(box.highest_modseq, record->modseq());
    return {};
  }));
  TRY(each(kReaders, [&](const auto& key, const schema::ReaderRecord* record) -> base::Result<void> {
    const auto& [account, mailbox, reader] = key;
    if (removals_.contains(mailbox)) return {};
    const std::string where = here(mailbox) + ", reader " + std::to_string(reader.value);
    const auto box = boxes_.find(mailbox);
    expect(box != boxes_.end(), where, "there is no such mailbox");
    expect(record != nullptr, where, "its record does not decode");
    if (box == boxes_.end()) return {};
    expect(!box->second.record || box->second.record->read_by_others(), where, "the mailbox does not know of it");
    const auto seen = box->second.seen_by.extract(reader);
    if (record)
      expect_equal(record->seen(), seen ? seen.mapped() : 0, where, "the number of messages that it has seen");
    return {};
  }));
  for (const auto& [id, box] : boxes_) {
    for (const auto& [reader, seen] : box.seen_by) {
      expect(seen == 0, here(id) + ", reader " + std::to_string(reader.value), "it has no record");
    }
  }
  return {};
}

base::Result<void> AccountCheck::read_rest() {
  TRY(each(kThreads, [&](const auto& key, const schema::ThreadRecord* record) -> base::Result<void> {
    expect(record && record->thread() != 0, here() + ", thread " + std::to_string(std::get<1>(key)),
           "the thread's record does not decode");
    return {};
  }));
  TRY(each(kCopies, [&](const auto& key, const schema::CopyRecord* record) -> base::Result<void> {
    expect(record != nullptr, here() + ", copy " + std::to_string(std::get<1>(key)),
           "the copy's record does not decode");
    return {};
  }));
  ModSeq expected = record_ ? record_->change_floor() + 1 : 0;
  TRY(each(kChanges, [&](const auto& key, const schema::ChangeRecord* record) -> base::Result<void> {
    const ModSeq modseq = std::get<ModSeq>(key);
    const std::string where = here() + ", change " + std::to_string(modseq);
    expect(record != nullptr, where, "the change record does not decode");
    expect(!record_ || modseq == expected, where, "change " + std::to_string(expected) + " was expected here");
    expected = modseq + 1;
    return {};
  }));
  expect(!record_ || expected == record_->modseq() + 1, here(), "the last change records are missing");
  std::uint64_t subscriptions = 0;
  TRY(each(kSubscriptions, [&](const auto&, const store::Nothing*) -> base::Result<void> {
    ++subscriptions;
    return {};
  }));
  if (record_) expect_equal(record_->subscriptions(), subscriptions, here(), "the number of subscriptions");
  TRY(each(kAccessKeys, [&](const auto& key, const schema::AccessKey* record) -> base::Result<void> {
    const MailboxId id = std::get<MailboxId>(key);
    expect(boxes_.contains(id), here(id), "there is an access key of it, and no such mailbox");
    expect(record && record->key().size() == kAccessKeyBytes, here(id), "its access key does not decode");
    return {};
  }));
  std::uint64_t annotated = 0;
  bool broken = false;
  TRY(each(kAnnotations, [&](const auto& key, const schema::AnnotationRecord* record) -> base::Result<void> {
    const auto& [account, owner, id, name] = key;
    const std::string where = here(id) + ", annotation \"" + base::printable(name) + "\"";
    // Of a removed mailbox somebody else's private ones stay with them.
    expect(owner != account || !id || boxes_.contains(id) || removals_.contains(id), where, "there is no such mailbox");
    expect(record != nullptr, where, "its record does not decode");
    if (record == nullptr) {
      broken = true;
      return {};
    }
    expect(valid_annotation(record->name()) && base::lower(record->name()) == name, where, "its name is another");
    annotated += record->name().size() + record->value().size();
    return {};
  }));
  if (record_ && !broken) expect_equal(record_->annotation_bytes(), annotated, here(), "the space of its annotations");
  return each(kNameHistory, [&](const auto&, const schema::NameHistory* record) -> base::Result<void> {
    expect(record != nullptr, here(), "a record of the history of names does not decode");
    return {};
  });
}

void AccountCheck::compare_mailboxes() {
  for (const auto& [id, box] : boxes_) {
    expect(box.names == 1, here(id), "it has " + std::to_string(box.names) + " names");
    if (!box.record) continue;
    const schema::MailboxRecord& record = *box.record;
    expect_equal(record.messages(), box.messages, here(id), "the number of messages");
    expect(record.uid_next() > box.last_uid, here(id), "UIDNEXT is not above uid " + std::to_string(box.last_uid));
    expect(record.highest_modseq() >= box.highest_modseq, here(id),
           "the highest modseq is below " + std::to_string(box.highest_modseq) + " of a message");
    expect(!record.place_only() || box.messages == 0, here(id), "it cannot be selected and holds messages");
    expect(record.uid_validity() != 0, here(id), "UIDVALIDITY is 0");
    if (record_) {
      expect(record.highest_modseq() <= record_->modseq(), here(id), "its highest modseq is above the account's");
      expect(record.uid_validity() <= record_->last_uid_validity(), here(id),
             "its UIDVALIDITY is above the last one that was given out");
    }
    if (box.broken_placements) continue;  // what they would add cannot be known
    expect_equal(record.unseen(), box.unseen, here(id), "the number of unseen messages");
    expect_equal(record.deleted(), box.deleted, here(id), "the number of deleted messages");
    expect_equal(record.size(), box.size, here(id), "the size of its messages");
  }
}

void AccountCheck::compare_account() {
  if (!record_) return;
  expect(boxes_.contains(MailboxId{record_->inbox()}), here(), "there is no INBOX");
  expect_equal(record_->mailboxes(), boxes_.size(), here(), "the number of mailboxes");
  expect(boxes_.empty() || record_->last_mailbox() >= boxes_.rbegin()->first.value, here(),
         "the last mailbox id is below that of a mailbox");
  expect_equal(record_->emails(), emails_, here(), "the number of emails");
  expect_equal(record_->placements(), placements_, here(), "the number of placements");
  if (!broken_emails_) expect_equal(record_->used_bytes(), email_bytes_, here(), "the space in use");
}

}  // namespace mailstore
