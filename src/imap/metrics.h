#pragma once
// What the sessions of a listener count. A default one counts nothing. Copied freely; any thread.

#include <vector>

#include "base/metrics.h"
#include "imap/reply.h"
#include "tls/accept.h"

namespace imap {

struct Verb;

struct Metrics {
  Metrics() = default;
  explicit Metrics(const base::Metrics& registry);

  void count_command(const Verb& verb, Reply::Kind result) const;

  struct Results {
    base::Counter ok, no, bad;
  };
  std::vector<Results> commands;  // by row of the verb table
  base::Counter malformed;
  base::Counter logins_accepted, logins_refused, logins_deferred;
  base::Counter bytes_in, bytes_out;
  tls::Metrics tls;
};

}  // namespace imap
