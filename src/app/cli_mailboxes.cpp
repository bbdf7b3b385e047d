// The commands for mailboxes, and who else may use them.

#include "app/cli_kit.h"

namespace app {

namespace {

base::Result<admin::Arguments> mailbox_arguments(const Given& given) {
  admin::Arguments arguments{{"account", given.name}};
  add_text(arguments, "mailbox", given.filter);
  return arguments;
}

}  // namespace

void add_mailboxes(CLI::App& app, Given& given) {
  CLI::App* mailbox = group(app, "mailbox", "The mailboxes of an account, and who else may use them");
  CLI::App* list = command(*mailbox, "list", "List them", "postrider mailbox list ann@example.org");
  list->add_option("ADDRESS", given.name)->required();
  list->add_option("--name", given.match, "Only those with this in their name");
  list->add_option("--role", given.role, "Only the one of this use: inbox, drafts, sent, junk, trash or archive");
  admin_command(*list, given, "mailbox list", false, [&given]() -> base::Result<admin::Arguments> {
    admin::Arguments arguments{{"account", given.name}};
    add_text(arguments, "name", given.match);
    add_text(arguments, "role", given.role);
    return arguments;
  });

  CLI::App* share = command(*mailbox, "share",
                            "Say what somebody else may do with a mailbox, instead of what was said before; sessions "
                            "that are open see it at once",
                            "postrider mailbox share info@example.org staff@example.org write --all");
  share->add_option("ADDRESS", given.name, "The account whose mailbox it is")->required();
  share
      ->add_option("WHO", given.directory.target,
                   "The address of an account or a group, or anyone: all accounts of its domain")
      ->required();
  share
      ->add_option("RIGHTS", given.directory.posting,
                   "read (lrs), write (lrswite), manage (lrswitekxa), none, or letters as in RFC 4314")
      ->required();
  CLI::Option* one = share->add_option("--mailbox", given.filter, "Which one; INBOX otherwise");
  share->add_flag("--all", given.all, "All that the account has")->excludes(one);
  share->add_flag("--withhold", given.directory.withhold, "Keep the rights from WHO, whatever else gives them");
  admin_command(*share, given, "mailbox share", false, [&given]() -> base::Result<admin::Arguments> {
    TRY_ASSIGN(admin::Arguments arguments, mailbox_arguments(given));
    arguments["who"] = (given.directory.withhold ? "-" : "") + given.directory.target.value_or("");
    arguments["rights"] = given.directory.posting.value_or("");
    if (given.all) arguments["all"] = true;
    return arguments;
  });

  CLI::App* seen =
      command(*mailbox, "seen",
              "Say whether each reader of a shared mailbox has a \\Seen of its own, as at first, or all share "
              "that of the messages; what each had seen is kept",
              "postrider mailbox seen info@example.org shared --all");
  seen->add_option("ADDRESS", given.name, "The account whose mailbox it is")->required();
  seen->add_option("WHOSE", given.directory.posting, "own or shared")->required();
  CLI::Option* seen_one = seen->add_option("--mailbox", given.filter, "Which one; INBOX otherwise");
  seen->add_flag("--all", given.all, "All that the account shares")->excludes(seen_one);
  admin_command(*seen, given, "mailbox seen", false, [&given]() -> base::Result<admin::Arguments> {
    TRY_ASSIGN(admin::Arguments arguments, mailbox_arguments(given));
    arguments["whose"] = given.directory.posting.value_or("");
    if (given.all) arguments["all"] = true;
    return arguments;
  });

  CLI::App* rights = command(*mailbox, "rights", "List who else may use the mailboxes of an account",
                             "postrider mailbox rights info@example.org");
  rights->add_option("ADDRESS", given.name, "The account")->required();
  rights->add_option("--mailbox", given.filter, "Only this one");
  admin_command(*rights, given, "mailbox rights", false, [&given] { return mailbox_arguments(given); });
}

}  // namespace app
