#pragma once
// Private to queue and delivery (includes protobuf): the queue's tables, 64 to 79 of the store. docs/storage.md
// describes them.

#include <cstdint>
#include <string>
#include <tuple>

#include "base/ids.h"
#include "schema/queue.pb.h"
#include "store/table.h"

namespace queue {

namespace schema = postrider::schema;

/// queue entry: ids grow with time, so the oldest comes first.
inline constexpr store::Table<std::tuple<base::QueueId>, schema::QueuedMessage> kMessages{64, "queue.message"};

/// queue entry, number
inline constexpr store::Table<std::tuple<base::QueueId, std::uint32_t>, schema::QueuedRecipient> kRecipients{
    65, "queue.recipient"};

/// microseconds, queue entry, number: those that wait for a time, the next one first.
using DueKey = std::tuple<std::uint64_t, base::QueueId, std::uint32_t>;
inline constexpr store::Table<DueKey, store::Nothing> kDue{66, "queue.due"};

/// rank (0 is the most urgent), sender (see sender_key()), domain ("": here), queue entry, number: those whose time has
/// come, in an order in which every sender and every domain is found by one seek, however much the others have.
using ReadyKey = std::tuple<std::uint8_t, std::uint64_t, std::string, base::QueueId, std::uint32_t>;
inline constexpr store::Table<ReadyKey, store::Nothing> kReady{67, "queue.ready"};

/// queue entry that was set aside
inline constexpr store::Table<std::tuple<base::QueueId>, schema::QueuedBroken> kBroken{68, "queue.broken"};

/// queue entry, microseconds, 0 or the number of the recipient plus 1: what happened to a message, also when it never
/// waited.
inline constexpr store::Table<std::tuple<base::QueueId, std::uint64_t, std::uint32_t>, schema::QueuedEvent> kEvents{
    69, "queue.event"};

/// Message-ID or address in lower case, queue entry: the messages of which there are events.
inline constexpr store::Table<std::tuple<std::string, base::QueueId>, store::Nothing> kEventsOf{70, "queue.event_of"};

/// always 0
inline constexpr store::Table<std::tuple<std::uint8_t>, schema::QueuedSecret> kSecret{71, "queue.secret"};

/// The store's table of links (docs/storage.md): blob, owner, item.
inline constexpr store::Table<std::tuple<base::BlobId, std::uint64_t, std::uint64_t>, store::Nothing> kLinks{
    3, "store.link"};

/// The owner of the links of queue entries (store/table.h).
inline constexpr std::uint64_t kQueueOwner = 0;

}  // namespace queue
