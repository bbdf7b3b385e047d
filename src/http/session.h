#pragma once
// One HTTP/1.x connection, server side (RFC 9112), from its first request to its end: requests one after another within
// limits, each handed to the route of its path. The driver owns its stream; one coroutine per connection. Knows nothing
// of what is served. Handlers, config and clock outlive it.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "http/message.h"
#include "http/parser.h"
#include "net/server.h"
#include "net/stream.h"

namespace http {

using Handler = std::function<net::Task<Response>(Request)>;

/// HEAD is answered by the handler of GET.
struct Route {
  std::string method;
  std::string path;
  Handler handler;
};

struct Config {
  Limits limits;
  std::size_t max_requests = 10'000;         // of one connection
  std::chrono::seconds request_timeout{20};  // from the first byte of a request to its last
  std::chrono::seconds idle_timeout{75};     // until the next request
  std::chrono::seconds write_timeout{60};
  std::function<bool(std::string_view address)> allowed;  // who may ask at all; empty: everybody
};

/// Throws net::Closed only.
net::Task<void> serve(std::unique_ptr<net::Stream> stream, const Config& config, const std::vector<Route>& routes,
                      const base::Clock& clock, base::Log log, net::Stopping stopping);

/// What a connection above the listener's limits is told, as net::Server wants it.
std::string too_many_connections();

}  // namespace http
