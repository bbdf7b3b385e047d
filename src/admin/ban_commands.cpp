// Commands over the networks that are banned.
#include <algorithm>

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

base::Result<base::Network> network_argument(const json::object& arguments) {
  TRY_ASSIGN(const std::string text, text_argument(arguments, "network"));
  return base::Network::parse(text);
}

json::object row_of(const guard::Ban& ban) {
  return {{"network", ban.network.text()},
          {"since", base::rfc3339_seconds(ban.created)},
          {"until", ban.until ? json::value(base::rfc3339_seconds(*ban.until)) : json::value()},
          {"by", ban.by_operator ? "operator" : "guard"},
          {"times", ban.times},
          {"reason", text_or_null(ban.reason)}};
}

}  // namespace

net::Task<base::Result<json::object>> ban_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const auto address, text_if(arguments, "address"));
  if (address && !base::is_numeric_address(*address)) {
    co_return base::fail(base::Code::invalid, "\"" + base::printable(*address, 60) + "\" is no numeric address");
  }
  json::array list;
  for (const guard::Ban& ban : api.services().guard.bans()) {
    if (!address || ban.network.contains(std::string_view(*address))) list.push_back(row_of(ban));
  }
  co_return json::object{{"bans", std::move(list)}};
}

net::Task<base::Result<json::object>> ban_add(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const base::Network network, network_argument(arguments));
  CO_TRY_ASSIGN(const auto seconds, number_if(arguments, "seconds"));
  CO_TRY_ASSIGN(std::string reason, optional_text(arguments, "reason"));
  std::optional<std::chrono::seconds> length;
  constexpr std::uint64_t kLongest = 200ull * 366 * 86'400;  // what is longer than the guard takes, and no overflow
  if (seconds) length = std::chrono::seconds(std::min(*seconds, kLongest));
  CO_TRY_ASSIGN(const guard::Ban ban, co_await api.services().guard.ban(network, length, std::move(reason)));
  const std::string until = ban.until ? base::rfc3339_seconds(*ban.until) : std::string();
  api.log().info("admin.ban.added", {{"network", network.text()}, {"until", until}, {"reason", ban.reason}});
  json::object result = row_of(ban);
  result["done"] = network.text() + " is banned " + (ban.until ? "until " + until : "until it is removed");
  co_return result;
}

net::Task<base::Result<json::object>> ban_remove(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const base::Network network, network_argument(arguments));
  CO_TRY(co_await api.services().guard.unban(network));
  api.log().info("admin.ban.removed", {{"network", network.text()}});
  co_return done(network.text() + " is no longer banned");
}

}  // namespace admin
