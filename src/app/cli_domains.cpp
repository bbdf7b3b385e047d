// The commands for domains, and what the directory's commands share.

#include "app/cli_kit.h"
#include "app/values.h"
#include "base/text.h"

namespace app {

base::Result<std::uint64_t> quota_of(const std::string& text, const char* option) {
  if (text == "none") return std::uint64_t{0};
  auto bytes = parse_bytes(text);
  if (!bytes) return base::fail(bytes.error().code, std::string(option) + " " + bytes.error().text);
  return bytes;
}

CLI::Option* several(CLI::App& app, const char* name, std::vector<std::string>& values, const char* what) {
  return app.add_option(name, values, what)->allow_extra_args(false);
}

void put_if(admin::Arguments& arguments, const char* name, const std::optional<std::string>& value) {
  if (value) arguments[name] = *value;
}

void put_if(admin::Arguments& arguments, const char* name, const std::vector<std::string>& values) {
  if (!values.empty()) arguments[name] = values;
}

namespace {

/// "none" is an empty text.
void put_or_none(admin::Arguments& arguments, const char* name, const std::optional<std::string>& value) {
  if (value) arguments[name] = *value == "none" ? std::string() : *value;
}

base::Result<admin::Arguments> domain_arguments(const Given& given) {
  const DirectoryOptions& options = given.directory;
  admin::Arguments arguments{{"name", given.name}};
  put_if(arguments, "alias_of", options.alias_of);
  put_or_none(arguments, "catch_all", options.catch_all);
  put_or_none(arguments, "separator", options.separator);
  if (options.default_quota == "server") {
    arguments["no_default_quota"] = true;
  } else if (options.default_quota) {
    TRY_ASSIGN(arguments["default_quota_bytes"], quota_of(*options.default_quota, "--default-quota"));
  }
  if (options.quota) {
    TRY_ASSIGN(arguments["quota_bytes"], quota_of(*options.quota, "--quota"));
  }
  if (!options.max_accounts) return arguments;
  const auto number =
      *options.max_accounts == "none" ? std::optional<std::uint64_t>(0) : base::parse_u64(*options.max_accounts);
  if (!number) return base::fail(base::Code::invalid, "--max-accounts must be a whole number or none");
  arguments["max_accounts"] = *number;
  return arguments;
}

void add_settings(CLI::App& app, Given& given) {
  DirectoryOptions& options = given.directory;
  app.add_option("--catch-all", options.catch_all, "Who gets the mail for addresses that do not exist; none: nobody");
  app.add_option("--separator", options.separator,
                 "What begins the tag of user+tag, one of +-=_.#~; none: nothing does");
  app.add_option("--default-quota", options.default_quota,
                 "What a new account may hold (\"5 GiB\", none; server: limits.mailbox_quota)");
  app.add_option("--max-accounts", options.max_accounts, "How many accounts there may be (none: any number)");
  app.add_option("--quota", options.quota,
                 "What all accounts together should hold; told by list and show when it is more, never enforced");
}

}  // namespace

void add_domains(CLI::App& app, Given& given) {
  CLI::App* domain = group(app, "domain", "The domains that mail is taken for");
  const auto arguments = [&given] { return domain_arguments(given); };
  const auto named = [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"name", given.name}}; };

  CLI::App* add = command(*domain, "add", "Take mail for a domain", "postrider domain add example.org");
  add->add_option("DOMAIN", given.name)->required();
  add->add_option("--alias-of", given.directory.alias_of, "Another domain of ours whose addresses it has, too");
  add_settings(*add, given);
  admin_command(*add, given, "domain add", false, arguments);

  CLI::App* list = command(*domain, "list", "List the domains", "postrider domain list --json");
  list->add_option("--match", given.directory.match, "Only those with this text in them");
  list->add_flag("--usage", given.usage, "With what the accounts of each hold");
  admin_command(*list, given, "domain list", false, [&given]() -> base::Result<admin::Arguments> {
    admin::Arguments filters{{"usage", given.usage}};
    put_if(filters, "match", given.directory.match);
    return filters;
  });

  CLI::App* show = command(*domain, "show", "Show one domain", "postrider domain show example.org");
  show->add_option("DOMAIN", given.name)->required();
  admin_command(*show, given, "domain show", false, named);

  CLI::App* set = command(*domain, "set", "Change the settings of a domain",
                          "postrider domain set example.org --catch-all ann@example.org --max-accounts 50");
  set->add_option("DOMAIN", given.name)->required();
  add_settings(*set, given);
  admin_command(*set, given, "domain set", false, arguments);

  CLI::App* remove = command(*domain, "remove", "Stop taking mail for a domain that has no accounts and aliases left",
                             "postrider domain remove example.org");
  remove->add_option("DOMAIN", given.name)->required();
  admin_command(*remove, given, "domain remove", false, named);
}

}  // namespace app
