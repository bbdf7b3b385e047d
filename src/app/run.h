#pragma once
// The server as a process, or, started as root for another user, as two (split.h): starts it, waits for signals, looks
// at its files each second, tells its supervisor how it is, stops it. The exit status is 0 after an orderly stop and 1
// when it could not start (a sentence on standard error says why).

#include <functional>
#include <string>

#include "app/config.h"
#include "app/server.h"

namespace app {

struct RunOptions {
  /// Called once the server accepts; an error stops it again.
  std::function<base::Result<void>(Server&)> when_ready;
  /// SIGHUP reads the certificate again; false: it ends the server, as the closed terminal of a developer should.
  bool hangup_reloads = true;
  /// Where the configuration came from: the privileged parent reads it again.
  std::string config_file;
};

int run_server(Config config, const RunOptions& options);

}  // namespace app
