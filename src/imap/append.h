#pragma once
// Private to the room. What APPEND and REPLACE share: messages that come as literals, or are put together from literals
// and from parts of messages that are here already (RFC 4469), and go to the store in the chunks that they come in. On
// the session's loop.

#include <expected>
#include <vector>

#include "imap/places.h"

namespace imap {

/// The mailbox that is to get a message.
net::Task<std::expected<Found, Reply>> append_target(Session& session, std::string wire);

/// The messages of the command, `most` at most, or what is answered instead; never none. Together they have no more
/// bytes than one may have. A literal that is announced when something stands against it is left to the driver, who
/// refuses it.
using Messages = std::vector<mailstore::Mailstore::AppendMessage>;
/// They have the flags that may be set there, and count for its owner.
net::Task<std::expected<Messages, Reply>> take_messages(Session& session, AppendPiece piece, std::size_t most,
                                                        const Found& target);

}  // namespace imap
