#pragma once
// Private to the room: which hosts take mail for a destination (RFC 5321 §5.1, RFC 7505), and their addresses.

#include <optional>
#include <string>
#include <vector>

#include "dns/resolver.h"
#include "outbound/open.h"

namespace outbound {

/// A host to be tried.
struct Target {
  std::string name;  // in lower case; "" for an address or a path
  std::uint16_t port = 25;
  std::string path;                    // a Unix socket
  std::vector<std::string> addresses;  // known already, when it was given as one
};

struct Targets {
  std::vector<Target> hosts;       // in the order in which they are tried
  bool by_mx = false;              // found by MX, or the domain itself in its place; else named by a route
  bool secure = false;             // that was validated
  std::optional<Outcome> problem;  // why there are none
};

net::Task<Targets> find_targets(dns::Resolver& resolver, const Config& config, Destination destination,
                                base::SteadyTime deadline);

struct Addresses {
  std::vector<std::string> list;   // IPv6 and IPv4 in turn
  bool secure = false;             // all answers were validated
  std::string canonical;           // the name behind the CNAMEs
  std::optional<Outcome> problem;  // why there are none
};

/// Of the families that may be used: `source` names the addresses that we may come from, if not all.
net::Task<Addresses> find_addresses(dns::Resolver& resolver, const Config& config, Target target,
                                    std::vector<std::string> source, base::SteadyTime deadline);

/// A numeric IPv4 or IPv6 address.
bool is_address(const std::string& text);
bool is_ipv6(std::string_view address);

}  // namespace outbound
