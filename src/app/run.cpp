#include "app/run.h"

#include <csignal>
#include <cstdio>

#include "app/exit.h"
#include "app/logging.h"
#include "app/signals.h"

namespace app {

namespace {

constexpr std::chrono::seconds kLookAtFiles{1};

/// What to do about it, where the error is the system's and does not say so itself.
std::string advice(const base::Error& error) {
  switch (error.code) {
    case base::Code::no_space:
      return ": make room on that disk and start again";
    case base::Code::corrupt:
      return ": see `postrider store check`, and restore from a checkpoint if it cannot be opened";
    default:
      return {};
  }
}

int failed(const base::Error& error) {
  std::fprintf(stderr, "postrider: %s%s\n", error.text.c_str(), advice(error).c_str());
  return exit_of(error);
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
    return kConfiguration;
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
