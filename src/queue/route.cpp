#include "queue/route.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "queue/records.h"

namespace queue {
namespace {

/// How well a route fits, by what it asks for; all zero when it asks for nothing.
using Fit = std::tuple<bool, std::size_t, std::size_t>;

std::optional<Fit> fit_of(const Route& route, const schema::QueuedMessage& message, std::string_view sender_domain,
                          std::string_view domain) {
  const bool account = std::ranges::any_of(
      route.accounts, [&](const std::string& one) { return base::iequals(one, message.submitter()); });
  const std::size_t sender = fits(route.senders, sender_domain);
  const std::size_t recipient = fits(route.recipients, domain);
  if (!route.accounts.empty() && !account) return std::nullopt;
  if (!route.senders.empty() && sender == 0) return std::nullopt;
  if (!route.recipients.empty() && recipient == 0) return std::nullopt;
  return Fit{account, sender, recipient};
}

/// RFC 5321 §4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]".
std::string without_brackets(std::string_view domain) {
  if (!domain.starts_with('[') || !domain.ends_with(']')) return std::string(domain);
  domain = domain.substr(1, domain.size() - 2);
  if (base::istarts_with(domain, "IPv6:")) domain.remove_prefix(5);
  return std::string(domain);
}

/// A host without a port has the protocol's: 25 for SMTP, 24 for LMTP (RFC 2033 §4.1).
std::vector<outbound::RouteHost> with_ports(std::vector<outbound::RouteHost> hosts, bool lmtp) {
  for (outbound::RouteHost& host : hosts) {
    if (host.port == 0) host.port = lmtp ? 24 : 25;
  }
  return hosts;
}

}  // namespace

std::size_t fits(const std::vector<std::string>& domains, std::string_view domain) {
  std::size_t best = 0;
  for (const std::string& one : domains) {
    if (one == "*") best = std::max<std::size_t>(best, 1);
    if (one == domain) return 1000;
    if (one.starts_with('.') && domain.ends_with(one)) best = std::max(best, one.size());
  }
  return best;
}

Way way_of(const Config& config, const schema::QueuedMessage& message, std::string_view domain) {
  const std::string sender_domain = domain_of_address(message.sender());
  const Route* best = nullptr;
  Fit best_fit;
  for (const Route& route : config.routes) {
    const auto fit = fit_of(route, message, sender_domain, domain);
    if (fit && (best == nullptr || *fit > best_fit)) {
      best = &route;
      best_fit = *fit;
    }
  }
  Way way{.destination = {.domain = without_brackets(domain)},
          .key = std::string(domain),
          .text = {},
          .deliveries = config.destination_deliveries,
          .messages_per_minute = config.messages_per_minute};
  if (best == nullptr) {
    if (config.smarthost.empty()) return way;
    way.by = By::hosts;
    way.key = "smarthost";
    way.destination.hosts = with_ports(config.smarthost, false);
    way.destination.user = config.smarthost_user;
    way.destination.password = config.smarthost_password;
    return way;
  }
  way.by = best->by;
  way.text = best->text;
  if (best->deliveries > 0) way.deliveries = best->deliveries;
  if (best->messages_per_minute > 0) way.messages_per_minute = best->messages_per_minute;
  way.destination.hosts = with_ports(best->hosts, best->by == By::lmtp);
  way.destination.lmtp = best->by == By::lmtp;
  way.destination.tls = best->tls;
  way.destination.user = best->user;
  way.destination.password = best->password;
  way.destination.source_address = best->source_address;
  way.destination.helo = best->helo;
  way.destination.pipe = best->pipe;
  // Hosts that a route names are one destination, whatever the domains, and so is a command. Names of domains have no
  // blank in them.
  const bool by_domain = best->hosts.empty() && best->by != By::pipe;
  way.key = by_domain ? std::string(domain) + " " + best->name : "route " + best->name;
  return way;
}

std::string of_machine(const Config& config, const std::string& address) {
  const std::size_t at = address.rfind('@');
  const bool here = at != std::string::npos && base::iequals(std::string_view(address).substr(at + 1), config.hostname);
  return here ? config.machine_mail : address;
}

}  // namespace queue
