#pragma once
// Private to the room: what TLS a connection to one host must have, and what came of it.

#include <string>
#include <vector>

#include "outbound/outbound.h"
#include "tls/client.h"

namespace outbound {

/// Where a requirement comes from; these are the policy types of RFC 8460 §4.4, but for `route`.
enum class PolicyKind { none, route, dane, mta_sts };

struct Security {
  bool use_tls = true;         // STARTTLS where it is offered
  bool require_tls = false;    // without TLS the host is not used
  bool require_check = false;  // nor with TLS that fails the check
  PolicyKind source = PolicyKind::none;
  tls::Check check = tls::Check::none;
  std::vector<std::string> names;
  std::vector<tls::TlsaRecord> tlsa;
};

/// "DANE", "MTA-STS", "verified", "not verified"
const char* words(const Security& security, bool verified);

}  // namespace outbound
