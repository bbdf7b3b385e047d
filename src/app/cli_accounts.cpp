// The commands for accounts and their credentials.

#include <fstream>
#include <iostream>

#include "app/cli_kit.h"
#include "base/text.h"

namespace app {

namespace {

// One request and one commit of an import.
constexpr std::size_t kImportLines = 500;
constexpr std::size_t kImportBytes = 256 * 1024;

void add_password_options(CLI::App& app, Given& given) {
  CLI::Option* file = app.add_option("--password-file", given.password.file,
                                     "Read the password from the first line of a file; - is standard input");
  app.add_option("--password", given.password.value, "The password (others can see it in the list of processes)")
      ->excludes(file);
}

base::Result<admin::Arguments> address_alone(const Given& given) { return admin::Arguments{{"address", given.name}}; }

base::Result<admin::Arguments> with_password(const Given& given, bool may_keep = false) {
  admin::Arguments arguments{{"address", given.name}};
  if (!given.directory.credential.empty()) arguments["name"] = given.directory.credential;
  put_if(arguments, "protocols", given.directory.protocols);
  put_if(arguments, "networks", given.directory.networks);
  put_if(arguments, "expires", given.directory.expires);
  const bool limited =
      arguments.contains("protocols") || arguments.contains("networks") || arguments.contains("expires");
  const bool given_one = given.directory.generate || !given.password.file.empty() || !given.password.value.empty();
  if (may_keep && limited && !given_one) return arguments;
  if (given.directory.generate) {
    arguments["generate"] = true;
    return arguments;
  }
  TRY_ASSIGN(arguments["password"], read_password(given.password, given.name));
  return arguments;
}

/// A number, "none" for any, or, where there is one, "default".
base::Result<void> put_limit(admin::Arguments& arguments, const char* name, const char* option,
                             const std::optional<std::string>& value, bool has_default = false) {
  if (!value) return {};
  if (has_default && *value == "default") {
    arguments[name] = *value;
    return {};
  }
  const auto number = *value == "none" ? std::optional<std::uint64_t>(0) : base::parse_u64(*value);
  if (!number) {
    return base::fail(base::Code::invalid, std::string(option) + " must be a whole number" +
                                               (has_default ? ", none or default" : " or none"));
  }
  arguments[name] = *number;
  return {};
}

/// The settings of an account that `add` and `set` share.
base::Result<void> put_settings(admin::Arguments& arguments, const Given& given) {
  if (!given.quota.empty()) {
    TRY_ASSIGN(arguments["quota_bytes"], quota_of(given.quota, "--quota"));
  }
  TRY(put_limit(arguments, "quota_messages", "--quota-messages", given.directory.quota_messages));
  put_if(arguments, "name", given.directory.person);
  return {};
}

base::Result<admin::Arguments> add_arguments(const Given& given) {
  admin::Arguments settings;
  TRY(put_settings(settings, given));
  if (given.directory.shared) {
    settings["address"] = given.name;
    settings["state"] = "shared";
    return settings;
  }
  TRY_ASSIGN(admin::Arguments arguments, with_password(given));
  arguments.merge(settings);
  return arguments;
}

base::Result<admin::Arguments> set_arguments(const Given& given) {
  admin::Arguments arguments{{"address", given.name}};
  TRY(put_settings(arguments, given));
  put_if(arguments, "state", given.directory.state);
  put_if(arguments, "send_as", given.directory.grant);
  put_if(arguments, "no_send_as", given.directory.withdraw);
  TRY(put_limit(arguments, "messages_per_day", "--messages-per-day", given.directory.messages_per_day, true));
  TRY(put_limit(arguments, "new_recipients_per_day", "--new-recipients-per-day", given.directory.new_recipients_per_day,
                true));
  return arguments;
}

/// The accounts of a file, some hundred in each commit; what was added before a mistake stays, and the next run may
/// skip it.
int import_accounts(const Given& given) {
  std::ifstream file;
  if (given.directory.import_file != "-") file.open(given.directory.import_file);
  if (file.fail()) return refuse({base::Code::not_found, "cannot read " + given.directory.import_file});
  std::istream& in = given.directory.import_file == "-" ? std::cin : file;
  std::vector<std::string> lines;
  std::size_t bytes = 0;
  std::uint64_t first = 1;
  std::uint64_t number = 0;
  const auto send = [&] {
    if (lines.empty()) return 0;
    admin::Arguments arguments{
        {"lines", std::move(lines)}, {"first_line", first}, {"skip_existing", given.directory.skip_existing}};
    lines.clear();
    bytes = 0;
    return call(given, "account import", false, std::move(arguments));
  };
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (lines.empty()) first = number;
    bytes += line.size();
    lines.push_back(std::move(line));
    if (lines.size() < kImportLines && bytes < kImportBytes) continue;
    if (const int status = send(); status != 0) return status;
  }
  return send();
}

void add_add(CLI::App& account, Given& given) {
  CLI::App* add = command(account, "add", "Make an account; the password is asked for unless it is given",
                          "postrider account add ann@example.org --quota \"5 GiB\"");
  CLI::Option* address = add->add_option("ADDRESS", given.name);
  add->add_option("--quota", given.quota,
                  "What it may hold (\"5 GiB\", \"none\"); otherwise as its domain says, or limits.mailbox_quota");
  add->add_option("--quota-messages", given.directory.quota_messages,
                  "How many messages it may hold, copies counted again: a number, or none (as it is without)");
  add->add_option("--name", given.directory.person, "The name of the person");
  add->add_flag("--shared", given.directory.shared,
                "Nobody's: without a login, for mail that several people read; see `mailbox share`");
  add_password_options(*add, given);
  add->add_option(
         "--from-file", given.directory.import_file,
         "Make many: a JSON object a line with address, password or hash, and perhaps quota_bytes, quota_messages "
         "and name; - is standard input")
      ->excludes(address);
  add->add_flag("--skip-existing", given.directory.skip_existing, "Leave accounts of the file that exist as they are");
  admin_command(*add, given, "account add", false, nothing);
  add->callback([&given] {
    given.action = [&given] {
      if (!given.directory.import_file.empty()) return import_accounts(given);
      if (given.name.empty())
        return refuse({base::Code::invalid, "name an address, or a file with --from-file"}, kUsage);
      return call(given, "account add", false, add_arguments(given));
    };
  });
}

void add_list(CLI::App& account, Given& given) {
  CLI::App* list = command(account, "list", "List the accounts", "postrider account list --domain example.org --usage");
  list->add_option("--domain", given.domain, "Only those of one domain");
  list->add_option("--match", given.directory.match, "Only those with this text in address or name");
  list->add_option("--state", given.directory.state, "Only those that are active, disabled, suspended or shared");
  list->add_flag("--usage", given.usage, "With what each holds");
  admin_command(*list, given, "account list", false, [&given]() -> base::Result<admin::Arguments> {
    admin::Arguments arguments{{"usage", given.usage}};
    if (!given.domain.empty()) arguments["domain"] = given.domain;
    put_if(arguments, "match", given.directory.match);
    put_if(arguments, "state", given.directory.state);
    return arguments;
  });
}

void add_set(CLI::App& account, Given& given) {
  CLI::App* set = command(account, "set", "Change an account; sessions that are open see it at once",
                          "postrider account set ann@example.org --state suspended");
  set->add_option("ADDRESS", given.name)->required();
  set->add_option("--quota", given.quota, "What it may hold (\"5 GiB\", \"none\")");
  set->add_option("--quota-messages", given.directory.quota_messages,
                  "How many messages it may hold, copies counted again: a number, or none");
  set->add_option("--state", given.directory.state,
                  "active; disabled: no login, mail is taken; suspended: no login, mail is refused for now; shared: "
                  "nobody's, no login, mail is taken");
  set->add_option("--name", given.directory.person, "The name of the person");
  set->add_option("--messages-per-day", given.directory.messages_per_day,
                  "What it may send in a day: a number, none, or default for limits.account_messages");
  set->add_option("--new-recipients-per-day", given.directory.new_recipients_per_day,
                  "Whom it may write to for the first time in a day: as above, with limits.account_new_recipients");
  several(*set, "--send-as", given.directory.grant, "Let it send as this address, or @domain for any of a domain");
  several(*set, "--no-send-as", given.directory.withdraw, "Withdraw that");
  admin_command(*set, given, "account set", false, [&given] { return set_arguments(given); });
}

void add_credential_command(CLI::App& credential, Given& given, const char* verb, const char* what, const char* name,
                            const char* example) {
  CLI::App* made = command(credential, verb, what, example);
  made->add_option("ADDRESS", given.name)->required();
  made->add_option("NAME", given.directory.credential, "What it is called, as phone; password is the account's own")
      ->required();
  const bool puts = std::string_view(verb) == "add" || std::string_view(verb) == "set";
  if (puts) {
    add_password_options(*made, given);
    made->add_flag("--generate", given.directory.generate, "Make one up and print it");
    several(*made, "--protocol", given.directory.protocols,
            "Only for logins by this protocol: smtp or imap; any: by all");
    several(*made, "--network", given.directory.networks,
            "Only for clients in this network (192.0.2.0/24); any: everywhere");
    made->add_option("--expires", given.directory.expires,
                     "Until when it is good: a date, a time (2027-01-31T12:00:00Z), from now (90d, 12h), or never");
  }
  admin_command(*made, given, name, false, [&given, puts, verb]() -> base::Result<admin::Arguments> {
    if (puts) return with_password(given, std::string_view(verb) == "set");
    return admin::Arguments{{"address", given.name}, {"name", given.directory.credential}};
  });
}

void add_credentials(CLI::App& app, Given& given) {
  CLI::App* credential =
      group(app, "credential", "The passwords of an account: its own, and one for each of its devices");
  add_credential_command(*credential, given, "add", "Add a further password", "credential add",
                         "postrider credential add ann@example.org phone --generate --protocol imap --expires 90d");
  CLI::App* list = command(*credential, "list", "List them, without the passwords, which nobody can read",
                           "postrider credential list ann@example.org");
  list->add_option("ADDRESS", given.name)->required();
  admin_command(*list, given, "credential list", false, [&given] { return address_alone(given); });
  add_credential_command(*credential, given, "show", "Show one", "credential show",
                         "postrider credential show ann@example.org phone");
  add_credential_command(*credential, given, "set",
                         "Change its password, or with limits alone only those; its sessions end", "credential set",
                         "postrider credential set ann@example.org phone --network 192.0.2.0/24");
  add_credential_command(*credential, given, "remove", "Remove one; its sessions end", "credential remove",
                         "postrider credential remove ann@example.org phone");
}

}  // namespace

void add_accounts(CLI::App& app, Given& given) {
  CLI::App* account = group(app, "account", "The people who have mail here");
  add_add(*account, given);
  add_list(*account, given);

  CLI::App* show = command(*account, "show", "Show one account", "postrider account show ann@example.org");
  show->add_option("ADDRESS", given.name)->required();
  admin_command(*show, given, "account show", false, [&given] { return address_alone(given); });
  add_set(*account, given);

  CLI::App* remove =
      command(*account, "remove", "Remove an account with all its mail", "postrider account remove ann@example.org");
  remove->add_option("ADDRESS", given.name)->required();
  admin_command(*remove, given, "account remove", false, [&given] { return address_alone(given); });

  CLI::App* password = command(*account, "password", "Change the password of an account",
                               "postrider account password ann@example.org --password-file secret");
  password->add_option("ADDRESS", given.name)->required();
  add_password_options(*password, given);
  admin_command(*password, given, "account password", false, [&given] { return with_password(given); });

  add_credentials(app, given);
}

}  // namespace app
