#include "admin/commands.h"

#include <algorithm>

namespace admin {

namespace {

using enum Column::Kind;

constexpr Command kCommands[] = {
    {"domain add", {"name"}, domain_add},
    {"domain list", {}, domain_list, "domains", {{{"name", "DOMAIN"}}}},
    {"domain remove", {"name"}, domain_remove},
    {"account add", {"address", "password", "quota_bytes"}, account_add},
    {"account list",
     {"domain", "usage"},
     account_list,
     "accounts",
     {{{"address", "ADDRESS"},
       {"quota_bytes", "QUOTA", bytes},
       {"used_bytes", "USED", bytes},
       {"messages", "MESSAGES"},
       {"created", "CREATED"}}}},
    {"account remove", {"address"}, account_remove},
    {"account password", {"address", "password"}, account_password},
    {"alias add", {"address", "targets"}, alias_add},
    {"alias list", {"domain"}, alias_list, "aliases", {{{"address", "ALIAS"}, {"targets", "TARGETS"}}}},
    {"alias remove", {"address"}, alias_remove},
    {"queue list",
     {},
     queue_list,
     "queue",
     {{{"id", "ID"},
       {"created", "SINCE"},
       {"size", "SIZE", bytes},
       {"sender", "SENDER"},
       {"recipients", "RECIPIENTS"},
       {"reason", "REASON"}}}},
    {"mailbox list",
     {"account"},
     mailbox_list,
     "mailboxes",
     {{{"name", "MAILBOX"},
       {"role", "USE"},
       {"messages", "MESSAGES"},
       {"unseen", "UNSEEN"},
       {"size", "SIZE", bytes},
       {"subscribed", "SUBSCRIBED"}}}},
    {"health", {}, health, "listeners", {{{"name", "LISTENER"}, {"port", "PORT"}, {"sessions", "SESSIONS"}}}},
    {"version", {}, version},
    {"reload", {}, reload},
    {"store check", {}, store_check, "problems", {{{"where", "WHERE"}, {"what", "WHAT"}}}},
};

}  // namespace

bool Command::takes(std::string_view argument) const {
  return std::ranges::any_of(arguments, [&](const char* known) { return known && argument == known; });
}

std::span<const Command> all_commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find_if(kCommands, [&](const Command& command) { return name == command.name; });
  return found == std::end(kCommands) ? nullptr : found;
}

base::Result<std::string> text_argument(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" is missing");
  if (!value->is_string()) return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" must be a text");
  return std::string(value->get_string());
}

base::Result<std::vector<std::string>> list_argument(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" is missing");
  const auto wrong = base::fail(base::Code::invalid, "\"" + std::string(name) + "\" must be a list of texts");
  if (!value->is_array()) return wrong;
  std::vector<std::string> texts;
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) return wrong;
    texts.emplace_back(element.get_string());
  }
  return texts;
}

base::Result<std::uint64_t> number_argument(const json::object& arguments, const char* name, std::uint64_t otherwise) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return otherwise;
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0) return static_cast<std::uint64_t>(value->get_int64());
  return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" must be a whole number and not negative");
}

bool flag_argument(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

}  // namespace admin
