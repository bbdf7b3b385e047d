#pragma once
// Private to the room (includes protobuf): the records of a queue entry, made from what the session said and why the
// message waits. Everything that a sender asked for is in them, because they are all that is left when it is sent.
// Pure.

#include "base/clock.h"
#include "delivery/plan.h"
#include "delivery/tables.h"
#include "mime/message.h"
#include "smtp/host.h"
#include "store/store.h"

namespace delivery {

/// `account`: who submitted it, or 0. The message is prefix + body.
schema::QueuedMessage queued_message(const smtp::Envelope& envelope, const mime::Message& parsed,
                                     const store::Body& body, const std::string& prefix, base::WallTime now,
                                     base::AccountId account);

/// It could not be filed, or leads nowhere now.
schema::QueuedRecipient waiting(const smtp::Recipient& recipient, base::AccountId account, const base::Error& why);
/// It belongs to another host.
schema::QueuedRecipient to_send(const smtp::Recipient& recipient, const std::string& address);
/// RFC 4865: it is looked up when its time has come.
schema::QueuedRecipient held(const smtp::Recipient& recipient, const smtp::Hold& hold);
/// RFC 3461 §4.1: it was delivered, and its sender wants to be told.
schema::QueuedRecipient delivered(const smtp::Recipient& recipient);

}  // namespace delivery
