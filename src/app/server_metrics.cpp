// The server's own HTTP listener, for its metrics.
#include "app/server.h"

namespace app {

namespace {

constexpr std::size_t kMetricsConnections = 64;

}  // namespace

base::Result<void> Server::serve_metrics() {
  const MetricsEndpoint endpoint = config_.get()->metrics;
  if (endpoint.addresses.empty()) return {};
  monitor_ = std::make_unique<Monitor>(Monitor::Watched{.loops = *loops_,
                                                        .store = *store_,
                                                        .delivery = *delivery_,
                                                        .certificates = [this] { return certificates_.status(); }},
                                       endpoint.allowed, clock_, log_);
  for (const std::string& address : endpoint.addresses) {
    net::Loop& loop = loops_->at(metrics_.size() % loops_->size());
    auto bound = privileged_->listen(address, endpoint.port);
    auto socket = bound ? net::adopt_tcp(loop, *bound) : std::unexpected(std::move(bound).error());
    if (!socket) return base::fail(socket.error().code, "metrics.address: " + socket.error().text);
    log_.info("app.listen", {{"listener", "metrics"}, {"address", address}, {"port", (*socket)->port()}});
    net::Server::Options options{
        .name = "metrics",
        .limits = {.connections = kMetricsConnections, .connections_per_address = kMetricsConnections},
        .too_many = http::too_many_connections()};
    auto serve = [this](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
      return monitor_->serve(std::move(stream), std::move(log), std::move(stopping));
    };
    metrics_.push_back(
        std::make_unique<net::Server>(*std::move(socket), loop, *loops_, std::move(options), std::move(serve), log_));
    metrics_.back()->start();
  }
  return {};
}

}  // namespace app
