#pragma once
// Private to the room (includes protobuf): the queue as the operator sees it, and what the operator does to it.

#include "queue/leases.h"
#include "queue/queue.h"
#include "queue/records.h"

namespace queue {

base::Result<std::vector<EntryView>> list_entries(const store::Reader& reader, const Filter& filter, std::size_t most,
                                                  const Leases& leases, std::chrono::seconds expire);
base::Result<Summary> summarize(const store::Reader& reader);
base::Result<Stats> count_all(const store::Reader& reader, const Leases& leases, std::size_t top);

/// Ids of entries behind `after` that have something that the filter means, at most `most`; and whether there may be
/// more of them behind the last one looked at.
struct Found {
  std::vector<base::QueueId> ids;
  base::QueueId last;
  bool more = false;
};
base::Result<Found> find_entries(const store::Reader& reader, const Filter& filter, base::QueueId after,
                                 std::size_t most, const Leases& leases);

/// Inside a write closure. Returns how many recipients it changed, and whether the entry is gone.
struct Applied {
  std::size_t recipients = 0;
  bool removed = false;
  std::uint64_t submitter = 0;
};
base::Result<Applied> apply_change(store::Txn& tx, base::QueueId id, const Filter& filter, Change change,
                                   const Leases& leases);

}  // namespace queue
