// Messages in mailboxes: flags, copy, move, expunge. Bulk changes are commits of a few hundred messages, so
// that deliveries to others never wait long for the committer.

#include <algorithm>
#include <exception>
#include <map>
#include <span>

#include "base/check.h"
#include "mailstore/encoded.h"
#include "mailstore/impl.h"
#include "mailstore/structure.h"

namespace mailstore {
namespace {

/// Ascending, each once.
void make_set(std::vector<Uid>& uids) {
  std::ranges::sort(uids);
  uids.erase(std::ranges::unique(uids).begin(), uids.end());
}

/// A message that still exists; nothing for one that is gone, or whose record is broken (which is logged: it must not
/// keep the others from being changed).
base::Result<std::optional<schema::PlacementRecord>> placement(Edit& edit, MailboxId mailbox, Uid uid) {
  auto record = edit.tx().get(kPlacements, {edit.account_id(), mailbox, uid});
  if (!record && record.error().code == base::Code::corrupt) {
    edit.context().log.error("mailstore.placement.broken",
                             {{"account", edit.account_id().value}, {"mailbox", mailbox.value}, {"uid", uid}});
    return std::nullopt;
  }
  return record;
}

bool has(const std::string& numbers, char number) { return numbers.find(number) != std::string::npos; }

/// Both are ascending sets of keyword numbers.
std::string changed_keywords(const std::string& was, FlagChange change, const std::string& given) {
  if (change == FlagChange::set) return given;
  std::string now;
  if (change == FlagChange::remove) {
    std::ranges::copy_if(was, std::back_inserter(now), [&](char number) { return !has(given, number); });
  } else {
    std::ranges::set_union(was, given, std::back_inserter(now), [](char a, char b) {
      return static_cast<unsigned char>(a) < static_cast<unsigned char>(b);
    });
  }
  return now;
}

std::uint32_t changed_flags(std::uint32_t was, FlagChange change, std::uint32_t given) {
  switch (change) {
    case FlagChange::set:
      return given;
    case FlagChange::add:
      return was | given;
    case FlagChange::remove:
      return was & ~given;
  }
  return was;
}

struct FlagOrder {
  FlagChange change;
  Flags flags;
  FlagMask mask;
  std::optional<ModSeq> unchanged_since;
  AccountId reader;
};

/// One batch of STORE. RFC 7162 §3.1.3: what was changed since is left alone and named. Messages that have the flags
/// already keep their modseq.
base::Result<void> change_flags(Edit& edit, MailboxId mailbox, std::span<const Uid> uids, const FlagOrder& order,
                                std::vector<Uid>& refused) {
  TRY_ASSIGN(Edit::Box* const box, edit.mailbox(mailbox));
  const bool own_seen = has_own_seen(box->record, edit.account_id(), order.reader);
  std::optional<std::string> keywords;  // resolved for the first message: no message, no new keyword
  for (const Uid uid : uids) {
    TRY_ASSIGN(const auto there, placement(edit, mailbox, uid));
    if (!there) continue;
    // As the reader has it.
    auto was = static_cast<std::uint8_t>(there->flags() & kAllFlags);
    ModSeq modseq = there->modseq();
    if (own_seen) {
      TRY_ASSIGN(const auto own, read_own_seen(edit.tx(), edit.account_id(), mailbox, order.reader, uid));
      read_as(box->record, own, was, modseq);
    }
    if (order.unchanged_since && modseq > *order.unchanged_since) {
      refused.push_back(uid);
      continue;
    }
    if (!keywords) {
      const bool add = order.change != FlagChange::remove && order.mask.keywords;
      TRY_ASSIGN(keywords, Edit::keyword_numbers(*box, order.flags.keywords, add));
    }
    schema::PlacementRecord now = *there;
    const std::uint32_t flags = changed_flags(was, order.change, order.flags.system & kAllFlags);
    now.set_flags((was & ~std::uint32_t{order.mask.system}) | (flags & order.mask.system));
    if (order.mask.keywords) now.set_keywords(changed_keywords(there->keywords(), order.change, *keywords));
    if (own_seen) {
      TRY(edit.set_seen(*box, uid, order.reader, (now.flags() & kSeen) != 0));
      now.set_flags((now.flags() & ~std::uint32_t{kSeen}) | (there->flags() & kSeen));
    }
    if (now.flags() != there->flags() || now.keywords() != there->keywords()) {
      edit.update(*box, uid, *there, std::move(now));
    }
  }
  return {};
}

/// Keyword numbers of one mailbox as those of another.
class KeywordMap {
 public:
  KeywordMap(const Edit::Box& from, Edit::Box& to) : from_(from), to_(to) {}

  base::Result<std::string> operator()(const std::string& numbers) {
    if (&from_ == &to_ || numbers.empty()) return numbers;
    if (const auto known = known_.find(numbers); known != known_.end()) return known->second;
    std::vector<std::string> names;
    for (const char number : numbers) {
      const auto at = static_cast<unsigned char>(number);
      if (at < from_.record.keywords_size()) names.push_back(from_.record.keywords(at));
    }
    TRY_ASSIGN(std::string mapped, Edit::keyword_numbers(to_, names, true));
    known_.emplace(numbers, mapped);
    return mapped;
  }

 private:
  const Edit::Box& from_;
  Edit::Box& to_;
  std::map<std::string, std::string> known_;
};

/// Who has a message seen where it is copied to.
class Seen {
 public:
  Seen(Edit& source, const Edit::Box& from, Edit& target, const Edit::Box& to, const Target& order)
      : source_(source),
        from_(from),
        reader_(order.reader),
        keeps_((order.keeps.system & kSeen) != 0),
        within_(source.account_id() == target.account_id()),
        own_from_(has_own_seen(from.record, source.account_id(), reader_)),
        own_to_(has_own_seen(to.record, target.account_id(), reader_)),
        all_own_(within_ && from.record.own_seen() && to.record.own_seen()) {}

  /// The readers with a \Seen of their own that have it there; `copy`, as it was, gets the \Seen of the others. Within
  /// an account everybody keeps what it had; what comes from elsewhere is seen by who brings it, as far as that has it
  /// seen and may say so.
  base::Result<std::vector<AccountId>> of(Uid uid, schema::PlacementRecord& copy) {
    if (all_own_) {
      TRY_ASSIGN(auto readers, source_.seen_by(from_, uid));
      if (!keeps_) std::erase(readers, reader_);
      return readers;
    }
    bool seen = (copy.flags() & kSeen) != 0;
    if (own_from_) {
      TRY_ASSIGN(const auto own, read_own_seen(source_.tx(), source_.account_id(), from_.id, reader_, uid));
      seen = own.seen();
    }
    seen = seen && keeps_;
    const bool of_others = own_to_ ? within_ && (copy.flags() & kSeen) != 0 : seen;
    copy.set_flags((copy.flags() & ~std::uint32_t{kSeen}) | (of_others ? kSeen : 0));
    return own_to_ && seen ? std::vector{reader_} : std::vector<AccountId>();
  }

 private:
  Edit& source_;
  const Edit::Box& from_;
  const AccountId reader_;
  const bool keeps_;
  const bool within_;
  const bool own_from_;
  const bool own_to_;
  const bool all_own_;
};

/// An email of another account, as one of this one: with the same body, and a thread of its own here.
base::Result<EmailId> adopt(Edit& source, EmailId email, Edit& target, const base::Quota& quota) {
  store::Txn& tx = target.tx();
  TRY_ASSIGN(auto record, tx.get(kEmails, {source.account_id(), email}));
  if (!record) return base::fail(base::Code::corrupt, "email " + std::to_string(email.value) + " has no record");
  TRY(target.check_quota(quota, record->size()));
  const EmailId made{target.context().store.next_id()};
  mime::EnvelopeFields fields{.message_id = record->message_id()};
  if (const auto structure = decode_structure(record->structure(), 0); structure && !structure->envelopes.empty()) {
    const auto& outer = structure->envelopes.front();
    fields = fields_with_prefix(outer, record->prefix()).value_or(outer);
  }
  TRY_ASSIGN(const Threading threading, find_thread(tx, target.account_id(), thread_ids(fields), made));
  TRY(tx.link({.blob = base::BlobId{record->blob()}, .owner = target.account_id().value, .item = made.value}));
  record->set_thread(threading.thread);
  tx.put(kEmails, {target.account_id(), made}, *record);
  put_thread(tx, target.account_id(), threading);
  schema::MailAccount& account = target.mutable_account();
  account.set_used_bytes(account.used_bytes() + record->size());
  account.set_emails(account.emails() + 1);
  return made;
}

/// RFC 9051 §6.4.7, §6.4.8: flags and INTERNALDATE (which belongs to the email) are kept. `source` and `target` are one
/// where the account is. `to_come`: messages of this and the next steps.
base::Result<Copied> transfer(Edit& source, Edit& target, const Route& route, std::span<const Uid> uids,
                              std::size_t to_come) {
  const bool across = &source != &target;
  TRY_ASSIGN(Edit::Box* const from, source.mailbox(route.from));
  TRY_ASSIGN(Edit::Box* const to, target.mailbox(route.to.mailbox));
  TRY(Edit::check_uids(*to, uids.size()));
  if (!across && !route.remove) {
    TRY(target.check_copies(to_come));
    TRY(target.check_quota(route.to.quota, 0, to_come));
  }
  Copied out{.uid_validity = to->record.uid_validity()};
  KeywordMap keywords(*from, *to);
  Seen seen(source, *from, target, *to, route.to);
  const std::int64_t now = base::unix_seconds(target.context().clock.now());
  for (const Uid uid : uids) {
    TRY_ASSIGN(const auto was, placement(source, route.from, uid));
    if (!was) continue;
    const EmailId email{was->email()};
    schema::PlacementRecord copy = *was;
    TRY_ASSIGN(const auto readers, seen.of(uid, copy));
    copy.set_flags(copy.flags() & (route.to.keeps.system | kSeen));
    copy.clear_keywords();
    if (route.to.keeps.keywords) {
      TRY_ASSIGN(*copy.mutable_keywords(), keywords(was->keywords()));
    }
    copy.set_saved(now);
    if (across) {
      TRY_ASSIGN(const EmailId adopted, adopt(source, email, target, route.to.quota));
      copy.set_email(adopted.value);
    }
    const Uid made = target.place(*to, std::move(copy));
    for (const AccountId reader : readers) TRY(target.set_seen(*to, made, reader, true));
    out.new_uids.push_back(made);
    out.uids.push_back(uid);
    if (!route.remove) continue;
    TRY(source.unplace(*from, uid, *was));
    if (across) TRY(source.release(email));
  }
  return out;
}

base::Result<void> remove_deleted(Edit& edit, MailboxId mailbox, std::span<const Uid> uids, std::vector<Uid>& removed) {
  TRY_ASSIGN(Edit::Box* const box, edit.mailbox(mailbox));
  for (const Uid uid : uids) {
    TRY_ASSIGN(const auto was, placement(edit, mailbox, uid));
    if (!was || (was->flags() & kDeleted) == 0) continue;
    TRY(edit.unplace(*box, uid, *was));
    TRY(edit.release(EmailId{was->email()}));
    removed.push_back(uid);
  }
  return {};
}

/// The next batch of `uids` from `begin` on.
std::span<const Uid> batch(const std::vector<Uid>& uids, std::size_t begin, std::size_t size = kBatch) {
  return std::span(uids).subspan(begin, std::min(size, uids.size() - begin));
}

void append_all(std::vector<Uid>& out, const std::vector<Uid>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

net::Task<base::Result<std::vector<Uid>>> Impl::store_flags(AccountId account, MailboxId mailbox, std::vector<Uid> uids,
                                                            FlagChange change, Flags flags,
                                                            std::optional<ModSeq> unchanged_since, FlagMask mask,
                                                            AccountId reader, OnCommit on_commit) {
  make_set(uids);
  const FlagOrder order{
      .change = change, .flags = std::move(flags), .mask = mask, .unchanged_since = unchanged_since, .reader = reader};
  // On a full disk \Deleted must still be possible, or nobody could make room.
  const bool deletes = change != FlagChange::remove && (order.flags.system & kDeleted) != 0;
  const auto kind = deletes ? store::Kind::frees_space : store::Kind::ordinary;
  std::vector<Uid> refused;
  for (std::size_t begin = 0; begin < uids.size(); begin += kBatch) {
    if (on_commit && begin > 0) co_await on_commit(begin);
    std::vector<Uid> now_refused;
    CO_TRY(co_await edit(
        account,
        [&](Edit& step) {
          now_refused.clear();
          return change_flags(step, mailbox, batch(uids, begin), order, now_refused);
        },
        kind));
    append_all(refused, now_refused);
  }
  co_return refused;
}

net::Task<base::Result<Copied>> Impl::copy(AccountId account, MailboxId from, std::vector<Uid> uids, Target to,
                                           OnCommit on_commit) {
  make_set(uids);
  const bool several = uids.size() > kBatch;
  const Route route{
      .account = account, .from = from, .to = to, .copy = several ? context_.store.next_id() : std::uint64_t{0}};
  base::Result<Copied> copied = base::fail(base::Code::conflict, "the copy was interrupted");
  std::exception_ptr thrown;
  try {
    copied = co_await copy_all(route, uids, on_commit);
  } catch (...) {
    thrown = std::current_exception();
  }
  // RFC 9051 §6.4.7: all or nothing. A commit that failed with its log may still come to light when that is read again,
  // so the record is looked for whatever is known of it here.
  if (!copied && several) {
    if (const auto undone = co_await take_back(route.target(), route.copy); !undone) {
      context_.log.warning("mailstore.copy.interrupted",
                           {{"account", route.target().value}, {"why", undone.error().text}});
      finish_later({.account = route.target(), .copy = route.copy});
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  co_return copied;
}

net::Task<base::Result<Copied>> Impl::transfer_some(const Route& route, std::span<const Uid> uids,
                                                    std::size_t to_come) {
  Copied some;
  const auto step = [&](Edit& source, Edit& target) -> base::Result<void> {
    TRY_ASSIGN(some, transfer(source, target, route, uids, to_come));
    if (route.copy == 0) return {};
    if (to_come > uids.size()) return note_copies(target, route.copy, route.to.mailbox, some.new_uids);
    target.tx().erase(kCopies, {route.target(), route.copy});
    return {};
  };
  if (route.target() == route.account) {
    CO_TRY(co_await edit(route.account, [&step](Edit& only) { return step(only, only); }));
  } else {
    CO_TRY(co_await edit_two(route.account, route.target(), step));
  }
  co_return some;
}

/// In commits of kBatch, which are visible as they are made.
net::Task<base::Result<Copied>> Impl::copy_all(Route route, const std::vector<Uid>& uids, const OnCommit& on_commit) {
  Copied copied;
  for (std::size_t begin = 0; begin == 0 || begin < uids.size(); begin += kBatch) {
    if (on_commit && begin > 0) co_await on_commit(begin);
    CO_TRY_ASSIGN(const Copied some, co_await transfer_some(route, batch(uids, begin), uids.size() - begin));
    copied.uid_validity = some.uid_validity;
    append_all(copied.uids, some.uids);
    append_all(copied.new_uids, some.new_uids);
  }
  co_return copied;
}

net::Task<base::Result<Copied>> Impl::move(AccountId account, MailboxId from, std::vector<Uid> uids, Target to,
                                           OnCommit on_commit) {
  make_set(uids);
  co_return co_await copy_all({.account = account, .from = from, .to = to, .remove = true}, uids, on_commit);
}

net::Task<base::Result<void>> Impl::move_all(AccountId account, MailboxId from, MailboxId to) {
  CO_TRY_ASSIGN(const auto now, co_await view(account, from, {}));
  std::vector<Uid> uids;
  uids.reserve(now->size());
  for (std::size_t i = 0; i < now->size(); ++i) uids.push_back(now->at(i).uid);
  CO_TRY(co_await move(account, from, std::move(uids), {.mailbox = to}, {}));
  co_return base::Result<void>();
}

net::Task<base::Result<std::vector<Uid>>> Impl::expunge(AccountId account, MailboxId mailbox,
                                                        std::optional<std::vector<Uid>> uids) {
  CO_TRY_ASSIGN(const auto now, co_await view(account, mailbox, {}));
  if (uids) make_set(*uids);
  std::vector<Uid> candidates;
  for (std::size_t i = 0; i < now->size(); ++i) {
    const Row& row = now->at(i);
    if ((row.flags & kDeleted) != 0 && (!uids || std::ranges::binary_search(*uids, row.uid))) {
      candidates.push_back(row.uid);
    }
  }
  std::vector<Uid> removed;
  for (std::size_t begin = 0; begin < candidates.size(); begin += kRemovalBatch) {
    std::vector<Uid> now_removed;
    CO_TRY(co_await edit(
        account,
        [&](Edit& step) {
          now_removed.clear();
          return remove_deleted(step, mailbox, batch(candidates, begin, kRemovalBatch), now_removed);
        },
        store::Kind::frees_space));
    append_all(removed, now_removed);
  }
  co_return removed;
}

}  // namespace mailstore
