#pragma once
// Private to the room: what is counted of attempts and reports. Any thread.

#include "base/metrics.h"
#include "outbound/outbound.h"
#include "queue/schedule.h"

namespace queue {

struct Metrics {
  explicit Metrics(const base::Metrics& registry);

  void count(outbound::Verdict verdict, bool expired) const;
  void count_report(Action action) const;

  base::Counter delivered, deferred, failed, expired;
  base::Counter failures_reported, delays_reported, deliveries_reported;
  base::Counter broken;
  base::Histogram seconds;  // of a recipient, from its arrival to its delivery
  base::Gauge active, paused;
};

}  // namespace queue
