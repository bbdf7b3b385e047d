#include "app/run.h"

#include <csignal>
#include <cstdio>

#include "app/logging.h"
#include "app/signals.h"

namespace app {

namespace {

constexpr std::chrono::seconds kLookAtFiles{1};

int failed(const base::Error& error) {
  std::fprintf(stderr, "postrider: %s\n", error.text.c_str());
  return 1;
}

/// The signal that ends it.
int serve_until_signal(Server& server, const Signals& signals, bool hangup_reloads) {
  for (;;) {
    const int signal = signals.wait(kLookAtFiles);
    if (signal == 0) {
      server.look_at_files();
    } else if (signal == SIGHUP && hangup_reloads) {
      server.reload("SIGHUP");
    } else {
      return signal;
    }
  }
}

}  // namespace

int run_server(const ReadConfig& read, const RunOptions& options) {
  const Signals signals;
  const Loaded loaded = read(Sources::of_machine());
  if (!loaded.mistakes.empty()) {
    std::fprintf(stderr, "%s\n", located(loaded.mistakes).c_str());
    return 1;
  }
  const Config& config = loaded.config;
  const base::Log log = open_log(config);
  const auto server = Server::start(config, base::system_clock(), log, read);
  if (!server) return failed(server.error());
  if (options.when_ready) {
    if (const auto ready = options.when_ready(**server); !ready) return failed(ready.error());
  }
  const int signal = serve_until_signal(**server, signals, options.hangup_reloads);
  log.info("app.signal", {{"signal", signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP"}});
  signals.release();
  (*server)->stop();
  return 0;
}

}  // namespace app
