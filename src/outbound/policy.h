#pragma once
// Private to the room: what TLS each host of a destination must have: what the route says, else DANE (RFC 7672), else
// MTA-STS (RFC 8461), else nothing.

#include <optional>
#include <string>

#include "outbound/security.h"
#include "outbound/sts_policy.h"
#include "outbound/targets.h"

namespace outbound {

/// The MTA-STS policy of a domain as it holds now.
struct DomainPolicy {
  std::optional<StsPolicy> sts;  // testing or enforce
};

struct Decision {
  Security security;
  std::optional<Outcome> problem;  // the host must not be used
  bool dnssec_failed = false;      // because of the DNS
  bool unlisted = false;           // the MTA-STS policy, which is being tested, does not name it
};

/// For one host, whose addresses were looked up. `optional`: the message wants no more than what works (RFC 8689
/// §4.2.2: policies are followed and failures forgiven).
net::Task<Decision> decide(dns::Resolver& resolver, const Config& config, const Destination& destination,
                           const Targets& targets, const Target& target, const Addresses& addresses,
                           const DomainPolicy& policy, bool optional, base::SteadyTime deadline);

/// Whether the destination can have a policy of its own, so that it is worth to look for one.
bool wants_domain_policy(const Destination& destination, const Targets& targets, const Config& config);

}  // namespace outbound
