#include "outbound/targets.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"
#include "crypto/random.h"
#include "outbound/outcome.h"

namespace outbound {

namespace {

using net::Task;

constexpr std::size_t kMaxHosts = 20;

Targets none(Outcome why) {
  Targets targets;
  targets.problem = std::move(why);
  return targets;
}

Outcome dns_down(const std::string& name, const char* type, const dns::Answer& answer) {
  const std::string what = answer.status == dns::Status::bogus ? "fails DNSSEC validation: " : "cannot be had: ";
  return out_of_reach("4.4.3", std::string("the ") + type + " record of " + name + " " + what + answer.why);
}

/// RFC 5321 §5.1: by preference, at random among equals.
void put_in_order(std::vector<dns::Mx>& records) {
  std::vector<std::pair<std::uint64_t, dns::Mx>> keyed;
  for (dns::Mx& record : records) {
    const std::uint64_t key = std::uint64_t{record.preference} << 48 | crypto::random_u64() >> 16;
    keyed.emplace_back(key, std::move(record));
  }
  std::ranges::sort(keyed, {}, [](const auto& one) { return one.first; });
  for (std::size_t i = 0; i < keyed.size(); ++i) records[i] = std::move(keyed[i].second);
}

Targets by_records(const std::string& domain, std::vector<dns::Mx> records, const Config& config) {
  // RFC 7505 §3: a single record with the root says that the domain takes no mail.
  if (records.size() == 1 && records.front().host.empty()) {
    return none(failed("5.1.10", "the domain " + domain + " takes no mail (null MX)"));
  }
  std::erase_if(records, [](const dns::Mx& record) { return record.host.empty(); });
  put_in_order(records);
  // RFC 5321 §5.1: hosts that are no nearer to the mailbox than we are would give the message back to us.
  const auto self =
      std::ranges::find_if(records, [&](const dns::Mx& record) { return base::iequals(record.host, config.hostname); });
  if (self != records.end()) {
    const auto preference = self->preference;
    std::erase_if(records, [&](const dns::Mx& record) { return record.preference >= preference; });
    if (records.empty()) {
      return none(failed("5.4.6", "mail for " + domain +
                                      " would come back to this server, which is the nearest MX host "
                                      "of a domain that it does not serve"));
    }
  }
  Targets targets;
  targets.by_mx = true;
  for (dns::Mx& record : records) {
    if (targets.hosts.size() < kMaxHosts)
      targets.hosts.push_back({.name = std::move(record.host), .port = config.port});
  }
  return targets;
}

Targets by_route(const Destination& destination) {
  Targets targets;
  for (const RouteHost& host : destination.hosts) {
    Target target{.name = {}, .port = host.port, .path = host.path};
    if (host.path.empty() && is_address(host.name)) {
      target.addresses.push_back(host.name);
    } else if (host.path.empty()) {
      target.name = base::lower(host.name);
    }
    targets.hosts.push_back(std::move(target));
  }
  return targets;
}

void take(std::vector<std::string>& into, Addresses& result, const dns::Answer& answer,
          std::optional<dns::Answer>& lost) {
  if (answer.unknown()) lost = answer;
  result.secure = result.secure && answer.secure;
  into = answer.addresses;
  if (answer.status == dns::Status::found) result.canonical = answer.canonical;
}

void mix(std::vector<std::string> six, std::vector<std::string> four, std::vector<std::string>& into) {
  for (std::size_t i = 0; i < std::max(six.size(), four.size()); ++i) {
    if (i < six.size()) into.push_back(std::move(six[i]));
    if (i < four.size()) into.push_back(std::move(four[i]));
  }
}

/// Whether connections of a family may be made.
bool may_use(bool ipv6, const Config& config, const std::vector<std::string>& source) {
  if (ipv6 && !config.ipv6) return false;
  return source.empty() || std::ranges::any_of(source, [&](const auto& own) { return is_ipv6(own) == ipv6; });
}

}  // namespace

bool is_address(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

bool is_ipv6(std::string_view address) { return address.find(':') != std::string_view::npos; }

Task<Targets> find_targets(dns::Resolver& resolver, const Config& config, Destination destination,
                           base::SteadyTime deadline) {
  if (!destination.hosts.empty()) co_return by_route(destination);
  const std::string& domain = destination.domain;
  if (is_address(domain)) {
    Targets targets;
    targets.hosts.push_back({.name = {}, .port = config.port, .path = {}, .addresses = {domain}});
    co_return targets;
  }
  dns::Answer answer = co_await resolver.look_up(domain, dns::Type::mx, deadline);
  if (answer.unknown()) co_return none(dns_down(domain, "MX", answer));
  if (answer.status == dns::Status::no_name) {
    co_return none(failed("5.1.2", "the domain " + domain + " does not exist"));
  }
  // RFC 5321 §5.1: without MX records the domain is its own host.
  std::vector<dns::Mx> records = std::move(answer.mx);
  if (answer.status == dns::Status::no_data) records = {{.preference = 0, .host = base::lower(domain)}};
  Targets targets = by_records(domain, std::move(records), config);
  targets.secure = answer.secure;
  co_return targets;
}

Task<Addresses> find_addresses(dns::Resolver& resolver, const Config& config, Target target,
                               std::vector<std::string> source, base::SteadyTime deadline) {
  Addresses result;
  result.canonical = target.name;
  if (!target.addresses.empty()) {
    result.list = std::move(target.addresses);
    co_return result;
  }
  result.secure = true;
  std::vector<std::string> six, four;
  std::optional<dns::Answer> lost;
  if (may_use(true, config, source)) {
    take(six, result, co_await resolver.look_up(target.name, dns::Type::aaaa, deadline), lost);
  }
  if (may_use(false, config, source)) {
    take(four, result, co_await resolver.look_up(target.name, dns::Type::a, deadline), lost);
  }
  mix(std::move(six), std::move(four), result.list);
  if (!result.list.empty()) co_return result;
  result.problem = lost ? dns_down(target.name, "address", *lost)
                        : failed("5.4.4", "the host " + target.name + " has no address that can be reached from here");
  co_return result;
}

}  // namespace outbound
