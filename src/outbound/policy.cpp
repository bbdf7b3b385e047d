#include "outbound/policy.h"

#include <algorithm>

#include "net/stream.h"
#include "outbound/outcome.h"

namespace outbound {

namespace {

using net::Task;

struct DaneRecords {
  std::string base;  // the TLSA base domain
  std::vector<tls::TlsaRecord> records;
  std::optional<Outcome> problem;
};

tls::TlsaRecord convert(const dns::Tlsa& record) {
  return {.usage = record.usage, .selector = record.selector, .matching = record.matching, .data = record.data};
}

/// RFC 7672 §2.2.3: first for the name at the end of the CNAMEs, then for the host's own.
Task<DaneRecords> find_records(dns::Resolver& resolver, const Target& target, const Addresses& addresses,
                               base::SteadyTime deadline) {
  std::vector<std::string> bases{addresses.canonical};
  if (target.name != addresses.canonical) bases.push_back(target.name);
  DaneRecords found;
  for (const std::string& base : bases) {
    const std::string name = "_" + std::to_string(target.port) + "._tcp." + base;
    const dns::Answer answer = co_await resolver.look_up(name, dns::Type::tlsa, deadline);
    // RFC 7672 §2.1.2: who can suppress the answer could suppress the records, so the host is not used without it.
    if (answer.unknown()) {
      found.problem = out_of_reach("4.7.5", "whether " + base + " has TLSA records cannot be found out: " + answer.why);
      co_return found;
    }
    if (answer.status != dns::Status::found || !answer.secure) continue;
    found.base = base;
    for (const dns::Tlsa& record : answer.tlsa) found.records.push_back(convert(record));
    co_return found;
  }
  co_return found;
}

void use_dane(Security& security, const DaneRecords& dane, const Destination& destination, const Target& target,
              const Targets& targets) {
  security.source = PolicyKind::dane;
  security.require_tls = true;
  // RFC 7672 §2.2: records of which none can be used ask for TLS, and say nothing about the certificate.
  if (std::ranges::none_of(dane.records, tls::usable)) return;
  security.require_check = true;
  security.check = tls::Check::dane;
  security.tlsa = dane.records;
  // RFC 7672 §3.2.2: what a certificate below a trust anchor may be for.
  security.names = {dane.base};
  if (target.name != dane.base) security.names.push_back(target.name);
  if (targets.by_mx && !destination.domain.empty() && destination.domain != dane.base) {
    security.names.push_back(destination.domain);
  }
}

void use_pkix(Security& security, PolicyKind source, std::vector<std::string> names, bool enforced) {
  security.source = source;
  security.check = tls::Check::pkix;
  security.names = std::move(names);
  security.require_tls = security.require_check = enforced;
}

/// A login is given only to who has proven its name, or is on this machine.
bool guards_login(const Destination& destination, const Target& target) {
  if (destination.user.empty() || !target.path.empty()) return false;
  return target.addresses.empty() || !net::is_loopback(target.addresses.front());
}

std::string name_of(const Target& target) { return target.name.empty() ? target.addresses.front() : target.name; }

Decision refuse(const Target& target, std::string why) {
  Decision decision;
  decision.security.source = PolicyKind::mta_sts;
  decision.problem = out_of_reach("4.7.5", "the host " + target.name + " may not be used: " + std::move(why));
  return decision;
}

}  // namespace

bool wants_domain_policy(const Destination& destination, const Targets& targets, const Config& config) {
  return destination.tls == TlsPolicy::by_policy && config.mta_sts && targets.by_mx;
}

Task<Decision> decide(dns::Resolver& resolver, const Config& config, const Destination& destination,
                      const Targets& targets, const Target& target, const Addresses& addresses,
                      const DomainPolicy& policy, bool optional, base::SteadyTime deadline) {
  Decision decision;
  Security& security = decision.security;
  switch (destination.tls) {
    case TlsPolicy::none:
      security.use_tls = false;
      co_return decision;
    case TlsPolicy::opportunistic:
      co_return decision;
    case TlsPolicy::encrypt:
      security.source = PolicyKind::route;
      security.require_tls = true;
      co_return decision;
    case TlsPolicy::verify:
      if (!target.path.empty()) co_return decision;
      use_pkix(security, PolicyKind::route, {name_of(target)}, true);
      co_return decision;
    case TlsPolicy::by_policy:
      break;
  }
  // RFC 7672 §2.2: only what was found securely can make TLS secure.
  const bool found_securely = !targets.by_mx || targets.secure;
  if (config.dane && !target.name.empty() && found_securely && addresses.secure) {
    const DaneRecords dane = co_await find_records(resolver, target, addresses, deadline);
    if (dane.problem && !optional) {
      decision.security.source = PolicyKind::dane;
      decision.problem = dane.problem;
      decision.dnssec_failed = true;
      co_return decision;
    }
    if (!dane.records.empty()) {
      use_dane(security, dane, destination, target, targets);
      if (optional) security.require_tls = security.require_check = false;
      co_return decision;
    }
  }
  // RFC 8461 §2: only where DANE does not decide.
  if (policy.sts && targets.by_mx) {
    const bool enforced = policy.sts->mode == StsMode::enforce && !optional;
    if (enforced && !allows(*policy.sts, target.name)) {
      co_return refuse(target, "it is not among the MX hosts of the domain's MTA-STS policy");
    }
    use_pkix(security, PolicyKind::mta_sts, {name_of(target)}, enforced);
    decision.unlisted = !allows(*policy.sts, target.name);
    co_return decision;
  }
  if (guards_login(destination, target)) use_pkix(security, PolicyKind::route, {name_of(target)}, true);
  co_return decision;
}

}  // namespace outbound
