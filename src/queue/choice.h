#pragma once
// Private to the room (includes protobuf). Choice: which recipients are to be delivered next, from what is ready.
// Senders take turns, and within one its domains do, so neither a bulk sender nor a slow domain delays the others; more
// urgent messages come first (RFC 6710 §4), but every fourth choice begins with the least urgent, so that none waits
// for ever. A choice costs a seek for each sender and domain that it looks at, whatever else is queued. One at a time,
// on the pool.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "queue/destinations.h"
#include "queue/gaps.h"
#include "queue/leases.h"
#include "queue/records.h"
#include "queue/route.h"

namespace queue {

/// Recipients of one message that go the same way.
struct Item {
  base::QueueId entry;
  schema::QueuedMessage message;
  std::vector<std::pair<std::uint32_t, schema::QueuedRecipient>> recipients;
};

/// What one delivery does, one item after another: all to one destination.
struct Batch {
  Way way;
  std::shared_ptr<Lease> lease;
  std::optional<outbound::Outcome> down;  // the destination is paused, and this is why
  bool placed = false;                    // it has a place at its destination, which is to be given back
  std::vector<Item> items;
};

struct Chosen {
  std::vector<Batch> batches;
  std::vector<ReadyKey> stale;                                // rows that lead to nothing
  std::vector<std::pair<base::QueueId, std::string>> broken;  // entries that cannot be read, and why
};

class Chooser {
 public:
  Chooser(Destinations& destinations, Leases& leases, Gaps<ReadyKey>& gaps)
      : destinations_(destinations), leases_(leases), gaps_(gaps) {}

  /// Before the snapshot is taken that choose() reads.
  void begin() {
    leases_.begin_choice();
    epoch_ = gaps_.epoch();
  }
  /// At most `most` batches. Blocks. Errors: unavailable.
  base::Result<Chosen> choose(const store::Reader& reader, const Config& config, std::size_t most,
                              base::SteadyTime now);

 private:
  struct Round;  // one call of choose()
  class Scan;
  base::Result<std::vector<std::uint8_t>> ranks(const store::Reader& reader);
  base::Result<std::vector<std::uint64_t>> senders(const Round& round, std::uint8_t rank);
  base::Result<void> take_turns(Round& round, std::uint8_t rank);
  base::Result<bool> one_of(Round& round, std::uint8_t rank, std::uint64_t sender);
  base::Result<bool> one_between(Round& round, const ReadyKey& from, const ReadyKey& to);
  base::Result<bool> take(Round& round, const ReadyKey& key);
  base::Result<void> add_recipients(Round& round, Item& item, const Way& way, const ReadyKey& first);
  bool place(Round& round, Item item, Way way);

  Destinations& destinations_;
  Leases& leases_;
  Gaps<ReadyKey>& gaps_;
  std::uint64_t epoch_ = 0;  // of the gaps, from before the snapshot
  std::uint64_t owner_ = 0;  // of the leases: a number for each batch
  std::uint64_t choices_ = 0;
  std::map<std::uint8_t, std::uint64_t> last_sender_;
  std::unordered_map<std::uint64_t, std::string> last_domain_;  // of the senders; bounded
};

}  // namespace queue
