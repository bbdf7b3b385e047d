#include "queue/metrics.h"

namespace queue {
namespace {

constexpr double kDelayBounds[] = {0.05, 0.5, 5, 60, 600, 3600, 6 * 3600, 86'400, 5 * 86'400};

}  // namespace

Metrics::Metrics(const base::Metrics& registry)
    : broken(registry.counter("postrider_queue_broken_total", "Entries that were set aside.")),
      seconds(registry.histogram("postrider_queue_delay_seconds",
                                 "From the arrival of a recipient's message to its delivery.", kDelayBounds)),
      active(registry.gauge("postrider_queue_active", "Deliveries under way.")),
      paused(registry.gauge("postrider_queue_paused_destinations", "Destinations that are out of reach for now.")) {
  const auto attempts = [&registry](std::string_view result) {
    return registry.counter("postrider_queue_attempts_total", "Attempts, by what became of the recipient.",
                            {{"result", result}});
  };
  delivered = attempts("delivered");
  deferred = attempts("deferred");
  failed = attempts("failed");
  expired = attempts("expired");
  const auto reports = [&registry](std::string_view action) {
    return registry.counter("postrider_queue_reports_total", "Recipients that their senders were told of.",
                            {{"action", action}});
  };
  failures_reported = reports("failed");
  delays_reported = reports("delayed");
  deliveries_reported = reports("delivered");
}

void Metrics::count(outbound::Verdict verdict, bool was_expired) const {
  if (was_expired) return expired.add();
  switch (verdict) {
    case outbound::Verdict::delivered:
      return delivered.add();
    case outbound::Verdict::deferred:
      return deferred.add();
    case outbound::Verdict::failed:
      return failed.add();
  }
}

void Metrics::count_report(Action action) const {
  switch (action) {
    case Action::failed:
    case Action::expired:
      return failures_reported.add();
    case Action::delayed:
      return delays_reported.add();
    case Action::delivered:
    case Action::relayed:
      return deliveries_reported.add();
  }
}

}  // namespace queue
