#pragma once
// Private to the room. The command table: each command's name, the arguments that it takes, what carries it out, and
// how its result is shown as text. Dispatch, the check of arguments and the printing come from it.

#include <boost/json.hpp>
#include <initializer_list>
#include <span>

#include "admin/api.h"

namespace admin {

namespace json = boost::json;

/// A member of a list's elements, and its column as text.
struct Column {
  const char* key = nullptr;
  const char* title = nullptr;  // nullptr: only in JSON
  enum class Kind { plain, bytes } kind = Kind::plain;
};

struct Command {
  using Run = net::Task<base::Result<json::object>> (*)(const Api&, json::object);
  using Follow = base::Result<std::shared_ptr<base::LogFollower>> (*)(const Api&, const json::object&);

  const char* name;
  std::array<const char*, 12> arguments;
  Run run;
  // The member of the result that is a list; without one its text is "done", or, with columns, one thing they describe.
  const char* list = nullptr;
  std::array<Column, 16> columns{};
  Follow follow = nullptr;  // instead of `run`: lines come after the reply

  bool takes(std::string_view argument) const;
};

/// The reply that says no.
std::string refusal(base::Code code, std::string_view text);

std::span<const Command> all_commands();
const Command* find_command(std::string_view name);

/// Arguments of a request. invalid when one is missing or of another type; nothing from …_if(), and "" from
/// optional_text(), when it is missing.
base::Result<std::string> text_argument(const json::object& arguments, const char* name);
base::Result<std::string> optional_text(const json::object& arguments, const char* name);
base::Result<std::vector<std::string>> list_argument(const json::object& arguments, const char* name);
base::Result<std::uint64_t> number_argument(const json::object& arguments, const char* name, std::uint64_t otherwise);
bool flag_argument(const json::object& arguments, const char* name);
base::Result<std::optional<std::string>> text_if(const json::object& arguments, const char* name);
base::Result<std::optional<std::vector<std::string>>> list_if(const json::object& arguments, const char* name);
base::Result<std::optional<std::uint64_t>> number_if(const json::object& arguments, const char* name);
base::Result<std::optional<bool>> flag_if(const json::object& arguments, const char* name);
base::Result<std::string> password_argument(const json::object& arguments);

// Results.
json::object done(std::string text);
/// null for "".
json::value text_or_null(std::string_view text);
json::array texts(const std::vector<std::string>& list);
std::string count(std::uint64_t number, const char* one, const char* many);

/// Which addresses a list shows: of one domain, with a text in them or in a name.
struct AddressFilter {
  std::string domain;
  std::string match;
  bool shows(std::string_view address, std::string_view name = {}) const;
};
base::Result<AddressFilter> address_filter(const json::object& arguments);

// The handlers, by file: domain_commands.cpp, account_commands.cpp, alias_commands.cpp, ban_commands.cpp,
// server_commands.cpp, queue_commands.cpp, outbound_commands.cpp, report_commands.cpp, store_commands.cpp,
// stats_command.cpp and log_commands.cpp.
net::Task<base::Result<json::object>> domain_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> domain_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> domain_show(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> domain_set(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> domain_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_import(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_show(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_set(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_password(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> credential_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> credential_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> credential_show(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> credential_set(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> credential_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_show(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_set(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> group_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> group_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> group_show(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> group_set(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> group_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_show(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_retry(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_hold(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_release(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_stats(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> trace(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> mailbox_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> mailbox_share(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> mailbox_seen(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> mailbox_rights(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> ban_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> ban_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> ban_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> health(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> version(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> sessions_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> sessions_close(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> stop(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> destination_test(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> report_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> store_check(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> log_level(const Api& api, json::object arguments);
base::Result<std::shared_ptr<base::LogFollower>> log_follow(const Api& api, const json::object& arguments);
net::Task<base::Result<json::object>> reload(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> store_checkpoint(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> store_compact(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> store_stats(const Api& api, json::object arguments);

}  // namespace admin
