#pragma once
// Private to the room: what all deliveries of one queue share. Outlives them.

#include <atomic>
#include <functional>
#include <memory>

#include "base/log.h"
#include "directory/directory.h"
#include "mailstore/mailstore.h"
#include "outbound/outbound.h"
#include "queue/config.h"
#include "queue/destinations.h"
#include "queue/gaps.h"
#include "queue/leases.h"
#include "queue/metrics.h"
#include "queue/totals.h"
#include "store/store.h"

namespace queue {

struct Shared {
  store::Store& store;
  directory::Directory& directory;
  mailstore::Mailstore& mail;
  const base::Clock& clock;
  base::Log log;
  std::function<std::shared_ptr<const Config>()> config;  // of now
  Metrics metrics;
  outbound::Outbound* outbound = nullptr;  // from start() on
  std::string srs_key = {};                // from start() on
  Destinations destinations{};
  Leases leases{};
  TableGaps gaps{};
  Totals totals{};
  std::atomic<bool> stopping = false;  // what has not begun does not begin
  std::atomic<bool> given_up = false;  // and what is under way does not commit
};

}  // namespace queue
