#pragma once
// Private to the room (includes CLI11). What the files of the command line share: each of cli_*.cpp adds the commands
// of one subject to the parser, and each command leaves in Given what is to be done once the line was understood.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <string>
#include <vector>

#include "app/dev.h"
#include "app/password.h"
#include "app/remote.h"

namespace app {

inline constexpr int kUsage = 2;  // exit status: the command line itself is wrong

/// Prints the sentence on standard error and returns the status.
int refuse(const base::Error& error, int status = 1);

/// What the options of all commands are read into, and what is to be done in the end.
struct Given {
  Place place;
  bool json = false;
  std::string name;
  std::vector<std::string> names;
  std::string domain;
  std::string quota;
  bool usage = false;
  PasswordFrom password;
  DevOptions dev;
  std::string resolver;
  std::string smarthost;
  std::function<int()> action;
};

/// A command with its example, and a group of commands.
CLI::App* command(CLI::App& parent, const char* name, const char* what, const char* example);
CLI::App* group(CLI::App& parent, const char* name, const char* what);

/// --config and --dir.
void add_place(CLI::App& app, Given& given);

/// An admin command: its place, --json, and the call to make when it was chosen.
void admin_command(CLI::App& app, Given& given, const char* name, bool needs_server,
                   std::function<base::Result<admin::Arguments>()> arguments);
base::Result<admin::Arguments> nothing();

// The commands, by file.
void add_directory(CLI::App& app, Given& given);  // cli_directory.cpp: domain, account, alias
void add_views(CLI::App& app, Given& given);      // cli_views.cpp: what can be looked at
void add_server(CLI::App& app, Given& given);     // cli_server.cpp: serve, config, dev, version

}  // namespace app
