#pragma once
// The server as a process, or, started as root for another user, as two (split.h): reads its configuration, starts it,
// waits for signals and for changes of files, tells its supervisor how it is (systemd.h), stops it.
// The exit status is 0 after an orderly stop; when it could not start, a sentence on standard error says why (one for
// each mistake of the configuration), and the status says of which kind that is (app/exit.h).

#include <functional>

#include "app/server.h"

namespace app {

struct RunOptions {
  /// Called once the server accepts; an error stops it again.
  std::function<base::Result<void>(Server&)> when_ready;
  /// SIGHUP reads the configuration again; false: it ends the server, as the closed terminal of a developer should.
  bool hangup_reloads = true;
};

int run_server(const ReadConfig& read, const RunOptions& options);

}  // namespace app
