#include "app/run.h"

#include <csignal>
#include <cstdio>

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
  const base::Log log = base::Log::to_stderr(config.log_level, config.log_format == LogFormat::json);
  const auto server = Server::start(std::move(config), base::system_clock(), log);
  if (!server) return failed(server.error());
  if (options.when_ready) {
    if (const auto ready = options.when_ready(**server); !ready) return failed(ready.error());
  }
  int signal = signals.wait();
  while (signal == SIGHUP && options.hangup_reloads) {
    (*server)->look_at_files();
    signal = signals.wait();
  }
  log.info("app.signal", {{"signal", signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP"}});
  signals.release();
  (*server)->stop();
  return 0;
}

}  // namespace app
