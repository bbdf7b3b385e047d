// Commands over how other hosts are reached.
#include "admin/commands.h"

namespace admin {

namespace {

constexpr std::chrono::seconds kPatience{60};

json::object row_of(const outbound::HostView& host) {
  return {{"host", host.host}, {"address", host.address}, {"policy", host.policy},
          {"tls", host.tls},   {"usable", host.usable},   {"problem", host.problem}};
}

/// The domain of an address, or the domain itself; a literal ("[192.0.2.1]", RFC 5321 §4.1.3) as its address.
std::string domain_of(std::string text) {
  const std::size_t at = text.rfind('@');
  if (at != std::string::npos) text.erase(0, at + 1);
  if (!text.starts_with('[') || !text.ends_with(']')) return text;
  text = text.substr(1, text.size() - 2);
  return text.starts_with("IPv6:") ? text.substr(5) : text;
}

}  // namespace

net::Task<base::Result<json::object>> destination_test(const Api& api, json::object arguments) {
  outbound::System* const system = api.settings().outbound;
  if (system == nullptr) co_return base::fail(base::Code::unavailable, "no server is running");
  CO_TRY_ASSIGN(const std::string given, text_argument(arguments, "domain"));
  const std::string domain = domain_of(given);
  if (domain.empty()) co_return base::fail(base::Code::invalid, "\"" + given + "\" has no domain");
  outbound::Destination destination{.domain = domain};
  const outbound::DestinationView view =
      co_await system->examine(std::move(destination), std::chrono::steady_clock::now() + kPatience, {});
  if (!view.problem.empty()) co_return base::fail(base::Code::unavailable, view.problem);
  json::array hosts;
  for (const outbound::HostView& host : view.hosts) hosts.push_back(row_of(host));
  co_return json::object{{"domain", domain},
                         {"by_mx", view.by_mx},
                         {"validated", view.secure},
                         {"policy", view.policy},
                         {"hosts", std::move(hosts)}};
}

}  // namespace admin
