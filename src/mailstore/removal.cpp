// What takes many commits: the messages of a removed mailbox, and a whole account. The first commit makes it invisible
// and leaves a record in the table of removals, the last one takes that record away.

#include <limits>

#include "mailstore/impl.h"
#include "mailstore/saved_view.h"

namespace mailstore {
namespace {

/// Removes the next placements of a removed mailbox from `from` on; `from` becomes 0 when none is left.
base::Result<void> drain_step(Edit& edit, MailboxId mailbox, Uid& from) {
  struct Found {
    Uid uid;
    EmailId email;
  };
  const AccountId account = edit.account_id();
  std::vector<Found> found;
  auto cursor =
      edit.tx().scan_range(kPlacements, {account, mailbox, from}, {account, MailboxId{mailbox.value + 1}, Uid{0}});
  for (; cursor.valid() && found.size() < kRemovalBatch; cursor.next()) {
    const auto record = cursor.value();
    found.push_back({std::get<Uid>(cursor.key()), record ? EmailId{record->email()} : EmailId{}});
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& [uid, email] : found) {
    edit.tx().erase(kPlacements, {account, mailbox, uid});
    edit.forget_placement();
    if (!email) continue;
    edit.tx().erase(kPlacementOf, {account, email, mailbox, uid});
    TRY(edit.release(email));
  }
  if (found.size() == kRemovalBatch) {
    from = found.back().uid + 1;
    return {};
  }
  TRY_ASSIGN(bool more, erase_saved_view(edit.tx(), account, mailbox, 0));
  if (!more) {
    TRY_ASSIGN(more, erase_annotations(edit, mailbox));
  }
  if (!more) {
    TRY_ASSIGN(more, erase_readers(edit.tx(), account, mailbox));
  }
  if (!more) edit.tx().erase(kRemovals, {account, mailbox});
  from = more ? std::numeric_limits<Uid>::max() : 0;
  return {};
}

/// Removes up to `kRemovalBatch` records of an account from one table, starting at key `from`, which moves on and is
/// empty at the end. Raw, so that records that do not decode go too.
base::Result<void> purge_step(store::Txn& tx, AccountId account, std::uint8_t table, std::string& from) {
  const std::string prefix = store::encode_key(table, account);
  std::vector<std::pair<std::string, EmailId>> found;
  const auto cursor = tx.scan_raw(from.empty() ? prefix : from, store::prefix_end(prefix));
  for (; cursor->valid() && found.size() < kRemovalBatch; cursor->next()) {
    schema::EmailRecord record;
    const std::string_view value = cursor->value();
    const auto key = store::decode_key<Key<AccountId, EmailId>>(kEmails.id, cursor->key());
    EmailId linked;
    if (key && record.ParseFromArray(value.data(), static_cast<int>(value.size()))) linked = std::get<EmailId>(*key);
    found.emplace_back(std::string(cursor->key()), linked);
    if (linked) {
      const auto unlinked =
          tx.unlink({.blob = base::BlobId{record.blob()}, .owner = account.value, .item = linked.value});
      if (!unlinked && unlinked.error().code != base::Code::not_found) return std::unexpected(unlinked.error());
    }
  }
  if (cursor->error()) return std::unexpected(*cursor->error());
  from = found.size() < kRemovalBatch ? std::string() : found.back().first + '\0';
  for (auto& [key, email] : found) tx.erase_raw(std::move(key));
  return {};
}

base::Error stopping() { return {base::Code::unavailable, "the mail store is being closed"}; }

}  // namespace

net::Task<base::Result<void>> Impl::drain(AccountId account, MailboxId mailbox) {
  Uid next = 1;
  while (next != 0) {
    if (stopping_) co_return std::unexpected(stopping());
    Uid reached = next;
    CO_TRY(co_await context_.store.write(
        {store::Owner::of(account)},
        [&, this](store::Txn& tx) -> base::Result<void> {
          reached = next;
          TRY_ASSIGN(Edit step, Edit::begin(context_, tx, account));
          TRY(drain_step(step, mailbox, reached));
          return step.finish();
        },
        store::Kind::frees_space));
    next = reached;
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::purge(AccountId account) {
  CO_TRY(co_await context_.store.write(
      {store::Owner::of(account)},
      [this, account](store::Txn& tx) -> base::Result<void> {
        auto known = tx.get(kAccounts, {account});
        if (!known && known.error().code != base::Code::corrupt) return std::unexpected(std::move(known).error());
        schema::MailAccount record = known && *known ? **known : schema::MailAccount();
        record.set_removing(true);
        record.set_modseq(record.modseq() + 1);
        tx.put(kAccounts, {account}, record);
        tx.put(kRemovals, {account, MailboxId{}}, store::Nothing{});
        context_.live.assign(account, record.modseq());
        return {};
      },
      store::Kind::frees_space));
  changed(account);
  CO_TRY(co_await purge_grants(account));
  CO_TRY(co_await purge_tables(account));
  views_->drop(account);
  context_.live.forget(account);
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::purge_grants(AccountId account) {
  MailboxId next;
  for (bool done = false; !done;) {
    if (stopping_) co_return std::unexpected(stopping());
    MailboxId reached = next;
    CO_TRY(co_await context_.store.write(
        {store::Owner::of(account)},
        [&](store::Txn& tx) {
          reached = next;
          return remove_grants_step(tx, account, reached, done);
        },
        store::Kind::frees_space));
    next = reached;
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::purge_tables(AccountId account) {
  for (std::uint8_t table = kFirstTable; table <= kLastTable; ++table) {
    // The one says that the rest is still to be done, and goes last; the other stays.
    if (table == kAccounts.id || table == kRemovals.id) continue;
    std::string next;
    do {
      if (stopping_) co_return std::unexpected(stopping());
      std::string reached;
      CO_TRY(co_await context_.store.write(
          {store::Owner::of(account)},
          [&](store::Txn& tx) {
            reached = next;
            return purge_step(tx, account, table, reached);
          },
          store::Kind::frees_space));
      next = reached;
    } while (!next.empty());
  }
  co_return co_await context_.store.write(
      {store::Owner::of(account)},
      [account](store::Txn& tx) -> base::Result<void> {
        std::string next;
        do {
          TRY(purge_step(tx, account, kRemovals.id, next));
        } while (!next.empty());
        // An account's id never comes back, but what was begun before the purge may end behind it, and must not make
        // the account anew: an APPEND whose literal took long would be told OK and file where nobody can look.
        schema::MailAccount removed;
        removed.set_removing(true);
        tx.put(kAccounts, {account}, removed);
        return {};
      },
      store::Kind::frees_space);
}

}  // namespace mailstore
