#pragma once
// Private to the room (includes CLI11). What the files of the command line share: each of cli_*.cpp adds the commands
// of one subject to the parser, and each command leaves in Given what is to be done once the line was understood.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/dev.h"
#include "app/exit.h"
#include "app/password.h"
#include "app/remote.h"

namespace app {

/// Prints the sentence on standard error and returns the status.
int refuse(const base::Error& error, int status = kFailed);

/// What the options of the directory's commands are read into.
struct DirectoryOptions {
  std::optional<std::string> alias_of;
  std::optional<std::string> catch_all;
  std::optional<std::string> separator;
  std::optional<std::string> default_quota;
  std::optional<std::string> max_accounts;
  std::optional<std::string> quota;
  std::optional<std::string> state;
  std::optional<std::string> person;
  std::optional<std::string> quota_messages;
  std::optional<std::string> messages_per_day;
  std::optional<std::string> new_recipients_per_day;
  std::optional<std::string> match;
  std::optional<std::string> target;
  std::optional<std::string> posting;
  std::optional<std::string> list_send_as;
  std::vector<std::string> senders;
  std::vector<std::string> add;
  std::vector<std::string> remove;
  std::vector<std::string> grant;
  std::vector<std::string> withdraw;
  std::string credential;
  std::vector<std::string> protocols;
  std::vector<std::string> networks;
  std::optional<std::string> expires;
  bool generate = false;
  std::string import_file;
  bool skip_existing = false;
  bool shared = false;
  bool withhold = false;
};

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
  std::string queue_state;
  bool all = false;
  std::uint64_t limit = 1000;
  std::uint64_t newest = 20;
  std::string role;
  std::string ban_for;
  std::string ban_reason;
  std::string match;
  std::uint64_t top = 10;
  std::uint64_t grace_seconds = 10;
  std::uint64_t stop_seconds = 60;
  PasswordFrom password;
  DirectoryOptions directory;
  DevOptions dev;
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
/// What such a command does.
int call(const Given& given, const char* name, bool needs_server, base::Result<admin::Arguments> arguments);

// What the commands of the directory share, in cli_domains.cpp.
/// "5 GiB", or "none" for 0.
base::Result<std::uint64_t> quota_of(const std::string& text, const char* option);
/// An option that may be given several times, one value each.
CLI::Option* several(CLI::App& app, const char* name, std::vector<std::string>& values, const char* what);
void put_if(admin::Arguments& arguments, const char* name, const std::optional<std::string>& value);
void put_if(admin::Arguments& arguments, const char* name, const std::vector<std::string>& values);

/// Puts the text among the arguments unless it is empty.
void add_text(admin::Arguments& arguments, const char* name, const std::string& text);

/// What is made from the tree of commands.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string reference_page(const CLI::App& app);

// The commands, by file.
void add_domains(CLI::App& app, Given& given);    // cli_domains.cpp: domain
void add_accounts(CLI::App& app, Given& given);   // cli_accounts.cpp: account, credential
void add_aliases(CLI::App& app, Given& given);    // cli_aliases.cpp: alias, group
void add_views(CLI::App& app, Given& given);      // cli_views.cpp: what can be looked at
void add_mailboxes(CLI::App& app, Given& given);  // cli_mailboxes.cpp: mailbox
void add_bans(CLI::App& app, Given& given);       // cli_bans.cpp: ban
void add_log(CLI::App& app, Given& given);        // cli_log.cpp: the log while the server runs
void add_operator(CLI::App& app, Given& given);   // cli_operator.cpp: sessions, stop, the store
void add_reports(CLI::App& app, Given& given);    // cli_reports.cpp: reports of other hosts
void add_pages(CLI::App& app, Given& given);      // cli_pages.cpp: what is made from all other commands
void add_server(CLI::App& app, Given& given);     // cli_server.cpp: serve, config, reload, dev, sendmail, version

}  // namespace app
