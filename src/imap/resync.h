#pragma once
// Private to the room. What a client has missed since a mod-sequence (RFC 7162 §3.2): the messages that have vanished
// and the flags that have changed. On the session's loop; errors are those of the mail store.

#include <vector>

#include "imap/command.h"
#include "imap/driver.h"

namespace imap {

/// The UIDs that a set names in the selected mailbox, "*" and "$" resolved.
std::vector<Range> wanted_uids(const Selected& selected, const SequenceSet& set);

/// "* VANISHED (EARLIER) …": which of the UIDs have left the selected mailbox after `since`. Where that is too long ago
/// to be known, all of them that are not in it.
net::Task<base::Result<void>> write_vanished(Session& session, std::vector<Range> uids, mailstore::ModSeq since);

/// The answer to SELECT (QRESYNC …), behind the description of the mailbox that is now selected.
net::Task<base::Result<void>> write_missed(Session& session, Resync resync);

}  // namespace imap
