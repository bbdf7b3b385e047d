#include "app/run.h"

#include <csignal>
#include <cstdio>

#include "app/exit.h"
#include "app/signals.h"

namespace app {

namespace {

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
    (*server)->reload_certificate();
    signal = signals.wait();
  }
  log.info("app.signal", {{"signal", signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP"}});
  signals.release();
  (*server)->stop();
  return 0;
}

}  // namespace app
