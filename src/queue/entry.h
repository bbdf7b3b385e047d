#pragma once
// Private to queue and delivery (includes protobuf): the records of a queue entry, made from what the session said and
// why the message waits. Everything that a sender asked for is in them, because they are all that is left when it is
// sent. Pure.

#include "base/clock.h"
#include "mime/message.h"
#include "queue/tables.h"
#include "smtp/host.h"
#include "store/store.h"

namespace queue {

/// `user`: who submitted it; without an account nobody did. The message is prefix + body.
schema::QueuedMessage queued_message(const smtp::Envelope& envelope, const mime::Message& parsed,
                                     const store::Body& body, const std::string& prefix, base::WallTime now,
                                     const smtp::User& user);

/// It could not be filed, or leads nowhere now.
schema::QueuedRecipient waiting(const smtp::Recipient& recipient, base::AccountId account, const base::Error& why);
/// It belongs to another host.
schema::QueuedRecipient to_send(const smtp::Recipient& recipient, const std::string& address);
/// RFC 4865: it is looked up when its time has come.
schema::QueuedRecipient held(const smtp::Recipient& recipient, const smtp::Hold& hold);
/// RFC 3461 §4.1: it was delivered, and its sender wants to be told.
schema::QueuedRecipient delivered(const smtp::Recipient& recipient);

/// Why it waits, as a record says it.
schema::QueuedReason reason_of(base::Code code);

/// The way back: what the session had said, for the host that it is sent to. Without recipients.
smtp::Envelope envelope_of(const schema::QueuedMessage& message);
smtp::Recipient recipient_of(const schema::QueuedRecipient& record);

}  // namespace queue
