#pragma once
// Queue: mail that waits to be sent elsewhere, or for a mailbox here that could not take it. Entries are written by
// delivery, within the commit that accepts the message (records.h); from start() on the queue delivers them, tries
// again, and tells senders. One process has the store, so it alone delivers; leases.h says how attempts are fenced.
// Safe from any thread; what returns a Task resumes on its caller's loop.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "directory/directory.h"
#include "mailstore/mailstore.h"
#include "net/loop.h"
#include "outbound/outbound.h"
#include "queue/config.h"
#include "store/store.h"

namespace postrider::schema {
class QueuedMessage;
class QueuedRecipient;
}  // namespace postrider::schema

namespace queue {

/// Of a recipient. An entry is what the first of these is that one of its recipients is.
enum class State {
  broken,   // it cannot be read, and was set aside
  held,     // by the operator
  active,   // being delivered
  ready,    // next in turn
  waiting,  // until its time comes
};
const char* name(State state);
std::optional<State> parse_state(std::string_view name);

struct RecipientView {
  std::uint32_t number = 0;
  std::string address;
  std::string original;  // as it was named; "" when it is the same
  std::string domain;    // "": here
  State state = State::ready;
  std::string reason;  // why it waits, or what became of the last attempt
  std::uint32_t tries = 0;
  std::optional<base::WallTime> tried;
  std::optional<base::WallTime> next;
  std::string status, host, diagnostic;  // of the last attempt
};

struct EntryView {
  base::QueueId id;
  std::string sender;
  std::string submitter;  // the login; "": none
  std::uint64_t size = 0;
  base::WallTime created;
  base::WallTime expires;
  int priority = 0;
  State state = State::ready;
  std::string reason;  // of the first recipient, or why it was set aside
  std::vector<RecipientView> recipients;
};

/// What is meant by a command. Texts are parts of addresses, in any case; empty members ask for nothing. The recipient,
/// the domain and the state choose recipients, the others entries.
struct Filter {
  std::vector<base::QueueId> ids;
  std::string sender;
  std::string recipient;
  std::string domain;  // of recipients, whole
  std::optional<base::WallTime> created_before;
  std::optional<State> state;

  bool empty() const {
    return ids.empty() && sender.empty() && recipient.empty() && domain.empty() && !created_before && !state;
  }
};

enum class Change {
  retry,    // at once; what was set aside is put back
  hold,     // not to be tried
  release,  // what was held, by the operator or by its sender (RFC 4865), is tried at once
  remove,   // for good; its sender is told nothing
};

struct Changed {
  std::uint64_t entries = 0;
  std::uint64_t recipients = 0;
};

struct Summary {
  std::uint64_t messages = 0;
  std::optional<base::WallTime> oldest;
};

/// Of all recipients, and of the domains with the most of them.
struct Stats {
  struct Domain {
    std::string domain;  // "": here
    std::uint64_t recipients = 0;
    std::uint64_t bytes = 0;  // of their messages, each counted once for each of them
    base::WallTime oldest;
    std::string reason;  // of one of them that was tried
  };
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t broken = 0, held = 0, active = 0, ready = 0, waiting = 0;  // recipients; entries that are broken
  std::size_t paused_destinations = 0;
  std::vector<Domain> domains;  // those with the most first
};

/// Something that happened to a message.
struct TraceEvent {
  base::QueueId id;
  base::WallTime time;
  std::string event;
  std::string recipient;
  std::string text;
  std::string host, address, tls, status, diagnostic;
};

class Queue {
 public:
  virtual ~Queue() = default;

  /// Counts, and begins to deliver on `loops`, which with `outbound` outlive stop(); what a version without the tables
  /// of today left is taken up beside that. Blocks, and reads a record for each entry.
  virtual base::Result<void> start(net::Loops& loops, outbound::Outbound& outbound) = 0;
  /// Nothing new begins; attempts under way get `grace` to end, and then are given up before they commit.
  virtual net::Task<void> stop(std::chrono::steady_clock::duration grace) = 0;

  /// This entry has been committed, by put_entry() of records.h with the same values.
  virtual void added(base::QueueId id, const postrider::schema::QueuedMessage& message,
                     const std::vector<postrider::schema::QueuedRecipient>& recipients) = 0;
  /// Whether the queue takes another message of that submitter; no_space: it is full, for it or for all.
  virtual base::Result<void> room_for(base::AccountId submitter) const = 0;

  /// Where mail goes that anybody may send to the address, though it is for another host: to the first sender, when the
  /// address is one that the queue made of it (srs.h); to the address, when a route relays its domain. Nothing
  /// otherwise.
  virtual std::optional<std::string> relayed(const std::string& address) const = 0;
  /// Whether the hosts of the route that relays the address take it; not_found when they refuse it. What cannot be
  /// asked now is taken. Answers are kept for a while.
  virtual net::Task<base::Result<void>> verify(std::string address) = 0;

  /// Oldest first, at most `most` (those that do not decode too, as broken).
  virtual net::Task<base::Result<std::vector<EntryView>>> list(Filter filter, std::size_t most) = 0;
  virtual net::Task<base::Result<Changed>> change(Filter filter, Change change) = 0;
  virtual net::Task<base::Result<Summary>> summary() = 0;
  /// With at most `top` domains. Reads all records.
  virtual net::Task<base::Result<Stats>> stats(std::size_t top) = 0;

  /// What happened to the messages of a queue id, a Message-ID or an address, the newest `most` of them, as far as it
  /// is kept; in the order of their arrival, and for each in the order of time.
  virtual net::Task<base::Result<std::vector<TraceEvent>>> trace(std::string what, std::size_t most) = 0;

  virtual base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) = 0;
};

/// The room's tables, for what counts records.
std::vector<store::TableName> tables();

/// All that is given outlives it; `config` gives the settings of now, from any thread.
std::unique_ptr<Queue> open(store::Store& store, directory::Directory& directory, mailstore::Mailstore& mail,
                            const base::Clock& clock, base::Log log,
                            std::function<std::shared_ptr<const Config>()> config);

}  // namespace queue
