#include "queue/attempt.h"

#include <algorithm>

#include "base/text.h"
#include "queue/entry.h"
#include "queue/srs.h"

namespace queue {
namespace {

constexpr std::uint64_t kBlock = 64 * 1024;
/// The longest that an attempt to send one message may take.
constexpr std::chrono::minutes kLongestAttempt{60};

/// The body, as a host takes it; and whether it could be read.
struct Reading {
  Shared& shared;
  const schema::QueuedMessage message;
  const std::shared_ptr<Lease> lease;
  std::optional<base::Error> broken;
};

net::Task<base::Result<std::string>> read_block(std::shared_ptr<Reading> reading, std::uint64_t offset) {
  if (!reading->lease->renew(reading->shared.clock.steady())) {
    co_return base::fail(base::Code::conflict, "the lease of this attempt has run out");
  }
  auto block = co_await reading->shared.store.read([reading, offset](const store::Reader& reader) {
    return read_message(reader, reading->message, offset, kBlock);
  });
  const bool lost =
      !block && (block.error().code == base::Code::corrupt || block.error().code == base::Code::not_found);
  if (lost) reading->broken = block.error();
  co_return block;
}

outbound::Outcome outcome_of(outbound::Verdict verdict, std::string status, std::string text) {
  return {.verdict = verdict,
          .status = std::move(status),
          .text = std::move(text),
          .host = {},
          .address = {},
          .diagnostic = {},
          .tls = {}};
}

/// Who came from elsewhere and is sent on by an alias goes out with a sender of ours: SPF fails otherwise (srs.h).
net::Task<std::string> sender_of(Shared& shared, const Batch& batch, const Item& item) {
  const std::string& sender = item.message.sender();
  const auto alias =
      std::ranges::find_if(item.recipients, [](const auto& one) { return !one.second.original().empty(); });
  if (sender.empty() || item.message.account() != 0 || alias == item.recipients.end() || batch.way.by == By::lmtp ||
      batch.way.by == By::pipe || !shared.config()->srs || shared.srs_key.empty()) {
    co_return sender;
  }
  const auto ours = co_await shared.directory.is_local_domain(domain_of_address(sender));
  if (!ours || *ours) co_return sender;
  co_return srs_forward(shared.srs_key, sender, domain_of_address(alias->second.original()), shared.clock.now())
      .value_or(sender);
}

net::Task<void> send_item(Shared& shared, const Batch& batch, Item item) {
  const auto reading = std::make_shared<Reading>(shared, item.message, batch.lease, std::nullopt);
  outbound::Message message{.id = std::to_string(item.entry.value),
                            .envelope = envelope_of(item.message),
                            .tls_optional = item.message.tls() == schema::QUEUED_TLS_OPTIONAL,
                            .eight_bit_header = item.message.eight_bit_header(),
                            .size = item.message.size(),
                            .read = [reading](std::uint64_t offset) { return read_block(reading, offset); }};
  message.envelope.sender = co_await sender_of(shared, batch, item);
  std::vector<smtp::Recipient> recipients;
  for (const auto& [number, record] : item.recipients) recipients.push_back(recipient_of(record));
  const base::SteadyTime now = shared.clock.steady();
  auto outcomes = co_await shared.outbound->send(
      batch.way.destination, std::move(message), std::move(recipients),
      [&shared, lease = batch.lease] { return !shared.given_up && lease->may_commit(shared.clock.steady()); },
      now + kLongestAttempt, shared.log.with({{"id", item.entry.value}}));
  ENSURE(outcomes.size() == item.recipients.size());
  if (reading->broken) {
    co_await set_entry_aside(shared, item.entry, reading->broken->text);
    co_return;
  }
  const auto down = std::ranges::find_if(outcomes, &outbound::Outcome::destination_down);
  if (down != outcomes.end()) {
    shared.destinations.went_down(batch.way.key, *down, shared.clock.steady());
  } else {
    shared.destinations.answered(batch.way.key);  // a refusal is an answer, too
  }
  co_await settle(shared, std::move(item), std::move(outcomes), false, batch.lease);
}

/// RFC 2852 §4.
bool is_late(const Shared& shared, const Item& item) { return too_late(item.message, shared.clock.now()); }

net::Task<void> run_item(Shared& shared, const Batch& batch, Item item) {
  const auto all = [&](outbound::Outcome outcome) {
    return std::vector<outbound::Outcome>(item.recipients.size(), std::move(outcome));
  };
  if (batch.way.by == By::local) {
    co_await deliver_here(shared, std::move(item), batch.lease);
    co_return;
  }
  if (batch.way.by == By::refuse) {
    auto refused = all(outcome_of(outbound::Verdict::failed, "5.7.1",
                                  batch.way.text.empty() ? "mail to this destination is refused" : batch.way.text));
    co_await settle(shared, std::move(item), std::move(refused), false, batch.lease);
    co_return;
  }
  if (batch.way.by == By::discard) {
    auto discarded = all(outcome_of(outbound::Verdict::delivered, "2.0.0", "discarded by a route"));
    for (outbound::Outcome& one : discarded) one.reports = true;
    co_await settle(shared, std::move(item), std::move(discarded), false, batch.lease);
    co_return;
  }
  // A domain that has become ours since.
  const auto ours = co_await shared.directory.is_local_domain(domain_of(item.recipients.front().second));
  if (ours && *ours && batch.way.destination.hosts.empty() && batch.way.by != By::pipe) {
    co_await deliver_here(shared, std::move(item), batch.lease);
    co_return;
  }
  auto known = batch.down ? batch.down : shared.destinations.down(batch.way.key, shared.clock.steady());
  if (!known && is_late(shared, item)) {
    known = outcome_of(outbound::Verdict::deferred, "5.4.7", "the time until which to deliver it has passed");
  }
  if (known) {
    auto same = all(*std::move(known));
    co_await settle(shared, std::move(item), std::move(same), false, batch.lease);
    co_return;
  }
  co_await send_item(shared, batch, std::move(item));
}

void release(Shared& shared, const Batch& batch, const std::vector<Ref>& refs) {
  for (const Ref& ref : refs) shared.leases.release(ref, *batch.lease);
}

}  // namespace

net::Task<void> run_batch(Shared& shared, Batch batch) {
  std::vector<Item> items = std::exchange(batch.items, {});
  for (Item& item : items) {
    std::vector<Ref> refs;
    for (const auto& [number, record] : item.recipients) refs.push_back({item.entry, number});
    const bool holds = batch.lease->renew(shared.clock.steady());
    // A bug in one item must not keep the others, or the place.
    try {
      if (holds && !shared.stopping) co_await run_item(shared, batch, std::move(item));
    } catch (const std::exception& error) {
      shared.log.error("queue.attempt.failed", {{"id", refs.front().entry.value}, {"why", error.what()}});
    }
    release(shared, batch, refs);
  }
  if (batch.placed) shared.destinations.end(batch.way.key);
}

}  // namespace queue
