// The commands of whoever runs the server: its sessions, its health, its end, and what is on disk.

#include <filesystem>

#include "app/cli_kit.h"

namespace app {

namespace {

using Arguments = base::Result<admin::Arguments>;

admin::Arguments filter_of(const Given& given) {
  admin::Arguments arguments;
  add_text(arguments, "user", given.user);
  add_text(arguments, "address", given.address);
  add_text(arguments, "protocol", given.protocol);
  add_text(arguments, "listener", given.listener);
  return arguments;
}

void add_filter(CLI::App& app, Given& given) {
  app.add_option("--user", given.user, "Only those of this user");
  app.add_option("--address", given.address, "Only those from this address");
  app.add_option("--protocol", given.protocol, "Only those of this protocol, as `sessions list` shows it");
  app.add_option("--listener", given.listener, "Only those of this listener");
}

void add_sessions(CLI::App& app, Given& given) {
  CLI::App* sessions = group(app, "sessions", "The connections that are open now");
  CLI::App* list =
      command(*sessions, "list", "List them, oldest first", "postrider sessions list --user ann@example.org");
  add_filter(*list, given);
  admin_command(*list, given, "sessions list", true, [&given]() -> Arguments { return filter_of(given); });

  CLI::App* close = command(*sessions, "close", "End them with a word of their protocol",
                            "postrider sessions close --address 192.0.2.7");
  close->add_option("ID", given.names, "Numbers, as `sessions list` and the log show them");
  add_filter(*close, given);
  close->add_option("--grace", given.grace_seconds, "Seconds until those that have not ended are cut")
      ->capture_default_str();
  admin_command(*close, given, "sessions close", true, [&given]() -> Arguments {
    admin::Arguments arguments = filter_of(given);
    if (!given.names.empty()) arguments["ids"] = given.names;
    arguments["grace_seconds"] = given.grace_seconds;
    return arguments;
  });
}

void add_life(CLI::App& app, Given& given) {
  admin_command(
      *command(app, "health", "Whether the running server is well (exit status 1: it is not; 69: no server runs)",
               "postrider health --json"),
      given, "health", true, nothing);

  CLI::App* stop = command(app, "stop", "Stop the running server in order, and wait until it is gone",
                           "postrider stop --timeout 120");
  add_place(*stop, given);
  stop->add_option("--timeout", given.stop_seconds,
                   "Seconds to wait; then the exit status is 75, and it goes on stopping")
      ->capture_default_str();
  stop->add_flag("--json", given.json, "Print the result as JSON");
  stop->callback([&given] {
    given.action = [&given] { return stop_server(given.place, std::chrono::seconds(given.stop_seconds), given.json); };
  });
}

/// The server has another working directory than whoever asks.
Arguments checkpoint_arguments(const Given& given) {
  std::error_code error;
  const auto path = std::filesystem::absolute(given.name, error);
  if (error || given.name.empty()) return base::fail(base::Code::invalid, "DIR must be the name of a new directory");
  return admin::Arguments{{"directory", path.lexically_normal().string()}};
}

void add_store(CLI::App& app, Given& given) {
  CLI::App* store = group(app, "store", "What is on disk");
  admin_command(
      *command(
          *store, "check",
          "Walk all records and messages and name what is wrong (exit status 1: something is); also of a checkpoint",
          "postrider store check --dir /backup/postrider-monday"),
      given, "store check", false, nothing);

  CLI::App* checkpoint = command(*store, "checkpoint", "Make a consistent copy beside the running server",
                                 "postrider store checkpoint /var/lib/postrider/backup-monday");
  checkpoint->add_option("DIR", given.name, "A new directory, which the server's user can make")->required();
  admin_command(*checkpoint, given, "store checkpoint", false,
                [&given]() -> Arguments { return checkpoint_arguments(given); });

  admin_command(*command(*store, "compact", "Give back the space of removed mail now, not at some later time",
                         "postrider store compact"),
                given, "store compact", false, nothing);

  CLI::App* stats = command(*store, "stats", "What takes how much space, by table, account and age; reads all records",
                            "postrider store stats --top 20");
  stats->add_option("--account", given.name, "Of the accounts only this one");
  stats->add_option("--top", given.top, "Of the accounts only so many")->capture_default_str();
  admin_command(*stats, given, "store stats", false, [&given]() -> Arguments {
    admin::Arguments arguments{{"top", given.top}};
    add_text(arguments, "account", given.name);
    return arguments;
  });
}

void add_destination(CLI::App& app, Given& given) {
  CLI::App* destination = group(app, "destination", "Where mail to others goes");
  CLI::App* test =
      command(*destination, "test",
              "Find and greet the mail hosts of a domain as for a message, and send nothing: MX, TLS and policy",
              "postrider destination test someone@example.net");
  test->add_option("DOMAIN", given.name, "A domain, or an address in it")->required();
  admin_command(*test, given, "destination test", true,
                [&given]() -> Arguments { return admin::Arguments{{"domain", given.name}}; });
}

}  // namespace

void add_operator(CLI::App& app, Given& given) {
  add_destination(app, given);
  add_sessions(app, given);
  add_life(app, given);
  add_store(app, given);
}

}  // namespace app
