// Commands over the log of the running server.
#include <algorithm>

#include "admin/commands.h"

namespace admin {

namespace {

base::Result<base::Level> parse_level(std::string_view word) {
  for (const base::Level level : base::kLevels) {
    if (word == base::name(level)) return level;
  }
  return base::fail(base::Code::invalid, "a level is debug, info, warning or error");
}

/// As events are named: "smtp", "smtp.rcpt.refused".
bool names_events(std::string_view text) {
  return !text.empty() && text.size() <= 100 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '.'; });
}

json::object levels(const base::Log& log) {
  json::array list;
  for (const auto& [events, level] : log.levels()) {
    list.push_back(json::object{{"events", events.empty() ? "all" : events}, {"level", base::name(level)}});
  }
  return {{"levels", std::move(list)}};
}

}  // namespace

net::Task<base::Result<json::object>> log_level(const Api& api, json::object arguments) {
  if (!api.settings().status) co_return base::fail(base::Code::unavailable, "no server is running");
  if (!arguments.contains("level")) co_return levels(api.log());
  CO_TRY_ASSIGN(const std::string word, text_argument(arguments, "level"));
  CO_TRY_ASSIGN(const base::Level level, parse_level(word));
  std::string events;
  if (arguments.contains("events")) {
    CO_TRY_ASSIGN(events, text_argument(arguments, "events"));
    if (!names_events(events)) {
      co_return base::fail(base::Code::invalid, "events are named by their beginning, as smtp or smtp.rcpt");
    }
    CO_TRY(api.log().set_level(events, level));
  } else {
    api.log().set_level(level);
  }
  api.log().warning("admin.log.level", {{"level", word}, {"events", events.empty() ? "all" : events}});
  co_return levels(api.log());
}

base::Result<std::shared_ptr<base::LogFollower>> log_follow(const Api& api, const json::object& arguments) {
  std::string word = "info", filter;
  if (arguments.contains("level")) {
    TRY_ASSIGN(word, text_argument(arguments, "level"));
  }
  if (arguments.contains("filter")) {
    TRY_ASSIGN(filter, text_argument(arguments, "filter"));
  }
  TRY_ASSIGN(const base::Level level, parse_level(word));
  auto follower = api.log().follow(level, std::move(filter));
  if (!follower) return base::fail(base::Code::unavailable, "this server has no log");
  return follower;
}

}  // namespace admin
