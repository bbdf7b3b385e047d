#include "queue/schedule.h"

#include <algorithm>

#include "queue/records.h"

namespace queue {
namespace {

using std::chrono::seconds;

/// A fifth of the step, half of it to each side, so that what failed together does not come back together.
constexpr double kSpread = 0.2;
/// Attempts in the last quarter of its time before a recipient expires; fewer where the steps are too long for them.
constexpr std::int64_t kMaxLateTries = 3;

bool never(const schema::QueuedRecipient& r) { return r.notify_never(); }
bool unsaid(const schema::QueuedRecipient& r) {
  return !r.notify_never() && !r.notify_success() && !r.notify_failure() && !r.notify_delay();
}

std::uint32_t late_tries_wanted(const Config& config) {
  const auto fit = config.expire.count() / 4 / std::max<std::int64_t>(config.retry.back().count(), 1);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(fit, 2, kMaxLateTries));
}

base::WallTime next_time(const Config& config, const schema::QueuedMessage& message, std::uint32_t tries,
                         base::WallTime now, double jitter) {
  const seconds step = config.retry[std::min<std::size_t>(tries - 1, config.retry.size() - 1)];
  const auto micros_of_step = std::chrono::duration_cast<std::chrono::microseconds>(step);
  const auto spread = static_cast<std::int64_t>(static_cast<double>(micros_of_step.count()) * kSpread * (jitter - 0.5));
  base::WallTime next = now + micros_of_step + std::chrono::microseconds(spread);
  // The last attempt falls on the end, but not so close behind another that it tells nothing new.
  const base::WallTime soonest = now + std::min(step, config.retry.front());
  const auto not_past = [&](base::WallTime end) {
    if (end > now) next = std::min(next, std::max(end, soonest));
  };
  not_past(since(message) + config.expire);
  if (message.deliver_by_us() > 0) not_past(wall_time(message.deliver_by_us()));
  return next;
}

/// What a recipient's record says of the attempt.
void note(schema::QueuedRecipient& record, const outbound::Outcome& outcome, base::WallTime now) {
  record.set_tries(record.tries() + 1);
  record.set_tried_us(micros(now));
  record.set_status(outcome.status);
  record.set_text(outcome.text);
  record.set_host(outcome.host);
  record.set_diagnostic(outcome.diagnostic);
}

Judgement deferred(const Config& config, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient,
                   const outbound::Outcome& outcome, base::WallTime now, double jitter) {
  Judgement out{.next = recipient, .report = {}, .status = outcome.status, .text = outcome.text, .until = {}};
  note(out.next, outcome, now);
  const auto age = now - since(message);
  if (age >= config.expire * 3 / 4) out.next.set_late_tries(out.next.late_tries() + 1);
  const bool wants_failure = unsaid(recipient) || recipient.notify_failure();
  if (too_late(message, now)) {
    out.finished = true;
    out.status = "5.4.7";
    if (wants_failure) out.report = Action::expired;
    return out;
  }
  if (age >= config.expire && out.next.late_tries() >= late_tries_wanted(config)) {
    out.finished = true;
    out.status = "4.4.7";
    if (wants_failure) out.report = Action::expired;
    return out;
  }
  out.next.set_due_us(micros(next_time(config, message, out.next.tries(), now, jitter)));
  const bool wants_delay = unsaid(recipient) || recipient.notify_delay();
  const bool warn = config.warn.count() > 0 && age >= config.warn;
  // RFC 2852 §4: by-mode N.
  const bool by_passed = message.deliver_by_us() > 0 && now >= wall_time(message.deliver_by_us());
  if (!never(recipient) && wants_delay && !recipient.warned() && (warn || by_passed)) {
    out.next.set_warned(true);
    out.report = Action::delayed;
    out.until = since(message) + config.expire;
  }
  return out;
}

}  // namespace

base::WallTime since(const schema::QueuedMessage& message) {
  return wall_time(std::max(message.created_us(), message.hold_until_us()));
}

bool too_late(const schema::QueuedMessage& message, base::WallTime now) {
  return message.deliver_by_gives_back() && message.deliver_by_us() > 0 && now >= wall_time(message.deliver_by_us());
}

Judgement judge(const Config& config, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient,
                const outbound::Outcome& outcome, bool local, base::WallTime now, double jitter) {
  Judgement out{.next = recipient, .report = {}, .status = outcome.status, .text = outcome.text, .until = {}};
  switch (outcome.verdict) {
    case outbound::Verdict::deferred:
      out = deferred(config, message, recipient, outcome, now, jitter);
      break;
    case outbound::Verdict::failed:
      out.finished = true;
      if (unsaid(recipient) || recipient.notify_failure()) out.report = Action::failed;
      break;
    case outbound::Verdict::delivered:
      out.finished = true;
      // RFC 3461 §5.2.2 (b); a host that takes the request reports by itself (§5.2.1).
      if (recipient.notify_success() && !outcome.reports) out.report = local ? Action::delivered : Action::relayed;
      break;
  }
  // RFC 3461 §5.2, RFC 5321 §4.5.5: nobody is told of what came from the null sender.
  if (message.sender().empty()) out.report.reset();
  return out;
}

}  // namespace queue
