#include "app/cli_kit.h"

#include <cstdio>

namespace app {

int refuse(const base::Error& error, int status) {
  std::fprintf(stderr, "postrider: %s\n", error.text.c_str());
  return status;
}

CLI::App* command(CLI::App& parent, const char* name, const char* what, const char* example) {
  CLI::App* made = parent.add_subcommand(name, what);
  made->footer(std::string("Example: ") + example);
  return made;
}

CLI::App* group(CLI::App& parent, const char* name, const char* what) {
  CLI::App* made = parent.add_subcommand(name, what);
  made->require_subcommand(1);
  return made;
}

void add_place(CLI::App& app, Given& given) {
  CLI::Option* config = app.add_option("-c,--config", given.place.config_file,
                                       "Configuration file (" + std::string(kDefaultConfigFile) + ")");
  app.add_option("-d,--dir", given.place.directory, "Data directory, instead of a configuration")->excludes(config);
}

void admin_command(CLI::App& app, Given& given, const char* name, bool needs_server,
                   std::function<base::Result<admin::Arguments>()> arguments) {
  add_place(app, given);
  app.add_flag("--json", given.json, "Print the result as JSON");
  app.callback([&given, name, needs_server, arguments = std::move(arguments)] {
    given.action = [&given, name, needs_server, arguments] { return call(given, name, needs_server, arguments()); };
  });
}

int call(const Given& given, const char* name, bool needs_server, base::Result<admin::Arguments> arguments) {
  if (!arguments) return refuse(arguments.error());
  return run_command(
      given.place,
      {.name = name, .arguments = *std::move(arguments), .json = given.json, .needs_server = needs_server});
}

base::Result<admin::Arguments> nothing() { return admin::Arguments{}; }

}  // namespace app
