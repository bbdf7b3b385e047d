// What has changed in an account since a client last looked (RFC 7162 §3.2, RFC 5465), from the change records.
#include <algorithm>
#include <map>
#include <set>

#include "mailstore/impl.h"

namespace mailstore {
namespace {

/// Calls `take` with each change record after `since`, until it says false; `until` is the modseq of the last one that
/// there is. False: they are not all there any more, or it was said. not_found: the account is removed.
template <class F>
base::Result<bool> each_change(const store::Reader& reader, AccountId account, ModSeq since, ModSeq& until, F take) {
  TRY_ASSIGN(const auto record, reader.get(kAccounts, {account}));
  if (!record || record->removing()) return base::fail(base::Code::not_found, "the account is removed");
  until = record->modseq();
  if (since >= until) return true;
  if (since < record->change_floor()) return false;
  auto cursor = reader.scan_range(kChanges, {account, ModSeq{since + 1}}, {account, ModSeq{until + 1}});
  for (ModSeq expected = since + 1; expected <= until; ++expected, cursor.next()) {
    if (!cursor.valid() || std::get<ModSeq>(cursor.key()) != expected) {
      if (cursor.error()) return std::unexpected(*cursor.error());
      return false;
    }
    const auto change = cursor.value();
    if (!change || !take(*change)) return false;
  }
  return true;
}

base::Result<std::optional<std::vector<Uid>>> read_vanished(const store::Reader& reader, AccountId account,
                                                            MailboxId mailbox, ModSeq since) {
  std::vector<Uid> gone;
  ModSeq until = 0;
  TRY_ASSIGN(const bool known, each_change(reader, account, since, until, [&](const schema::ChangeRecord& change) {
               for (const schema::MailboxChange& part : change.mailboxes()) {
                 if (part.mailbox() != mailbox.value) continue;
                 gone.insert(gone.end(), part.destroyed().begin(), part.destroyed().end());
               }
               return gone.size() <= kMaxVanished;
             }));
  if (!known) return std::nullopt;
  std::ranges::sort(gone);
  return gone;
}

base::Result<Changes> read_changes(const store::Reader& reader, AccountId account, ModSeq since) {
  Changes all;
  std::map<MailboxId, Changes::OfMailbox> mailboxes;
  std::set<Changes::OfAnnotation> annotations;
  std::set<std::string> subscriptions;
  TRY_ASSIGN(all.known, each_change(reader, account, since, all.until, [&](const schema::ChangeRecord& change) {
               for (const schema::MailboxChange& part : change.mailboxes()) {
                 const MailboxId id{part.mailbox()};
                 Changes::OfMailbox& mailbox =
                     mailboxes.try_emplace(id, Changes::OfMailbox{.mailbox = id}).first->second;
                 mailbox.created |= part.created_count() > 0;
                 mailbox.updated |= part.updated_size() > 0;
                 mailbox.destroyed |= part.destroyed_size() > 0;
                 mailbox.properties |= part.properties();
                 mailbox.removed |= part.removed();
               }
               for (const schema::AnnotationChange& note : change.annotations()) {
                 annotations.insert({AccountId{note.owner()}, MailboxId{note.mailbox()}, note.name()});
               }
               subscriptions.insert(change.subscriptions().begin(), change.subscriptions().end());
               return true;
             }));
  if (!all.known) return all;
  for (const auto& [id, mailbox] : mailboxes) all.mailboxes.push_back(mailbox);
  all.annotations.assign(annotations.begin(), annotations.end());
  all.subscriptions.assign(subscriptions.begin(), subscriptions.end());
  return all;
}

}  // namespace

net::Task<base::Result<Changes>> Impl::changes(AccountId account, ModSeq since) {
  return context_.store.read(
      [account, since](const store::Reader& reader) { return read_changes(reader, account, since); });
}

net::Task<base::Result<std::optional<std::vector<Uid>>>> Impl::vanished(AccountId account, MailboxId mailbox,
                                                                        ModSeq since) {
  return context_.store.read([account, mailbox, since](const store::Reader& reader) {
    return read_vanished(reader, account, mailbox, since);
  });
}

}  // namespace mailstore
