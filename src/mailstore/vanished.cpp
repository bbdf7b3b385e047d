// What has left a mailbox since a client last saw it (RFC 7162 §3.2), from the change records.
#include <algorithm>

#include "mailstore/impl.h"

namespace mailstore {
namespace {

base::Result<std::optional<std::vector<Uid>>> read_vanished(const store::Reader& reader, AccountId account,
                                                            MailboxId mailbox, ModSeq since) {
  TRY_ASSIGN(const auto record, reader.get(kAccounts, {account}));
  if (!record || record->removing()) return base::fail(base::Code::not_found, "the account is removed");
  const ModSeq now = record->modseq();
  if (since < record->change_floor()) return std::nullopt;
  std::vector<Uid> gone;
  if (since >= now) return gone;
  auto cursor = reader.scan_range(kChanges, {account, ModSeq{since + 1}}, {account, ModSeq{now + 1}});
  for (ModSeq expected = since + 1; expected <= now; ++expected, cursor.next()) {
    if (!cursor.valid() || std::get<ModSeq>(cursor.key()) != expected) {
      if (cursor.error()) return std::unexpected(*cursor.error());
      return std::nullopt;
    }
    const auto change = cursor.value();
    if (!change) return std::nullopt;
    for (const schema::MailboxChange& part : change->mailboxes()) {
      if (part.mailbox() == mailbox.value) gone.insert(gone.end(), part.destroyed().begin(), part.destroyed().end());
    }
    if (gone.size() > kMaxVanished) return std::nullopt;
  }
  std::ranges::sort(gone);
  return gone;
}

}  // namespace

net::Task<base::Result<std::optional<std::vector<Uid>>>> Impl::vanished(AccountId account, MailboxId mailbox,
                                                                        ModSeq since) {
  return context_.store.read([account, mailbox, since](const store::Reader& reader) {
    return read_vanished(reader, account, mailbox, since);
  });
}

}  // namespace mailstore
