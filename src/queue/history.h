#pragma once
// Private to queue and delivery (includes protobuf): what happened to messages, kept for a time, so that `trace` can
// tell the story of one. Events are written in the commits that happen anyway, and removed when they are old.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "queue/queue.h"
#include "queue/records.h"

namespace queue {

/// Of the message as such, and not of a recipient.
inline constexpr std::uint32_t kWhole = ~0u;

struct Noted {
  std::uint32_t number = kWhole;  // of the recipient
  schema::QueuedEvent event;
};
/// `names`: addresses and Message-IDs under which it is to be found, in any case.
Noted noted(std::string_view event, std::string_view recipient, std::string_view text,
            const std::vector<std::string>& names = {}, std::uint32_t number = kWhole);

/// Inside a write closure. Nothing when they are not kept.
void note(store::Txn& tx, std::chrono::seconds keep, base::QueueId id, base::WallTime now,
          const std::vector<Noted>& events);

/// The events of a queue id, a Message-ID (with or without its brackets) or an address, those of each message together,
/// the newest message last; of at most `most` messages, the newest.
base::Result<std::vector<TraceEvent>> find_events(const store::Reader& reader, std::string_view what, std::size_t most);

/// Inside a write closure: removes events of messages that came before `before`, at most `most` of them. Returns how
/// many it removed.
base::Result<std::size_t> forget_events(store::Txn& tx, base::WallTime before, std::size_t most);

}  // namespace queue
