#include "app/run.h"

#include <csignal>
#include <cstdio>

#include "app/logging.h"
#include "app/signals.h"

namespace app {

namespace {

int failed(const base::Error& error) {
  std::fprintf(stderr, "postrider: %s\n", error.text.c_str());
  return 1;
}

}  // namespace

int run_server(Config config, const RunOptions& options) {
  const Signals signals;
  const base::Log log = open_log(config);
  const auto server = Server::start(std::move(config), base::system_clock(), log);
  if (!server) return failed(server.error());
  if (options.when_ready) {
    if (const auto ready = options.when_ready(**server); !ready) return failed(ready.error());
  }
  int signal = signals.wait();
  while (signal == SIGHUP && options.hangup_reloads) {
    (*server)->reload_certificate();
    signal = signals.wait();
  }
  log.info("app.signal", {{"signal", signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP"}});
  signals.release();
  (*server)->stop();
  return 0;
}

}  // namespace app
