// The commands for the networks that are banned.

#include "app/cli_kit.h"
#include "app/values.h"

namespace app {

namespace {

base::Result<admin::Arguments> ban_arguments(const Given& given) {
  constexpr std::chrono::days kLongest{36'500};
  admin::Arguments arguments{{"network", given.name}};
  add_text(arguments, "reason", given.ban_reason);
  if (given.ban_for.empty()) return arguments;
  const auto length = parse_duration(Raw(given.ban_for), std::chrono::seconds(1), kLongest);
  if (!length) return base::fail(base::Code::invalid, "--for " + length.error().text);
  arguments["seconds"] = static_cast<std::uint64_t>(length->count());
  return arguments;
}

}  // namespace

void add_bans(CLI::App& app, Given& given) {
  CLI::App* ban = group(app, "ban", "The networks whose hosts are turned away");
  CLI::App* list = command(*ban, "list", "List them", "postrider ban list --address 192.0.2.7 --json");
  list->add_option("--address", given.address, "Only those that this address is in");
  admin_command(*list, given, "ban list", false, [&given]() -> base::Result<admin::Arguments> {
    admin::Arguments arguments;
    add_text(arguments, "address", given.address);
    return arguments;
  });

  CLI::App* add = command(*ban, "add", "Ban an address or a network from the next connection on",
                          "postrider ban add 192.0.2.0/24 --for 12h --reason \"dictionary attack\"");
  add->add_option("NETWORK", given.name, "Such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")->required();
  add->add_option("--for", given.ban_for, "How long, such as 30m, 12h or 7d; otherwise until it is removed");
  add->add_option("--reason", given.ban_reason, "Why, for the list");
  admin_command(*add, given, "ban add", false, [&given] { return ban_arguments(given); });

  CLI::App* remove = command(*ban, "remove", "Take a ban back", "postrider ban remove 192.0.2.0/24");
  remove->add_option("NETWORK", given.name, "As the list shows it")->required();
  admin_command(*remove, given, "ban remove", false,
                [&given]() -> base::Result<admin::Arguments> { return admin::Arguments{{"network", given.name}}; });
}

}  // namespace app
