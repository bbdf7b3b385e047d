#pragma once
// The server's handshake as sessions make it: counted, and logged with the session's fields. A failure is a peer's
// affair (scanners, old programs, trust) and noise in the log. On the stream's loop.

#include <memory>

#include "base/log.h"
#include "tls/tls.h"

namespace tls {

struct Metrics {
  Metrics() = default;
  explicit Metrics(const base::Metrics& registry);

  base::Counter full, resumed, failed;
};

/// Acceptor::accept() with "tls.handshake" (debug) or "tls.handshake.failed" behind it.
net::Task<std::unique_ptr<net::Stream>> accept(std::shared_ptr<const Acceptor> acceptor,
                                               std::unique_ptr<net::Stream> plain, Metrics metrics, base::Log log);

}  // namespace tls
