#include "tls/accept.h"

namespace tls {

Metrics::Metrics(const base::Metrics& registry) {
  const auto counter = [&registry](std::string_view result) {
    return registry.counter("postrider_tls_handshakes_total", "TLS handshakes as a server, by how they ended.",
                            {{"result", result}});
  };
  full = counter("full");
  resumed = counter("resumed");
  failed = counter("failed");
}

net::Task<std::unique_ptr<net::Stream>> accept(std::shared_ptr<const Acceptor> acceptor,
                                               std::unique_ptr<net::Stream> plain, Metrics metrics, base::Log log) {
  try {
    auto stream = co_await acceptor->accept(std::move(plain));
    const net::TlsInfo& info = *stream->tls();
    (info.resumed ? metrics.resumed : metrics.full).add();
    log.debug("tls.handshake",
              {{"version", info.version}, {"cipher", info.cipher}, {"resumed", info.resumed ? "yes" : "no"}});
    co_return stream;
  } catch (const net::Closed& closed) {
    metrics.failed.add();
    log.noise("tls.handshake.failed", {{"why", closed.what()}});
    throw;
  }
}

}  // namespace tls
