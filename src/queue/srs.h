#pragma once
// SRS, the sender rewriting scheme: mail that an alias sends on to another host goes out with a sender of ours, so that
// SPF holds (RFC 7208 §11.2 has the problem), and what is sent to that address within its time goes back to the first
// sender. The address carries all that is needed, under a keyed digest: SRS0=digest=day=domain=local@ours. One that
// another host has rewritten already becomes SRS1=digest=that-host==rest@ours, which does not grow further. Pure; `key`
// is secret.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace queue {

/// So long an address is good for what comes back.
inline constexpr int kSrsDays = 30;

/// Nothing when it would be longer than a local part may be (RFC 5321 §4.5.3.1.1), or `sender` is no address.
std::optional<std::string> srs_forward(std::string_view key, std::string_view sender, std::string_view our_domain,
                                       base::WallTime now);

bool is_srs(std::string_view address);
/// Where mail for an address that srs_forward() made goes; nothing when it is none of ours, or too old.
std::optional<std::string> srs_reverse(std::string_view key, std::string_view address, base::WallTime now);

}  // namespace queue
