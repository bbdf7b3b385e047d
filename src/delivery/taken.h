#pragma once
// Private to the room (includes protobuf): the ids under which messages were handed over that must be taken once only
// (Envelope::once). They are written by the commit that accepts the message.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "delivery/tables.h"
#include "store/store.h"

namespace delivery {

base::Result<std::optional<base::QueueId>> find_taken(const store::Reader& reader, const std::string& once);
void put_taken(store::Txn& tx, const std::string& once, base::QueueId id, base::WallTime now);
/// Removes at most 1,000 of those that are older and not among `present`, which is sorted here.
base::Result<void> remove_taken(store::Txn& tx, std::vector<std::string> present, base::WallTime before);

}  // namespace delivery
