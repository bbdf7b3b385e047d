#include "delivery/metrics.h"

namespace delivery {

Metrics::Metrics(const base::Metrics& registry)
    : seconds(registry.histogram("postrider_delivery_seconds",
                                 "From the end of a message to its commit, which files and queues it.",
                                 base::kSecondsBounds)) {
  const auto counter = [&registry](std::string_view result) {
    return registry.counter("postrider_delivery_recipients_total",
                            "Recipients of accepted messages: filed, or queued for that reason.", {{"result", result}});
  };
  filed = counter("filed");
  remote = counter("queued_remote");
  over_quota = counter("queued_over_quota");
  broken = counter("queued_broken");
  gone = counter("queued_gone");
  unavailable = counter("queued_unavailable");
}

void Metrics::count_queued(schema::QueuedReason reason) const {
  switch (reason) {
    case schema::QUEUED_REASON_REMOTE:
      return remote.add();
    case schema::QUEUED_REASON_OVER_QUOTA:
      return over_quota.add();
    case schema::QUEUED_REASON_BROKEN:
      return broken.add();
    case schema::QUEUED_REASON_GONE:
      return gone.add();
    default:
      return unavailable.add();
  }
}

}  // namespace delivery
