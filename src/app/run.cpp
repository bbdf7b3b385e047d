#include "app/run.h"

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "app/parent_link.h"
#include "app/privileges.h"
#include "app/signals.h"
#include "app/split.h"
#include "app/systemd.h"

namespace app {

namespace {

/// How often files are looked at.
constexpr std::chrono::microseconds kLook = std::chrono::seconds(1);
/// Descriptors beside the connections: the store's files, the loops, standard error.
constexpr std::uint64_t kOtherFiles = 2000;

int failed(const base::Error& error) {
  std::fprintf(stderr, "postrider: %s\n", error.text.c_str());
  return 1;
}

const char* name_of(int signal) { return signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP"; }

std::string status_of(const Server& server) {
  return "Serving, " + std::to_string(server.listeners()) + " listening sockets";
}

/// The server's life between its start and its end; the signal that ended it, or nothing when the parent is gone.
std::optional<int> serve(Server& server, const Signals& signals, const Supervisor& supervisor, bool hangup_reloads,
                         int parent_socket) {
  Heartbeat heart(server.loops());
  const auto pulse = std::min(kLook, supervisor.pulse().value_or(kLook));
  supervisor.ready(status_of(server));
  for (;;) {
    const auto signal = signals.wait(pulse);
    const bool reload = signal == SIGHUP && hangup_reloads;
    if (signal && !reload) return signal;
    if (reload) supervisor.reloading();
    server.look_at_files();
    if (reload) supervisor.ready(status_of(server));
    if (heart.beat()) supervisor.alive();
    if (parent_socket >= 0 && is_gone(parent_socket)) return std::nullopt;
  }
}

}  // namespace

int run_server(Config config, const RunOptions& options) {
  const Signals signals;
  const base::Log log = base::Log::to_stderr(config.log_level, config.log_format == LogFormat::json);
  const Supervisor supervisor = Supervisor::of_environment();
  Inherited inherited;
  auto sockets = HandedSockets::of_environment();
  if (!sockets) return failed(sockets.error());
  inherited.sockets = *std::move(sockets);
  raise_file_limit(config.connections.connections + kOtherFiles, log);
  int parent_socket = -1;
  if (must_split(config)) {
    auto halves = split(config, options.config_file, log);
    if (!halves) return failed(halves.error());
    if (halves->ended) return *halves->ended;
    inherited.privileged = std::move(halves->privileged);
    parent_socket = halves->socket;
  }
  const auto server = Server::start(std::move(config), base::system_clock(), log, std::move(inherited));
  if (!server) return failed(server.error());
  if (options.when_ready) {
    if (const auto ready = options.when_ready(**server); !ready) return failed(ready.error());
  }
  if (const auto signal = serve(**server, signals, supervisor, options.hangup_reloads, parent_socket)) {
    log.info("app.signal", {{"signal", name_of(*signal)}});
  } else {
    log.error("app.parent.gone", {{"why", "the privileged parent process has ended: the server stops"}});
  }
  signals.release();
  supervisor.stopping();
  (*server)->stop();
  return 0;
}

}  // namespace app
