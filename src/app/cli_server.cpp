// The commands that are the server, or that need none: serve, config, reload, dev, version.

#include <cstdio>

#include "app/cli_kit.h"
#include "app/run.h"
#include "app/version.h"

namespace app {

namespace {

int mistaken(const std::vector<Mistake>& mistakes) {
  std::fprintf(stderr, "%s\n", located(mistakes).c_str());
  return 1;
}

int serve(const Given& given) {
  return run_server([place = given.place](const Sources& sources) { return read_config(place, sources); }, {});
}

int check_config(const Given& given) {
  const Loaded loaded = read_config(given.place, Sources::of_machine());
  if (!loaded.mistakes.empty()) return mistaken(loaded.mistakes);
  const auto found = examine(loaded, base::system_clock().now(), *in_this_process());
  if (!found.empty()) return mistaken(found);
  std::printf("%s: no mistakes\n", config_file(given.place).c_str());
  return 0;
}

int print_config(const Given& given) {
  const Loaded loaded = read_config(given.place, Sources::of_machine());
  if (!loaded.mistakes.empty()) return mistaken(loaded.mistakes);
  std::fputs(print(loaded.config).c_str(), stdout);
  return 0;
}

void add_run(CLI::App& app, Given& given) {
  CLI::App* run =
      command(app, "serve", "Run the server until SIGTERM", "postrider serve --config /etc/postrider/postrider.toml");
  run->add_option("-c,--config", given.place.config_file,
                  "Configuration file (" + std::string(kDefaultConfigFile) + ")");
  run->callback([&given] { given.action = [&given] { return serve(given); }; });

  CLI::App* config = group(app, "config", "The configuration file");
  CLI::App* check =
      command(*config, "check", "Name every mistake with its line", "postrider config check --config new.toml");
  check->add_option("-c,--config,FILE", given.place.config_file,
                    "Configuration file (" + std::string(kDefaultConfigFile) + ")");
  check->callback([&given] { given.action = [&given] { return check_config(given); }; });
  CLI::App* show = command(*config, "print", "Print all values in force", "postrider config print");
  show->add_option("-c,--config,FILE", given.place.config_file,
                   "Configuration file (" + std::string(kDefaultConfigFile) + ")");
  show->callback([&given] { given.action = [&given] { return print_config(given); }; });
  command(*config, "docs", "Print the page that describes all keys", "postrider config docs > docs/config.md")
      ->callback([&given] {
        given.action = [] {
          std::fputs(reference().c_str(), stdout);
          return 0;
        };
      });
}

void add_reload(CLI::App& app, Given& given) {
  admin_command(
      *command(app, "reload",
               "Take up a changed configuration: all of it, or nothing when there is a mistake (exit status 1)",
               "postrider reload"),
      given, "reload", true, nothing);
}

int dev(const Given& given) {
  if (const auto config = dev_config(given.dev); !config) return refuse(config.error(), kUsage);
  return run_dev(given.dev);
}

void add_dev(CLI::App& app, Given& given) {
  CLI::App* run = command(app, "dev", "Run a whole server in one directory, without root and configuration",
                          "postrider dev --dir /tmp/mail --users 10");
  run->add_option("--dir", given.dev.directory, "Where everything is kept; made when missing")->required();
  run->add_option("--host", given.dev.host, "Address to listen on")->capture_default_str();
  run->add_option("--base-port", given.dev.base_port, "What is added to each port: 25 becomes 2025")
      ->capture_default_str();
  run->add_option("--domain", given.dev.domain, "The mail domain")->capture_default_str();
  run->add_option("--users", given.dev.users, "How many users u1, u2, … there are")->capture_default_str();
  run->add_option("--password", given.dev.password, "Their password")->capture_default_str();
  run->add_option("--config", given.dev.config_file, "A TOML file on top");
  run->add_option("--resolver", given.dev.resolver, "Name server to ask, ADDRESS:PORT, without DNSSEC");
  run->add_option("--smarthost", given.dev.smarthost, "Where all mail for elsewhere goes, HOST:PORT");
  run->add_flag("--proxy-protocol", given.dev.proxy_protocol, "Expect a PROXY header from loopback on every listener");
  // For the test that shows that the power-cut test notices a store whose syncs do nothing; hidden from the help.
  run->add_flag("--unsafe-no-sync", given.dev.no_sync)->group("");
  run->callback([&given] { given.action = [&given] { return dev(given); }; });
}

/// For the help and the pages: its flags are not of our kind, and run_sendmail() reads them.
void add_sendmail(CLI::App& app) {
  command(app, "sendmail",
          "Take a message from standard input, as the program of that name does (sendmail --help has the flags)",
          "postrider sendmail -t < message");
}

void add_version(CLI::App& app, Given& given) {
  command(app, "version", "Print the version, the compiler and the libraries", "postrider version")->callback([&given] {
    given.action = [] {
      std::fputs(full_version().c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace

void add_server(CLI::App& app, Given& given) {
  add_run(app, given);
  add_reload(app, given);
  add_dev(app, given);
  add_sendmail(app);
  add_version(app, given);
}

}  // namespace app
