// Access keys of mailboxes (RFC 4467 §2.2): made when they are first needed, replaced and removed when a client asks
// for that. They go with their mailbox (Edit::finish) or account (purge).

#include "crypto/random.h"
#include "mailstore/impl.h"

namespace mailstore {
namespace {

std::string put_new_key(Edit& edit, MailboxId mailbox) {
  schema::AccessKey record;
  record.set_key(crypto::random_bytes(kAccessKeyBytes));
  edit.tx().put(kAccessKeys, {edit.account_id(), mailbox}, record);
  return record.key();
}

/// For the sessions that have the mailbox selected. Its highest modseq stays, for no message has changed.
void note_change(Edit& edit, Edit::Box& box) {
  box.record.set_access_key_modseq(edit.modseq());
  box.change.set_properties(true);
  box.dirty = true;
}

/// Removes the next keys from mailbox `from` on, which becomes 0 when none is left.
base::Result<void> remove_step(Edit& edit, MailboxId& from) {
  const AccountId account = edit.account_id();
  std::vector<MailboxId> found;
  auto cursor = edit.tx().scan_range(kAccessKeys, {account, from}, {AccountId{account.value + 1}, MailboxId{}});
  for (; cursor.valid() && found.size() < kBatch; cursor.next()) found.push_back(std::get<MailboxId>(cursor.key()));
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const MailboxId id : found) {
    edit.tx().erase(kAccessKeys, {account, id});
    const auto box = edit.mailbox(id, false);
    if (box) {
      note_change(edit, **box);
    } else if (box.error().code == base::Code::unavailable) {
      return std::unexpected(box.error());
    }
  }
  from = found.size() < kBatch ? MailboxId{} : MailboxId{found.back().value + 1};
  return {};
}

}  // namespace

net::Task<base::Result<std::string>> Impl::access_key(AccountId account, MailboxId mailbox, bool make) {
  CO_TRY_ASSIGN(auto known, co_await context_.store.read([account, mailbox](const store::Reader& reader) {
    return reader.get(kAccessKeys, {account, mailbox});
  }));
  if (known) co_return std::move(*known->mutable_key());
  if (!make) co_return base::fail(base::Code::not_found, "the mailbox has no access key");
  std::string key;
  CO_TRY(co_await edit(account, [mailbox, &key](Edit& step) -> base::Result<void> {
    TRY(step.mailbox(mailbox));
    TRY_ASSIGN(const auto other, step.tx().get(kAccessKeys, {step.account_id(), mailbox}));
    key = other ? other->key() : put_new_key(step, mailbox);
    return {};
  }));
  co_return std::move(key);
}

net::Task<base::Result<void>> Impl::replace_access_key(AccountId account, MailboxId mailbox) {
  return edit(account, [mailbox](Edit& step) -> base::Result<void> {
    TRY_ASSIGN(Edit::Box* const box, step.mailbox(mailbox));
    put_new_key(step, mailbox);
    note_change(step, *box);
    return {};
  });
}

net::Task<base::Result<void>> Impl::remove_access_keys(AccountId account) {
  MailboxId next{1};
  while (next) {
    MailboxId reached = next;
    CO_TRY(co_await edit(account, [&reached, next](Edit& step) {
      reached = next;
      return remove_step(step, reached);
    }));
    next = reached;
  }
  co_return base::Result<void>();
}

}  // namespace mailstore
