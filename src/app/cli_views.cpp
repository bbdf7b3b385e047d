// The commands that look at mail on its way: the queue, and what became of a message.

#include "app/cli_kit.h"
#include "app/values.h"

namespace app {

namespace {

base::Result<admin::Arguments> queue_arguments(const Given& given) {
  constexpr std::chrono::seconds kLongest{std::chrono::hours(24 * 3650)};
  admin::Arguments arguments;
  if (!given.names.empty()) arguments["ids"] = given.names;
  add_text(arguments, "sender", given.sender);
  add_text(arguments, "recipient", given.recipient);
  add_text(arguments, "domain", given.domain);
  add_text(arguments, "state", given.queue_state);
  if (!given.older.empty()) {
    const auto age = parse_duration(Raw(given.older), std::chrono::seconds(1), kLongest);
    if (!age) return base::fail(base::Code::invalid, "--older " + age.error().text);
    arguments["older_seconds"] = static_cast<std::uint64_t>(age->count());
  }
  if (given.all) arguments["all"] = true;
  return arguments;
}

void add_queue_filter(CLI::App& app, Given& given) {
  app.add_option("--sender", given.sender, "Only what has this in its sender's address");
  app.add_option("--recipient", given.recipient, "Only what has this in a recipient's address");
  app.add_option("--domain", given.domain, "Only what is for this domain");
  app.add_option("--older", given.older, "Only what has waited this long, such as 30m, 2h or 1d");
  app.add_option("--state", given.queue_state, "Only what is broken, held, active, ready or waiting");
}

/// A command that changes what the filter means.
void add_queue_change(CLI::App& queue, Given& given, const char* name, const char* what, const char* example) {
  CLI::App* command_of = command(queue, name + std::string_view("queue ").size(), what, example);
  command_of->add_option("ID", given.names, "Ids, as queue list shows them");
  add_queue_filter(*command_of, given);
  command_of->add_flag("--all", given.all, "Everything that is in the queue");
  admin_command(*command_of, given, name, false, [&given] { return queue_arguments(given); });
}

void add_queue(CLI::App& app, Given& given) {
  CLI::App* queue = group(app, "queue", "Mail that waits to be sent elsewhere");
  CLI::App* waiting = command(*queue, "list", "List it, oldest first", "postrider queue list --older 2h --json");
  add_queue_filter(*waiting, given);
  waiting->add_option("--limit", given.limit, "At most so many")->capture_default_str();
  admin_command(*waiting, given, "queue list", false, [&given]() -> base::Result<admin::Arguments> {
    TRY_ASSIGN(admin::Arguments arguments, queue_arguments(given));
    arguments["limit"] = given.limit;
    return arguments;
  });
  CLI::App* show =
      command(*queue, "show", "Show one message with each of its recipients", "postrider queue show 1763717762000000");
  show->add_option("ID", given.name, "As queue list shows it")->required();
  admin_command(*show, given, "queue show", false,
                [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"id", given.name}}; });
  add_queue_change(*queue, given, "queue retry", "Try it now; what was set aside is put back",
                   "postrider queue retry --domain example.net");
  add_queue_change(*queue, given, "queue hold", "Keep it from being tried",
                   "postrider queue hold --sender newsletter@");
  add_queue_change(*queue, given, "queue release", "Let it be tried again, also what its sender wanted to be held",
                   "postrider queue release --state held");
  add_queue_change(*queue, given, "queue remove", "Remove it for good; its sender is told nothing",
                   "postrider queue remove 1763717762000000");
  CLI::App* stats =
      command(*queue, "stats", "Count it, and the domains with the most of it", "postrider queue stats --top 20");
  stats->add_option("--top", given.top, "So many domains")->capture_default_str();
  admin_command(*stats, given, "queue stats", false,
                [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"top", given.top}}; });
}

}  // namespace

void add_views(CLI::App& app, Given& given) {
  add_queue(app, given);
  CLI::App* trace = command(app, "trace", "Tell what happened to messages: who sent them, and where each copy went",
                            "postrider trace ann@example.org");
  trace
      ->add_option("WHAT", given.name,
                   "An id of the queue, as in the log and the 250 reply; a Message-ID; or an address")
      ->required();
  trace->add_option("--limit", given.newest, "At most so many messages, the newest")->capture_default_str();
  admin_command(*trace, given, "trace", false, [&given]() -> base::Result<admin::Arguments> {
    return admin::Arguments{{"what", given.name}, {"limit", given.newest}};
  });
}

}  // namespace app
