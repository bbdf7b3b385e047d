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
  const char* list = nullptr;  // the member of the result that is a list; otherwise "done" is its text
  std::array<Column, 12> columns{};

  bool takes(std::string_view argument) const;
};

std::span<const Command> all_commands();
const Command* find_command(std::string_view name);

/// Arguments of a request. invalid when one is missing or of another type.
base::Result<std::string> text_argument(const json::object& arguments, const char* name);
base::Result<std::vector<std::string>> list_argument(const json::object& arguments, const char* name);
base::Result<std::uint64_t> number_argument(const json::object& arguments, const char* name, std::uint64_t otherwise);
bool flag_argument(const json::object& arguments, const char* name);

// The handlers, by file: directory_commands.cpp, store_commands.cpp and server_commands.cpp.
net::Task<base::Result<json::object>> domain_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> domain_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> domain_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> account_password(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_add(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> alias_remove(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> queue_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> mailbox_list(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> health(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> version(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> store_check(const Api& api, json::object arguments);
net::Task<base::Result<json::object>> reload(const Api& api, json::object arguments);

}  // namespace admin
