#pragma once
// Private to the room (sees protobuf). Views of large mailboxes as records, so that the first one after a start is read
// in pieces of thousands of rows and moved forward by the change records, in place of one record for each message. What
// is saved is a copy: when it is missing, old or broken the placements are read. docs/storage.md has the grammar.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mailstore/rows.h"
#include "net/task.h"
#include "store/store.h"

namespace mailstore {

/// Rows in one record: some 60 KiB.
inline constexpr std::size_t kPieceRows = 4096;

/// Rows of ascending UIDs as bytes, about 14 for each.
std::string encode_rows(std::span<const Row> rows);
/// Appends what encode_rows() made. False for anything else, and for UIDs that are not above that of the last row in
/// `out`; some rows may have been appended then. Keyword sets are not looked at.
bool decode_rows(std::string_view bytes, std::vector<Row>& out);

/// A view and the modseq of its account that it was read at.
struct Synced {
  std::shared_ptr<const Rows> rows;
  ModSeq synced = 0;
};

/// What was saved last, as a view; `record` is the mailbox as it is now. Nothing when none was saved of this
/// UIDVALIDITY. Blocks. Errors: corrupt (why), unavailable.
base::Result<std::optional<Synced>> read_saved_view(const store::Reader& reader, AccountId account, MailboxId mailbox,
                                                    const schema::MailboxRecord& record);

/// Saves a view in commits of about half a MiB, and removes the one that was saved before. Until the last of its own
/// commits the one before counts. Not for two at the same time. not_found: the mailbox was removed meanwhile. Views
/// with too many keyword sets are not saved.
net::Task<base::Result<void>> save_view(store::Store& store, AccountId account, Synced view);

/// Removes some of what was saved of a mailbox, but for the pieces of `kept` (0: and the head). False when nothing is
/// left.
base::Result<bool> erase_saved_view(store::Txn& tx, AccountId account, MailboxId mailbox, std::uint64_t kept);

}  // namespace mailstore
