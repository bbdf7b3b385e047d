#pragma once
// An admin command from the command line: asks the running server through its socket, or, when none answers, opens the
// store in this process and carries it out here; the store's lock excludes both at once. Prints, and returns the exit
// status.

#include <chrono>
#include <string>

#include "admin/api.h"
#include "app/config.h"

namespace app {

/// Where the server is: a configuration file, or its data directory alone.
struct Place {
  std::string config_file;
  std::string directory;
};

/// What the place says; mistakes of the file are printed, one a line, into the error.
base::Result<Config> config_of(const Place& place);

struct CommandCall {
  std::string name;  // "domain add"
  admin::Arguments arguments;
  bool json = false;
  bool needs_server = false;  // makes no sense beside a stopped one
};
int run_command(const Place& place, const CommandCall& call);

/// `stop`: asks the server to end and waits until its process has. The exit status.
int stop_server(const Place& place, std::chrono::seconds patience, bool json);

inline constexpr const char* kDefaultConfigFile = "/etc/postrider/postrider.toml";

}  // namespace app
