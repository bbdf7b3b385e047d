#pragma once
// Monitor: GET /metrics. What is counted as it happens is in the registry of the log; what can only be looked at (the
// process, the queue, the loops, the certificate) is looked at when somebody asks. On any loop; outlives the sessions
// that it answers.

#include <functional>
#include <vector>

#include "admin/api.h"
#include "app/config.h"
#include "base/clock.h"
#include "base/log.h"
#include "delivery/delivery.h"
#include "http/session.h"
#include "net/loop.h"
#include "store/store.h"

namespace app {

class Monitor {
 public:
  struct Watched {
    net::Loops& loops;
    store::Store& store;
    delivery::Delivery& delivery;
    std::function<std::vector<admin::Status::Certificate>()> certificates;
  };
  Monitor(Watched watched, std::vector<base::Network> allowed, const base::Clock& clock, const base::Log& log);

  /// One HTTP connection.
  net::Task<void> serve(std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping);

 private:
  net::Task<http::Response> metrics();
  void look_at_loops();
  net::Task<void> look_at_process();

  const Watched watched_;
  const base::Clock& clock_;
  const base::Metrics registry_;
  http::Config config_;
  std::vector<http::Route> routes_;
  std::vector<base::Gauge> loop_lag_;
  base::Gauge queue_messages_, cpu_seconds_, resident_bytes_, virtual_bytes_, open_files_, max_files_;
};

}  // namespace app
