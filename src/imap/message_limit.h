#pragma once
// Private to the room. On how many messages one command may work, where the operator limits that (Config::max_messages;
// RFC 9738). Of more than that those with the highest UIDs are worked on, and the client is told how far that went;
// what would be wrong when only half done is refused. On the session's loop.

#include <optional>
#include <vector>

#include "imap/driver.h"

namespace imap {

bool exceeds_limit(const Session& session, std::size_t messages);

/// Drops what is too much, the lowest first. The lowest UID that is left; nothing when all are.
std::optional<mailstore::Uid> keep_highest(const Session& session, std::vector<Selected::Run>& runs);
/// The same of UIDs, ascending.
std::optional<mailstore::Uid> keep_highest(const Session& session, std::vector<mailstore::Uid>& uids);
/// The same of the messages of a view that a search looks at.
std::optional<mailstore::Uid> keep_highest(const Session& session, const mailstore::View& view,
                                           std::vector<Range>& uids);

/// Whether there are sets among the topmost keys of a search: else it looks at everything.
bool names_messages(const Search& request);
/// UIDs of what a search has to look at: what the sets among its topmost keys leave.
std::vector<Range> searched(const Selected& selected, const Search& request);
std::size_t count_messages(const mailstore::View& view, const std::vector<Range>& uids);

/// The reply, which says "[MESSAGELIMIT n lowest]" where there is a lowest one; in a line of its own when the reply has
/// a code already.
Reply limited(Session& session, Reply reply, std::optional<mailstore::Uid> lowest);
/// NO: nothing was done.
Reply over_limit(const Session& session);

}  // namespace imap
