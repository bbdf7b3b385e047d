// The commands that look at what is there: queue, mailboxes, health, the store.

#include "app/cli_kit.h"

namespace app {

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

}  // namespace app
