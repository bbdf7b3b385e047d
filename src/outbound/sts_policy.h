#pragma once
// Private to the room: what a domain publishes for MTA-STS (RFC 8461 §3): the TXT record and the policy. Pure, total,
// linear, bounded by what is fetched.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace outbound {

enum class StsMode { none, testing, enforce };

struct StsPolicy {
  StsMode mode = StsMode::none;
  std::uint32_t max_age = 0;    // seconds
  std::vector<std::string> mx;  // host names, or "*." and a domain; in lower case
  friend bool operator==(const StsPolicy&, const StsPolicy&) = default;
};

inline constexpr std::size_t kMaxPolicyBytes = 64 * 1024;  // RFC 8461 §3.3

/// The id in the records of _mta-sts.DOMAIN; nothing when there is not exactly one that is well-formed (§3.1).
std::optional<std::string> sts_id(const std::vector<std::string>& records);

/// §3.2; invalid in words.
base::Result<StsPolicy> parse_sts_policy(std::string_view text);

/// §4.1: whether a host of the domain's MX may be used.
bool allows(const StsPolicy& policy, std::string_view host);

}  // namespace outbound
