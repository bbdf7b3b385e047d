#pragma once
// What the sessions of a listener count. A default one counts nothing. Copied freely; any thread.

#include <cstdint>
#include <vector>

#include "base/metrics.h"
#include "smtp/host.h"
#include "smtp/reply.h"
#include "tls/accept.h"

namespace smtp {

struct VerbRow;

struct Metrics {
  Metrics() = default;
  Metrics(const base::Metrics& registry, Service service);

  /// By what the client is told.
  struct Outcomes {
    base::Counter accepted, deferred, refused;
    void count(const Reply& reply) const;
  };
  void count_command(const VerbRow* row) const;  // nullptr: one that we do not know

  std::vector<base::Counter> commands;  // by row of the verb table, and one for the unknown
  Outcomes messages;
  Outcomes recipients;
  Outcomes logins;
  base::Histogram message_bytes;
  tls::Metrics tls;
};

}  // namespace smtp
