#pragma once
// Private to the room. What APPEND and REPLACE share: a message that comes as a literal and goes to the store in the
// chunks that it comes in. On the session's loop.

#include <expected>

#include "imap/driver.h"

namespace imap {

/// What stands against the literal that the framer has announced; such a message is not even sent by a client that
/// waits for us. `room`: bytes that it may have.
std::optional<Reply> check_literal(const Session& session, std::uint64_t room);
/// The mailbox that is to get a message.
net::Task<std::expected<mailstore::MailboxId, Reply>> append_target(Session& session, std::string wire);

/// Accepts the literal and takes its bytes. `more`: another literal was announced behind it, for which the caller
/// decides.
struct TakenMessage {
  std::expected<mailstore::Incoming, Reply> message;
  bool more = false;
};
net::Task<TakenMessage> take_message(Session& session);

mailstore::Mailstore::AppendMessage to_append(const Session& session, mailstore::Incoming message, MessageHead head);

}  // namespace imap
