#pragma once
// Private to the room (includes protobuf): one delivery. It sends the items of a batch one after another, and writes
// what became of each recipient as soon as it is known: a recipient that is done with, its report, and what is left of
// the entry change in one commit. A result that cannot be written is tried again until it can, because forgetting it
// would send the message twice.

#include "net/task.h"
#include "queue/choice.h"
#include "queue/shared.h"

namespace queue {

/// On any loop. Gives back the leases and the place at the destination.
net::Task<void> run_batch(Shared& shared, Batch batch);

// --- The parts, in files of their own.

/// Writes the outcomes of an item's recipients, in their order (settle.cpp).
net::Task<void> settle(Shared& shared, Item item, std::vector<outbound::Outcome> outcomes, bool local,
                       std::shared_ptr<Lease> lease);

/// Looks the recipients up anew, files those that are here, turns the others into what they lead to (local.cpp).
net::Task<void> deliver_here(Shared& shared, Item item, std::shared_ptr<Lease> lease);

/// The entry is set aside, with the reason (settle.cpp).
net::Task<void> set_entry_aside(Shared& shared, base::QueueId entry, std::string reason);

/// store.write(), until it succeeds, is refused by its closure with `conflict` or `corrupt`, or the queue is given up.
/// `closure` is run once for each time.
net::Task<base::Result<void>> write_surely(Shared& shared, std::vector<store::Owner> owners,
                                           std::function<base::Result<void>(store::Txn&)> closure,
                                           std::shared_ptr<Lease> lease);

}  // namespace queue
