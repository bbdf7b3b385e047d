// The log of the running server: follow it, and change what is logged.

#include "app/cli_kit.h"

namespace app {

namespace {

base::Result<admin::Arguments> level_arguments(const Given& given) {
  admin::Arguments arguments;
  if (!given.name.empty()) arguments.emplace("level", given.name);
  if (!given.filter.empty()) arguments.emplace("events", given.filter);
  return arguments;
}

int follow(const Given& given) {
  admin::Arguments arguments{{"level", given.name}};
  if (!given.filter.empty()) arguments.emplace("filter", given.filter);
  return run_following(given.place, {.name = "log follow", .arguments = std::move(arguments), .json = given.json});
}

}  // namespace

void add_log(CLI::App& app, Given& given) {
  CLI::App* log = group(app, "log", "The log of the running server");

  CLI::App* level =
      command(*log, "level", "Show the levels, or set one until the next start", "postrider log level debug smtp");
  level->add_option("LEVEL", given.name, "debug, info, warning or error");
  level->add_option("EVENTS", given.filter, "The beginning of events' names; without it the level is that of all");
  admin_command(*level, given, "log level", true, [&given] { return level_arguments(given); });

  CLI::App* watch = command(*log, "follow", "Print lines as they are logged, until interrupted",
                            "postrider log follow --level debug session=17");
  add_place(*watch, given);
  watch->add_option("--level", given.name, "The least level")->default_str("info");
  watch->add_option("FILTER", given.filter, "Only lines that contain this text");
  watch->add_flag("--json", given.json, "Print JSON objects");
  watch->callback([&given] {
    if (given.name.empty()) given.name = "info";
    given.action = [&given] { return follow(given); };
  });
}

}  // namespace app
