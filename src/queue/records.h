#pragma once
// The records of the queue and what holds between them: a recipient stands in queue.due when it waits for a time, in
// queue.ready when it does not, and in neither when the operator holds it or its entry is set aside. All functions that
// take a Txn run inside a write closure and have no other effect.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "queue/tables.h"
#include "store/store.h"

namespace queue {

inline base::WallTime wall_time(std::int64_t micros) { return base::WallTime(std::chrono::microseconds(micros)); }
inline std::int64_t micros(base::WallTime time) { return time.time_since_epoch().count(); }

/// One recipient of one entry.
struct Ref {
  base::QueueId entry;
  std::uint32_t number = 0;
  friend auto operator<=>(const Ref&, const Ref&) = default;
};

/// Whose turn a message takes: its account, or what stands for the domain of its sender.
std::uint64_t sender_key(const schema::QueuedMessage& message);
/// RFC 6710 §4: 0 for priority 9, to 18 for -9.
std::uint8_t rank_of(const schema::QueuedMessage& message);
/// Where a recipient is to be sent, in lower-case A-labels; "" when it is to be looked up here.
std::string domain_of(const schema::QueuedRecipient& recipient);
/// The domain of any address, in lower-case A-labels as far as it is one.
std::string domain_of_address(std::string_view address);

ReadyKey ready_key(Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient);
DueKey due_key(Ref ref, const schema::QueuedRecipient& recipient);
/// The next key in order.
ReadyKey successor(ReadyKey key);
DueKey successor(DueKey key);

/// A recipient as put_entry() writes it: it waits while its message is held (RFC 4865).
schema::QueuedRecipient first_state(const schema::QueuedMessage& message, schema::QueuedRecipient recipient);

/// Writes the records of an entry, its recipients numbered from 0, and links the body, which is in the store or was put
/// in this transaction.
base::Result<void> put_entry(store::Txn& tx, base::QueueId id, schema::QueuedMessage message,
                             const std::vector<schema::QueuedRecipient>& recipients);

/// Puts a recipient into the table that its record says, or takes it out of there.
void place(store::Txn& tx, Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient);
void displace(store::Txn& tx, Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient);

/// A recipient in place of what it was.
void replace(store::Txn& tx, Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& old,
             const schema::QueuedRecipient& next);

/// Takes a recipient out of the entry; `message` counts it off, and is to be given to finish() when all are done with.
void erase(store::Txn& tx, Ref ref, schema::QueuedMessage& message, const schema::QueuedRecipient& recipient);
/// Writes the message, or removes it with its body when it has no recipients left: then true.
base::Result<bool> finish(store::Txn& tx, base::QueueId id, const schema::QueuedMessage& message);

/// Takes the entry out of what is tried, whatever of it can be read; its records stay.
base::Result<void> set_aside(store::Txn& tx, base::QueueId id, std::string_view reason, base::WallTime now);

/// Up to `limit` recipients whose time has come, from `from` on, go from queue.due to queue.ready. Returns the rows
/// that it wrote there.
base::Result<std::vector<ReadyKey>> promote(store::Txn& tx, DueKey from, base::WallTime now, std::size_t limit);
/// The first row of queue.due from `from` on.
base::Result<std::optional<DueKey>> next_due(const store::Reader& reader, DueKey from);

/// Reads bytes [offset, offset + length) of prefix + body.
base::Result<std::string> read_message(const store::Reader& reader, const schema::QueuedMessage& message,
                                       std::uint64_t offset, std::uint64_t length);

/// Every record decodes, every message has its recipients, its body, its size and its link, every recipient stands
/// where it belongs, and nothing is left over.
base::Result<void> check_queue(const store::Reader& reader, const std::function<void(store::Problem)>& report);

}  // namespace queue
