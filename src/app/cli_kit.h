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
#include "app/exit.h"
#include "app/password.h"
#include "app/remote.h"

namespace app {

/// Prints the sentence on standard error and returns the status.
int refuse(const base::Error& error, int status = kFailed);

/// What the options of all commands are read into, and what is to be done in the end.
struct Given {
  Place place;
  bool json = false;
  std::string name;
  std::vector<std::string> names;
  std::string filter;
  std::string domain;
  std::string quota;
  bool usage = false;
  std::string user;
  std::string address;
  std::string protocol;
  std::string listener;
  std::string sender;
  std::string recipient;
  std::string older;
  std::string role;
  std::string match;
  std::uint64_t top = 10;
  std::uint64_t grace_seconds = 10;
  std::uint64_t stop_seconds = 60;
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
/// Puts the text among the arguments unless it is empty.
void add_text(admin::Arguments& arguments, const char* name, const std::string& text);

/// What is made from the tree of commands.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string reference_page(const CLI::App& app);

// The commands, by file.
void add_directory(CLI::App& app, Given& given);  // cli_directory.cpp: domain, account, alias
void add_views(CLI::App& app, Given& given);      // cli_views.cpp: what can be looked at
void add_log(CLI::App& app, Given& given);        // cli_log.cpp: the log while the server runs
void add_operator(CLI::App& app, Given& given);   // cli_operator.cpp: sessions, stop, the store
void add_pages(CLI::App& app, Given& given);      // cli_pages.cpp: what is made from all other commands
void add_server(CLI::App& app, Given& given);     // cli_server.cpp: serve, config, reload, dev, version

}  // namespace app
