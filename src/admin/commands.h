#pragma once
// Private to the room. The command table: each command's name, the arguments that it takes, what carries it out, and
// how its result is shown as text. Dispatch, the check of arguments and the printing come from it.

#include <boost/json.hpp>
#include <initializer_list>
#include <span>

#include "admin/api.h"

namespace admin {

namespace json = boost::json;

/// A column of a list as text.
struct Column {
  const char* key = nullptr;
  const char* title = nullptr;
  enum class Kind { plain, bytes } kind = Kind::plain;
};

struct Command {
  using Run = net::Task<base::Result<json::object>> (*)(const Api&, json::object);

  const char* name;
  std::array<const char*, 12> arguments;
  Run run;
  // The member of the result that is a list; without one its text is "done", or, with columns, one thing they describe.
  const char* list = nullptr;
  std::array<Column, 12> columns{};

  bool takes(std::string_view argument) const;
};

std::span<const Command> all_commands();
const Command* find_command(std::string_view name);

/// Arguments of a request. invalid when one is missing or of another type; nothing from …_if() when it is missing.
base::Result<std::string> text_argument(const json::object& arguments, const char* name);
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
struct Filter {
  std::string domain;
  std::string match;
  bool shows(std::string_view address, std::string_view name = {}) const;
};
base::Result<Filter> filter_of(const json::object& arguments);

// The handlers, by file: domain_commands.cpp, account_commands.cpp, alias_commands.cpp and store_commands.cpp.
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
net::Task<base::Result<json::object>> mailbox_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> health(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> version(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> store_check(const Api& api, json::object arguments);

}  // namespace admin
