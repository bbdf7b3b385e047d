// The commands for aliases and groups, which differ in their words only.

#include "app/cli_kit.h"

namespace app {

namespace {

struct Words {
  const char* one;      // the command's first word
  const char* targets;  // the argument with what it leads to
  const char* target;   // one of these, as a filter
  const char* what;     // of the group of commands
  const char* add;      // texts and examples
  const char* add_example;
  const char* list;
  const char* list_example;
  const char* show_example;
  const char* set_example;
  const char* remove_example;
  // The admin commands.
  const char* names[5];
};

constexpr Words kAlias{"alias",
                       "targets",
                       "target",
                       "Addresses that lead to other addresses",
                       "Let an address lead to others",
                       "postrider alias add info@example.org ann@example.org bob@example.net",
                       "List the aliases",
                       "postrider alias list --domain example.org",
                       "postrider alias show info@example.org",
                       "postrider alias set info@example.org --add carl@example.org --post members",
                       "postrider alias remove info@example.org",
                       {"alias add", "alias list", "alias show", "alias set", "alias remove"}};
constexpr Words kGroup{"group",
                       "members",
                       "member",
                       "Groups of accounts and of other groups",
                       "Make a group; mail to it goes to all its members",
                       "postrider group add team@example.org ann@example.org bob@example.org --post members",
                       "List the groups",
                       "postrider group list --member ann@example.org",
                       "postrider group show team@example.org",
                       "postrider group set team@example.org --add carl@example.org --remove bob@example.org",
                       "postrider group remove team@example.org",
                       {"group add", "group list", "group show", "group set", "group remove"}};

base::Result<admin::Arguments> list_settings(const Given& given, const char* targets) {
  const DirectoryOptions& options = given.directory;
  admin::Arguments arguments{{"address", given.name}};
  put_if(arguments, targets, given.names);
  put_if(arguments, "add", options.add);
  put_if(arguments, "remove", options.remove);
  put_if(arguments, "posting", options.posting);
  // Whoever names senders means them; and where others may post, none are named.
  put_if(arguments, "senders", options.senders);
  if (!options.senders.empty() && !options.posting) arguments["posting"] = std::string("named");
  if (options.posting && *options.posting != "named") arguments["senders"] = std::vector<std::string>();
  if (!options.list_send_as) return arguments;
  if (*options.list_send_as != "yes" && *options.list_send_as != "no") {
    return base::fail(base::Code::invalid, "--send-as is yes or no");
  }
  arguments["send_as"] = *options.list_send_as == "yes";
  return arguments;
}

void add_settings(CLI::App& app, Given& given) {
  DirectoryOptions& options = given.directory;
  app.add_option("--post", options.posting,
                 "Who may send mail to it: anyone, members (those it leads to), domain (its domain's people), named");
  several(app, "--sender", options.senders, "Who may, when that is named: an address, or @domain; may be repeated");
  app.add_option("--send-as", options.list_send_as, "Whether those it leads to may send as it: yes or no");
}

void add_words(CLI::App& app, Given& given, const Words& words) {
  CLI::App* commands = group(app, words.one, words.what);
  const auto settings = [&given, targets = words.targets] { return list_settings(given, targets); };
  const auto alone = [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"address", given.name}}; };
  const char* const placeholder = words.target[0] == 't' ? "TARGET" : "MEMBER";

  CLI::App* add = command(*commands, "add", words.add, words.add_example);
  add->add_option("ADDRESS", given.name)->required();
  add->add_option(placeholder, given.names)->required();
  add_settings(*add, given);
  admin_command(*add, given, words.names[0], false, settings);

  CLI::App* list = command(*commands, "list", words.list, words.list_example);
  list->add_option("--domain", given.domain, "Only those of one domain");
  list->add_option("--match", given.directory.match, "Only those with this text in them");
  list->add_option(std::string("--") + words.target, given.directory.target, "Only those that lead to this address");
  admin_command(*list, given, words.names[1], false,
                [&given, target = words.target]() -> base::Result<admin::Arguments> {
                  admin::Arguments filters;
                  if (!given.domain.empty()) filters["domain"] = given.domain;
                  put_if(filters, "match", given.directory.match);
                  put_if(filters, target, given.directory.target);
                  return filters;
                });

  CLI::App* show = command(*commands, "show", "Show one", words.show_example);
  show->add_option("ADDRESS", given.name)->required();
  admin_command(*show, given, words.names[2], false, alone);

  CLI::App* set = command(*commands, "set", "Change one; the next mail sees it", words.set_example);
  set->add_option("ADDRESS", given.name)->required();
  set->add_option(placeholder, given.names, "Instead of all that it has");
  several(*set, "--add", given.directory.add, "One more; may be repeated");
  several(*set, "--remove", given.directory.remove, "One less; may be repeated");
  add_settings(*set, given);
  admin_command(*set, given, words.names[3], false, settings);

  CLI::App* remove = command(*commands, "remove", "Remove one", words.remove_example);
  remove->add_option("ADDRESS", given.name)->required();
  admin_command(*remove, given, words.names[4], false, alone);
}

}  // namespace

void add_aliases(CLI::App& app, Given& given) {
  add_words(app, given, kAlias);
  add_words(app, given, kGroup);
}

}  // namespace app
