#include "base/text.h"
#include "crypto/random.h"
#include "net/loop.h"
#include "queue/attempt.h"
#include "queue/history.h"
#include "queue/notice.h"
#include "queue/schedule.h"

namespace queue {
namespace {

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::seconds kLongestPause{5};

/// What became of an item's recipients.
struct Settled {
  Item item;
  std::vector<outbound::Outcome> outcomes;
  std::vector<Judgement> judgements;
  Notice notice;
  // Of the last run of apply().
  std::vector<std::pair<std::uint32_t, schema::QueuedRecipient>> waiting;  // for their next attempt
  bool removed = false;                                                    // the entry
};

double jitter() { return static_cast<double>(crypto::random_u64() >> 11) / static_cast<double>(1ull << 53); }

Reported reported(const Settled& settled, std::size_t i, base::WallTime now) {
  const Judgement& judgement = settled.judgements[i];
  return {.action = *judgement.report,
          .recipient = settled.item.recipients[i].second,
          .status = judgement.status,
          .text = judgement.text,
          .host = settled.outcomes[i].host,
          .diagnostic = settled.outcomes[i].diagnostic,
          .tried = now,
          .until = judgement.until};
}

const char* event_name(const outbound::Outcome& outcome, const Judgement& judgement) {
  if (outcome.verdict == outbound::Verdict::delivered) return "delivered";
  if (!judgement.finished) return "deferred";
  return outcome.verdict == outbound::Verdict::deferred ? "expired" : "failed";
}

Noted event_of(const Settled& settled, std::size_t i) {
  const auto& [number, recipient] = settled.item.recipients[i];
  const outbound::Outcome& outcome = settled.outcomes[i];
  Noted out = noted(event_name(outcome, settled.judgements[i]), recipient.address(), outcome.text, {}, number);
  out.event.set_host(outcome.host);
  out.event.set_address(outcome.address);
  out.event.set_tls(outcome.tls);
  out.event.set_status(settled.judgements[i].status);
  out.event.set_diagnostic(outcome.diagnostic.substr(0, 500));
  return out;
}

/// The fence: a result counts for the recipient as it was when the attempt began, and only while the attempt holds its
/// lease; but a delivery is never forgotten.
base::Result<void> apply(store::Txn& tx, const Shared& shared, Settled& settled, const Lease& lease) {
  settled.removed = false;
  settled.waiting.clear();
  const base::QueueId id = settled.item.entry;
  TRY_ASSIGN(auto message, tx.get(kMessages, {id}));
  if (!message) return base::fail(base::Code::conflict, "the entry was removed");
  const bool holds = lease.holds(shared.clock.steady());
  std::vector<Noted> events;
  for (std::size_t i = 0; i < settled.judgements.size(); ++i) {
    const auto& [number, was] = settled.item.recipients[i];
    const Judgement& judgement = settled.judgements[i];
    if (!holds && settled.outcomes[i].verdict != outbound::Verdict::delivered) continue;
    TRY_ASSIGN(const auto record, tx.get(kRecipients, {id, number}));
    if (!record || record->tries() != was.tries() || record->address() != was.address()) continue;
    events.push_back(event_of(settled, i));
    if (judgement.finished) {
      erase(tx, {id, number}, *message, *record);
      continue;
    }
    schema::QueuedRecipient next = judgement.next;
    next.set_held(record->held());
    replace(tx, {id, number}, *message, *record, next);
    settled.waiting.emplace_back(number, std::move(next));
  }
  if (events.empty()) return base::fail(base::Code::conflict, "the recipients were changed meanwhile");
  TRY_ASSIGN(settled.removed, finish(tx, id, *message));
  note(tx, shared.config()->trace_keep, id, shared.clock.now(), events);
  return settled.notice.commit(tx, shared);
}

void log_one(const Shared& shared, const Settled& settled, std::size_t i) {
  const auto& [number, recipient] = settled.item.recipients[i];
  const outbound::Outcome& outcome = settled.outcomes[i];
  const Judgement& judgement = settled.judgements[i];
  const bool delivered = outcome.verdict == outbound::Verdict::delivered;
  const std::string event = std::string("queue.") + event_name(outcome, judgement);
  const bool expired = judgement.finished && outcome.verdict == outbound::Verdict::deferred;
  shared.metrics.count(outcome.verdict, expired);
  const auto age = shared.clock.now() - since(settled.item.message);
  const double seconds = std::chrono::duration<double>(age).count();
  if (delivered) shared.metrics.seconds.observe(seconds);
  shared.log.info(
      event, {{"id", settled.item.entry.value},
              {"rcpt", base::printable(recipient.address())},
              {"host", outcome.host},
              {"address", outcome.address},
              {"tls", outcome.tls},
              {"status", judgement.status},
              {"why", base::printable(outcome.text, 500)},
              {"tries", recipient.tries() + 1},
              {"next", judgement.finished ? std::string() : base::rfc3339_seconds(wall_time(judgement.next.due_us()))},
              {"age", seconds}});
}

}  // namespace

net::Task<base::Result<void>> write_surely(Shared& shared, std::vector<store::Owner> owners,
                                           std::function<base::Result<void>(store::Txn&)> closure,
                                           std::shared_ptr<Lease> lease) {
  std::chrono::milliseconds pause = kFirstPause;
  for (;;) {
    const auto written = co_await shared.store.write(owners, closure, store::Kind::frees_space);
    if (written || written.error().code == base::Code::conflict || written.error().code == base::Code::corrupt ||
        shared.given_up) {
      co_return written;
    }
    shared.log.warning("queue.result.unwritten", {{"why", written.error().text}, {"next", "it is tried again"}});
    lease->renew(shared.clock.steady());
    co_await net::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
  }
}

net::Task<void> settle(Shared& shared, Item item, std::vector<outbound::Outcome> outcomes, bool local,
                       std::shared_ptr<Lease> lease) {
  const auto config = shared.config();
  const base::WallTime now = shared.clock.now();
  auto settled = std::make_shared<Settled>(std::move(item), std::move(outcomes));
  std::vector<Reported> reports;
  for (std::size_t i = 0; i < settled->outcomes.size(); ++i) {
    settled->judgements.push_back(judge(*config, settled->item.message, settled->item.recipients[i].second,
                                        settled->outcomes[i], local, now, jitter()));
    if (settled->judgements.back().report) reports.push_back(reported(*settled, i, now));
  }
  std::chrono::milliseconds pause = kFirstPause;
  for (;;) {
    auto notice = co_await Notice::prepare(shared, settled->item.entry, settled->item.message, reports);
    if (notice) {
      settled->notice = *std::move(notice);
      break;
    }
    if (shared.given_up) co_return;
    shared.log.warning("queue.report.unwritten", {{"why", notice.error().text}, {"next", "it is tried again"}});
    lease->renew(shared.clock.steady());
    co_await net::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
  }
  std::vector<store::Owner> owners = settled->notice.owners();
  owners.push_back(store::Owner::of(settled->item.entry));
  const auto written = co_await write_surely(
      shared, std::move(owners),
      [&shared, settled, lease](store::Txn& tx) { return apply(tx, shared, *settled, *lease); }, lease);
  if (!written) {
    shared.log.warning("queue.result.dropped", {{"id", settled->item.entry.value}, {"why", written.error().text}});
    if (written.error().code == base::Code::corrupt) {
      co_await set_entry_aside(shared, settled->item.entry, written.error().text);
    }
    co_return;
  }
  for (const auto& [number, next] : settled->waiting) {
    shared.gaps.fill({settled->item.entry, number}, settled->item.message, next);
  }
  if (settled->removed) shared.totals.remove(base::AccountId{settled->item.message.account()});
  settled->notice.committed(shared);
  for (std::size_t i = 0; i < settled->outcomes.size(); ++i) log_one(shared, *settled, i);
}

net::Task<void> set_entry_aside(Shared& shared, base::QueueId entry, std::string reason) {
  const base::WallTime now = shared.clock.now();
  const auto written = co_await shared.store.write(
      {store::Owner::of(entry)}, [&](store::Txn& tx) { return set_aside(tx, entry, reason, now); },
      store::Kind::frees_space);
  shared.metrics.broken.add();
  shared.log.error(
      "queue.broken",
      {{"id", entry.value}, {"why", reason}, {"effect", written ? "it is set aside" : "it could not be set aside"}});
}

}  // namespace queue
