// The commands that look at mail: the queue and mailboxes.

#include "app/cli_kit.h"
#include "app/values.h"

namespace app {

namespace {

base::Result<admin::Arguments> queue_arguments(const Given& given) {
  constexpr std::chrono::seconds kLongest{std::chrono::hours(24 * 3650)};
  admin::Arguments arguments;
  add_text(arguments, "sender", given.sender);
  add_text(arguments, "recipient", given.recipient);
  if (!given.older.empty()) {
    const auto age = parse_duration(Raw(given.older), std::chrono::seconds(1), kLongest);
    if (!age) return base::fail(base::Code::invalid, "--older " + age.error().text);
    arguments["older_seconds"] = static_cast<std::uint64_t>(age->count());
  }
  return arguments;
}

}  // namespace

void add_views(CLI::App& app, Given& given) {
  CLI::App* queue = group(app, "queue", "Mail that waits to be sent elsewhere");
  CLI::App* waiting = command(*queue, "list", "List it, oldest first", "postrider queue list --older 2h --json");
  waiting->add_option("--sender", given.sender, "Only what has this in its sender's address");
  waiting->add_option("--recipient", given.recipient, "Only what has this in a recipient's address");
  waiting->add_option("--older", given.older, "Only what has waited this long, such as 30m, 2h or 1d");
  admin_command(*waiting, given, "queue list", false, [&given] { return queue_arguments(given); });

  CLI::App* mailbox = group(app, "mailbox", "The mailboxes of an account");
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
}

}  // namespace app
