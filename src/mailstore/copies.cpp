// Copies of more messages than one commit takes. RFC 9051 §6.4.7: a COPY that fails leaves the destination as it was.
// The commits before the last write down, in the table of copies, which UIDs they have made; the last one takes that
// record away, and with it the copy is done. Whatever ends it earlier, a refusal, a full disk or a crash, the record
// says what is to be taken back.

#include "mailstore/impl.h"

namespace mailstore {
namespace {

struct Found {
  Uid uid;
  schema::PlacementRecord record;
};

/// Takes the next copies out of the record's last range, which shrinks with it; up to `limit`. A broken placement
/// stays for check() to name.
base::Result<std::vector<Found>> next_copies(Edit& edit, schema::CopyRecord& record, std::size_t limit) {
  const AccountId account = edit.account_id();
  const MailboxId mailbox{record.mailbox()};
  schema::UidRange& range = *record.mutable_made()->rbegin();
  std::vector<Found> found;
  auto cursor = edit.tx().scan_range(kPlacements, {account, mailbox, Uid{range.first()}},
                                     {account, mailbox, Uid{range.first() + range.count()}});
  Uid reached = range.first();
  for (; cursor.valid() && found.size() < limit; cursor.next()) {
    reached = std::get<Uid>(cursor.key()) + 1;
    if (auto placement = cursor.value()) found.push_back({reached - 1, *std::move(placement)});
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (cursor.valid()) {
    range.set_count(range.count() - (reached - range.first()));
    range.set_first(reached);
  } else {
    record.mutable_made()->RemoveLast();
  }
  return found;
}

/// One batch. `done` when nothing of the copy is left.
base::Result<void> take_back_step(Edit& edit, std::uint64_t copy, bool& done) {
  TRY_ASSIGN(auto record, edit.tx().get(kCopies, {edit.account_id(), copy}));
  done = !record;
  if (done) return {};
  const auto box = edit.mailbox(MailboxId{record->mailbox()}, false);
  if (!box && box.error().code != base::Code::not_found) return std::unexpected(box.error());
  if (!box) record->clear_made();  // it was removed, and they with it
  for (std::size_t room = kRemovalBatch; room > 0 && record->made_size() > 0;) {
    TRY_ASSIGN(const auto found, next_copies(edit, *record, room));
    for (const auto& [uid, placement] : found) {
      TRY(edit.unplace(**box, uid, placement));
      TRY(edit.release(EmailId{placement.email()}));
    }
    room -= found.size();
  }
  done = record->made_size() == 0;
  if (done) {
    edit.tx().erase(kCopies, {edit.account_id(), copy});
  } else {
    edit.tx().put(kCopies, {edit.account_id(), copy}, *record);
  }
  return {};
}

}  // namespace

base::Result<void> note_copies(Edit& edit, std::uint64_t copy, MailboxId to, const std::vector<Uid>& made) {
  if (made.empty()) return {};
  TRY_ASSIGN(auto known, edit.tx().get(kCopies, {edit.account_id(), copy}));
  schema::CopyRecord record = known ? *std::move(known) : schema::CopyRecord();
  record.set_mailbox(to.value);
  // One step's UIDs follow each other, and those of the step before unless a message came between.
  const bool follows =
      record.made_size() > 0 && record.made().rbegin()->first() + record.made().rbegin()->count() == made.front();
  schema::UidRange& range = follows ? *record.mutable_made()->rbegin() : *record.add_made();
  if (!follows) range.set_first(made.front());
  range.set_count(range.count() + static_cast<std::uint32_t>(made.size()));
  edit.tx().put(kCopies, {edit.account_id(), copy}, record);
  return {};
}

net::Task<base::Result<void>> Impl::take_back(AccountId account, std::uint64_t copy) {
  for (bool done = false; !done;) {
    if (stopping_) co_return base::fail(base::Code::unavailable, "the mail store is being closed");
    CO_TRY(
        co_await edit(account, [&](Edit& step) { return take_back_step(step, copy, done); }, store::Kind::frees_space));
  }
  co_return base::Result<void>();
}

}  // namespace mailstore
