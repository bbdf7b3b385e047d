#pragma once
// The durable queue: mail for other hosts, and for recipients here that could not take it when it came. Writing happens
// within the commit that accepts the message; sending is not here yet.

#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "delivery/delivery.h"
#include "delivery/tables.h"
#include "store/store.h"

namespace delivery {

/// Writes the records of an entry and links the body, which is in the store or was put in this transaction.
base::Result<void> put_entry(store::Txn& tx, base::QueueId id, schema::QueuedMessage message,
                             const std::vector<schema::QueuedRecipient>& recipients);

base::Result<std::uint64_t> count_queue(const store::Reader& reader);
/// Oldest first. Records that do not decode are left out: check_queue() names them.
base::Result<std::vector<QueueEntry>> list_queue(const store::Reader& reader);

base::Result<QueueSummary> summarize_queue(const store::Reader& reader);

/// Every record decodes, every message has its recipients, its body, its size and its link, and nothing is left over.
base::Result<void> check_queue(const store::Reader& reader, const std::function<void(store::Problem)>& report);

}  // namespace delivery
