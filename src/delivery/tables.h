#pragma once
// Private to the room (includes protobuf): the queue's tables, 64 to 79 of the store, and 112. docs/storage.md
// describes them.

#include <cstdint>
#include <string>
#include <tuple>

#include "base/ids.h"
#include "schema/queue.pb.h"
#include "schema/sendmail.pb.h"
#include "store/table.h"

namespace delivery {

namespace schema = postrider::schema;

/// queue entry: ids grow with time, so the oldest comes first.
inline constexpr store::Table<std::tuple<base::QueueId>, schema::QueuedMessage> kMessages{64, "queue.message"};

/// queue entry, number from 0
inline constexpr store::Table<std::tuple<base::QueueId, std::uint32_t>, schema::QueuedRecipient> kRecipients{
    65, "queue.recipient"};

/// id of a file of the spool (src/sendmail)
inline constexpr store::Table<std::tuple<std::string>, schema::TakenMessage> kTaken{112, "sendmail.taken"};

/// The owner of the links of queue entries (store/table.h).
inline constexpr std::uint64_t kQueueOwner = 0;

}  // namespace delivery
