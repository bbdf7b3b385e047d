// The commands for who is here: domains, accounts, aliases.

#include "app/cli_kit.h"
#include "app/values.h"

namespace app {

namespace {

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

}  // namespace

void add_directory(CLI::App& app, Given& given) {
  add_domain(app, given);
  add_account(app, given);
  add_alias(app, given);
}

}  // namespace app
