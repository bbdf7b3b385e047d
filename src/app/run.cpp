#include "app/run.h"

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "app/exit.h"
#include "app/logging.h"
#include "app/parent_link.h"
#include "app/privileges.h"
#include "app/signals.h"
#include "app/split.h"
#include "app/systemd.h"

namespace app {

namespace {

constexpr std::chrono::milliseconds kLookAtFiles{1000};

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

std::string status_of(const Server& server) { return "Serving on " + std::to_string(server.listening()) + " sockets"; }

/// The signal that ends it; 0 when the privileged parent is gone.
int serve_until_signal(Server& server, const Signals& signals, const Supervisor& supervisor, bool hangup_reloads,
                       int parent_socket) {
  Heartbeat heart(server.loops());
  const auto pulse = std::min(kLookAtFiles, supervisor.pulse().value_or(kLookAtFiles));
  supervisor.ready(status_of(server));
  for (;;) {
    const int signal = signals.wait(pulse);
    if (signal == 0) {
      server.look_at_files();
    } else if (signal == SIGHUP && hangup_reloads) {
      supervisor.reloading();
      server.reload("SIGHUP");
      supervisor.ready(status_of(server));
    } else {
      return signal;
    }
    if (supervisor.pulse() && heart.beat()) supervisor.alive();
    if (parent_socket >= 0 && is_gone(parent_socket)) return 0;
  }
}

void log_end(const base::Log& log, int signal) {
  if (signal == 0) {
    log.error("app.parent.gone", {{"why", "the privileged parent process has ended: the server stops"}});
    return;
  }
  log.info("app.signal", {{"signal", signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP"}});
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
  const Supervisor supervisor = Supervisor::of_environment();
  Inherited inherited;
  auto sockets = HandedSockets::of_environment();
  if (!sockets) return failed(sockets.error());
  inherited.sockets = *std::move(sockets);
  int parent_socket = -1;
  if (must_split(config)) {
    raise_file_limit(Server::files_wanted(config), log);
    auto halves = split(loaded, read);
    if (!halves) return failed(halves.error());
    if (halves->ended) return *halves->ended;
    inherited.privileged = std::move(halves->privileged);
    parent_socket = halves->socket;
  }
  const auto server = Server::start(config, base::system_clock(), log, read, std::move(inherited));
  if (!server) return failed(server.error());
  if (options.when_ready) {
    if (const auto ready = options.when_ready(**server); !ready) return failed(ready.error());
  }
  log_end(log, serve_until_signal(**server, signals, supervisor, options.hangup_reloads, parent_socket));
  signals.release();
  supervisor.stopping();
  (*server)->stop();
  return 0;
}

}  // namespace app
