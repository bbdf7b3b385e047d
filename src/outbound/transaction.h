#pragma once
// Private to the room: one message over one session, to recipients of whom the host hears for the first time. What the
// host lacks for the message is seen before anything is said (RFC 6531 §3.5, 3030 §4.1, 8689 §4.2.1).

#include <functional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "outbound/session.h"

namespace outbound {

/// A recipient of the message that has no final outcome yet, and what is known of it.
struct Pending {
  smtp::Recipient recipient;
  std::size_t index = 0;           // in what the caller asked for
  std::optional<Outcome> outcome;  // of this transaction; nothing: it did not come to that
};

struct Delivery {
  const Message& message;
  const std::function<bool()>& may_commit;
  const base::Clock& clock;
};

struct TransactionResult {
  /// What stands for those without an outcome of their own.
  std::optional<Outcome> problem;
  bool spoke = false;   // the host was asked
  bool usable = false;  // the session may be used again
  bool alive = false;   // or at least be ended politely
  bool final = false;   // nobody may be tried at another host now: the message may have been taken, or must wait
};

/// Fills in the outcomes. Never throws. Keeps `session`, `delivery` and `pending` referred to until it ends.
net::Task<TransactionResult> transact(Session& session, Delivery delivery, std::span<Pending> pending);

/// MAIL, RCPT and RSET only.
net::Task<TransactionResult> ask(Session& session, std::string sender, std::span<Pending> pending);

}  // namespace outbound
