#pragma once
// Schedule: what becomes of a recipient after an attempt: it is done with, or tried again at a time, and whether its
// sender is to be told. Pure; times are wall times, and a jump of the clock alone ends nothing.
// RFC 5321 §4.5.4.1, RFC 3461 §5.2, RFC 2852 §4.

#include <optional>
#include <string>

#include "base/clock.h"
#include "queue/config.h"
#include "queue/tables.h"

namespace queue {

/// RFC 3464 §2.3.3. `expired` is a failure whose cause is that its time is over.
enum class Action { failed, expired, delayed, delivered, relayed };

struct Judgement {
  bool finished = false;
  schema::QueuedRecipient next;  // when it is not: the record from now on
  std::optional<Action> report;
  std::string status;  // of the report
  std::string text;
  std::optional<base::WallTime> until;  // of a delay: how long it will be tried
};

/// `jitter` is from 0 to 1. `local`: it was filed here, so a success is "delivered" and not "relayed".
Judgement judge(const Config& config, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient,
                const outbound::Outcome& outcome, bool local, base::WallTime now, double jitter);

/// RFC 2852 §4: it is to be given back without another attempt.
bool too_late(const schema::QueuedMessage& message, base::WallTime now);

/// When its time in the queue began.
base::WallTime since(const schema::QueuedMessage& message);

}  // namespace queue
