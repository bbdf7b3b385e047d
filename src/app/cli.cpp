#include "app/cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <optional>

#include "app/config.h"
#include "app/dev.h"
#include "app/files.h"
#include "app/password.h"
#include "app/remote.h"
#include "app/run.h"
#include "app/values.h"
#include "app/version.h"

namespace app {

namespace {

constexpr int kUsage = 2;

int refuse(const base::Error& error, int status = 1) {
  std::fprintf(stderr, "postrider: %s\n", error.text.c_str());
  return status;
}

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
  bool proxy_protocol = false;
  std::function<int()> action;
};

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

/// An admin command: its place, --json, and the call to make when it was chosen.
void admin_command(CLI::App& app, Given& given, const char* name, bool needs_server,
                   std::function<base::Result<admin::Arguments>()> arguments) {
  add_place(app, given);
  app.add_flag("--json", given.json, "Print the result as JSON");
  app.callback([&given, name, needs_server, arguments = std::move(arguments)] {
    given.action = [&given, name, needs_server, arguments]() -> int {
      auto values = arguments();
      if (!values) return refuse(values.error());
      return run_command(
          given.place,
          {.name = name, .arguments = *std::move(values), .json = given.json, .needs_server = needs_server});
    };
  });
}

base::Result<admin::Arguments> nothing() { return admin::Arguments{}; }

void add_domain(CLI::App& app, Given& given) {
  CLI::App* domain = group(app, "domain", "The domains that mail is taken for");
  const auto named = [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"name", given.name}}; };
  CLI::App* add = command(*domain, "add", "Take mail for a domain", "postrider domain add example.org");
  add->add_option("DOMAIN", given.name)->required();
  admin_command(*add, given, "domain add", false, named);
  CLI::App* list = command(*domain, "list", "List the domains", "postrider domain list --json");
  admin_command(*list, given, "domain list", false, nothing);
  CLI::App* remove = command(*domain, "remove", "Stop taking mail for a domain that has no accounts and aliases left",
                             "postrider domain remove example.org");
  remove->add_option("DOMAIN", given.name)->required();
  admin_command(*remove, given, "domain remove", false, named);
}

void add_password_options(CLI::App& app, Given& given) {
  CLI::Option* file = app.add_option("--password-file", given.password.file,
                                     "Read the password from the first line of a file; - is standard input");
  app.add_option("--password", given.password.value, "The password (others can see it in the list of processes)")
      ->excludes(file);
}

base::Result<admin::Arguments> account_arguments(const Given& given, bool with_quota) {
  admin::Arguments arguments{{"address", given.name}};
  if (with_quota && !given.quota.empty()) {
    const auto bytes = given.quota == "none" ? base::Result<std::uint64_t>(0) : parse_bytes(given.quota);
    if (!bytes) return base::fail(bytes.error().code, "--quota " + bytes.error().text);
    arguments["quota_bytes"] = *bytes;
  }
  TRY_ASSIGN(arguments["password"], read_password(given.password, given.name));
  return arguments;
}

void add_account(CLI::App& app, Given& given) {
  CLI::App* account = group(app, "account", "The people who have mail here");
  CLI::App* add = command(*account, "add", "Make an account; the password is asked for unless it is given",
                          "postrider account add ann@example.org --quota \"5 GiB\"");
  add->add_option("ADDRESS", given.name)->required();
  add->add_option("--quota", given.quota, "What it may hold (\"5 GiB\", \"none\"); limits.mailbox_quota otherwise");
  add_password_options(*add, given);
  admin_command(*add, given, "account add", false, [&given] { return account_arguments(given, true); });

  CLI::App* list =
      command(*account, "list", "List the accounts", "postrider account list --domain example.org --usage");
  list->add_option("--domain", given.domain, "Only those of one domain");
  list->add_flag("--usage", given.usage, "With what each holds");
  admin_command(*list, given, "account list", false, [&given]() -> base::Result<admin::Arguments> {
    admin::Arguments arguments{{"usage", given.usage}};
    if (!given.domain.empty()) arguments["domain"] = given.domain;
    return arguments;
  });

  CLI::App* remove =
      command(*account, "remove", "Remove an account with all its mail", "postrider account remove ann@example.org");
  remove->add_option("ADDRESS", given.name)->required();
  admin_command(*remove, given, "account remove", false,
                [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"address", given.name}}; });

  CLI::App* password = command(*account, "password", "Change the password of an account",
                               "postrider account password ann@example.org --password-file secret");
  password->add_option("ADDRESS", given.name)->required();
  add_password_options(*password, given);
  admin_command(*password, given, "account password", false, [&given] { return account_arguments(given, false); });
}

void add_alias(CLI::App& app, Given& given) {
  CLI::App* alias = group(app, "alias", "Addresses that lead to other addresses");
  CLI::App* add = command(*alias, "add", "Let an address lead to others",
                          "postrider alias add info@example.org ann@example.org bob@example.net");
  add->add_option("ADDRESS", given.name)->required();
  add->add_option("TARGET", given.names)->required();
  admin_command(*add, given, "alias add", false, [&given]() -> base::Result<admin::Arguments> {
    return admin::Arguments{{"address", given.name}, {"targets", given.names}};
  });
  CLI::App* list = command(*alias, "list", "List the aliases", "postrider alias list --domain example.org");
  list->add_option("--domain", given.domain, "Only those of one domain");
  admin_command(*list, given, "alias list", false, [&given]() -> base::Result<admin::Arguments> {
    return given.domain.empty() ? admin::Arguments{} : admin::Arguments{{"domain", given.domain}};
  });
  CLI::App* remove = command(*alias, "remove", "Remove an alias", "postrider alias remove info@example.org");
  remove->add_option("ADDRESS", given.name)->required();
  admin_command(*remove, given, "alias remove", false,
                [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"address", given.name}}; });
}

void add_views(CLI::App& app, Given& given) {
  CLI::App* queue = group(app, "queue", "Mail that waits to be sent elsewhere");
  admin_command(*command(*queue, "list", "List it, oldest first", "postrider queue list"), given, "queue list", false,
                nothing);

  CLI::App* mailbox = group(app, "mailbox", "The mailboxes of an account");
  CLI::App* list = command(*mailbox, "list", "List them", "postrider mailbox list ann@example.org");
  list->add_option("ADDRESS", given.name)->required();
  admin_command(*list, given, "mailbox list", false,
                [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"account", given.name}}; });

  admin_command(*command(app, "health", "Whether the running server is well (exit status 1: it is not)",
                         "postrider health --json"),
                given, "health", true, nothing);

  CLI::App* store = group(app, "store", "What is on disk");
  admin_command(
      *command(*store, "check", "Walk all records and messages and name what is wrong (exit status 1: something is)",
               "postrider store check --dir /var/lib/postrider"),
      given, "store check", false, nothing);
}

int serve(const Given& given) {
  auto config = config_of(given.place);
  if (!config) return refuse(config.error());
  return run_server(*std::move(config), {});
}

int check_config(const Given& given) {
  const auto config = config_of(given.place);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().text.c_str());
    return 1;
  }
  const std::string file = given.place.config_file.empty() ? kDefaultConfigFile : given.place.config_file;
  const auto mistakes = examine(*config, base::system_clock().now());
  for (const Mistake& mistake : mistakes) std::fprintf(stderr, "%s\n", mistake.located(file).c_str());
  if (mistakes.empty()) std::printf("%s: no mistakes\n", file.c_str());
  return mistakes.empty() ? 0 : 1;
}

void add_server(CLI::App& app, Given& given) {
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
  show->callback([&given] {
    given.action = [&given] {
      const auto loaded = config_of(given.place);
      if (!loaded) return refuse(loaded.error());
      std::fputs(print(*loaded).c_str(), stdout);
      return 0;
    };
  });
  command(*config, "docs", "Print the page that describes all keys", "postrider config docs > docs/config.md")
      ->callback([&given] {
        given.action = [] {
          std::fputs(reference().c_str(), stdout);
          return 0;
        };
      });
}

int dev(const Given& given) {
  for (const auto& [asked, option] :
       {std::pair(!given.resolver.empty(), "--resolver"), std::pair(!given.smarthost.empty(), "--smarthost"),
        std::pair(given.proxy_protocol, "--proxy-protocol")}) {
    if (asked)
      return refuse({base::Code::unsupported, std::string(option) + " is not available in this version"}, kUsage);
  }
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
  run->add_option("--resolver", given.resolver, "DNS server to ask, HOST:PORT (not available yet)");
  run->add_option("--smarthost", given.smarthost, "Where all outbound mail goes, HOST:PORT (not available yet)");
  run->add_flag("--proxy-protocol", given.proxy_protocol,
                "Expect a PROXY header on every listener (not available yet)");
  // For the test that shows that the power-cut test notices a store whose syncs do nothing; hidden from the help.
  run->add_flag("--unsafe-no-sync", given.dev.no_sync)->group("");
  run->callback([&given] { given.action = [&given] { return dev(given); }; });
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

int command_line(int argc, char** argv) {
  Given given;
  CLI::App app("postrider: a complete mail server in one program", "postrider");
  app.require_subcommand(1);
  app.footer("Example: postrider dev --dir /tmp/mail\nHelp for a command: postrider account add --help");
  add_server(app, given);
  add_dev(app, given);
  add_domain(app, given);
  add_account(app, given);
  add_alias(app, given);
  add_views(app, given);
  add_version(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  try {
    return given.action ? given.action() : kUsage;
  } catch (const std::exception& error) {  // out of memory, out of threads
    return refuse({base::Code::unavailable, std::string("it could not go on: ") + error.what()});
  }
}

}  // namespace app
