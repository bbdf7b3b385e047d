#pragma once
// Private to the room (includes protobuf): what is counted of messages whose content has come. Any thread.

#include "base/metrics.h"
#include "queue/tables.h"

namespace delivery {

namespace schema = postrider::schema;

struct Metrics {
  explicit Metrics(const base::Metrics& registry);

  /// Of a recipient that is left waiting.
  void count_queued(schema::QueuedReason reason) const;

  base::Counter filed, remote, over_quota, broken, gone, unavailable;
  base::Histogram seconds;
};

}  // namespace delivery
