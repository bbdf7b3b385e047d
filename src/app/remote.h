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

/// The name of the place's file.
std::string config_file(const Place& place);
/// What the place says: the file (and the environment), or the directory.
Loaded read_config(const Place& place, const Sources& sources);

struct CommandCall {
  std::string name;  // "domain add"
  admin::Arguments arguments;
  bool json = false;
  bool needs_server = false;  // makes no sense beside a stopped one
};
int run_command(const Place& place, const CommandCall& call);
/// A command whose reply is followed by lines: prints them as they come, until the server ends.
int run_following(const Place& place, const CommandCall& call);

/// `stop`: asks the server to end and waits until its process has. The exit status.
int stop_server(const Place& place, std::chrono::seconds patience, bool json);

inline constexpr const char* kDefaultConfigFile = "/etc/postrider/postrider.toml";

}  // namespace app
