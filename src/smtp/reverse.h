#pragma once
// Reverse: whether the DNS knows a client's address by a name (RFC 1035 §3.5, RFC 3596 §2.5), and that name leads back
// to the address, as those of hosts that send mail do; whoever has the address alone can make up one half of it.

#include <string>

#include "base/network.h"
#include "dns/resolver.h"
#include "net/task.h"

namespace smtp {

enum class ReverseName {
  confirmed,
  missing,  // there is none, or none that leads back
  unknown,  // the DNS could not be asked
};

/// "7.113.0.203.in-addr.arpa"
std::string reverse_name(const base::Address& address);

/// Looks at no more than the first ten names. Ends by `deadline`. The resolver outlives the call.
net::Task<ReverseName> look_up_reverse(dns::Resolver& resolver, base::Address address, base::SteadyTime deadline);

}  // namespace smtp
