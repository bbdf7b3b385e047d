#pragma once
// The message that is arriving: goes into the store and through the MIME parser as it comes, and is filed and queued by
// one commit when it is whole. On the session's loop.

#include <memory>
#include <optional>
#include <string>

#include "delivery/delivery.h"
#include "delivery/metrics.h"
#include "delivery/plan.h"
#include "mime/message.h"
#include "queue/queue.h"
#include "smtp/host.h"

namespace delivery {

/// What all messages share; outlives them.
struct Context {
  store::Store& store;
  directory::Directory& directory;
  mailstore::Mailstore& mail;
  queue::Queue& queue;
  const base::Clock& clock;
  base::Log log;  // without a session's fields; keeps what `metrics` counts with
  const base::Live<Config>& config;
  Metrics metrics;
  guard::Guard* guard = nullptr;
};

std::unique_ptr<smtp::Sink> make_sink(const Context& context, smtp::Envelope envelope, std::optional<smtp::User> user,
                                      const smtp::Peer& peer, base::Log log);

}  // namespace delivery
