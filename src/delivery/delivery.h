#pragma once
// Delivery: what happens to a message that SMTP took. It is routed through the directory, filed into the mailboxes of
// local recipients and queued for the others, all in the one commit that accepts it (design: life of a message).
// Implements smtp::Host. Safe from any loop's thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/live.h"
#include "base/log.h"
#include "base/result.h"
#include "delivery/rewrite.h"
#include "directory/directory.h"
#include "guard/guard.h"
#include "mailstore/mailstore.h"
#include "queue/queue.h"
#include "smtp/host.h"
#include "store/store.h"

namespace delivery {

struct Config {
  std::string hostname;  // in Received and Message-ID
  std::uint64_t max_message_bytes = 25ull << 20;
  std::size_t max_received_fields = 50;          // above: a mail loop (RFC 5321 §6.3)
  bool refuse_forged = false;                    // submitted: From, Sender and Resent-… must be addresses of who sends
  bool hide_clients = false;                     // submitted: without the client's address and name
  std::vector<std::string> local_senders = {};   // "USER=ADDRESS", "USER=@domain", "USER=*": more than USER@hostname
  std::vector<Rewrite> rewrite_senders = {};     // of what is submitted: in the envelope and in the header
  std::vector<Rewrite> rewrite_recipients = {};  // of the envelope, before it is looked up
  queue::Config queue;
};

class Delivery : public smtp::Host {
 public:
  /// The queue id of the message that was taken under Envelope::once; nothing when none was.
  virtual net::Task<base::Result<std::optional<base::QueueId>>> taken(std::string once) = 0;
  /// Forgets what was taken before that time, but for those that are still `present`.
  virtual net::Task<base::Result<void>> forget_taken(std::vector<std::string> present, base::WallTime before) = 0;
  /// What waits, and what sends it.
  virtual queue::Queue& queue() = 0;
};

/// The room's tables and the queue's, for what counts records.
std::vector<store::TableName> tables();

/// All that is given outlives it; a message goes by the config of the moment at which it began to arrive. Without a
/// guard accounts may send as much as they like.
std::unique_ptr<Delivery> open(store::Store& store, directory::Directory& directory, mailstore::Mailstore& mail,
                               const base::Clock& clock, base::Log log, const base::Live<Config>& config,
                               guard::Guard* guard = nullptr);

}  // namespace delivery
