#pragma once
// Policy: what is looked at of a stranger's host besides its mail, a row each; its name in HELO and EHLO. Pure, bounded
// by the length of a line. A rule says only that something is odd; what is done about it the configuration says, and by
// default only what no honest host does is refused. RFC 5321 §4.1.3, §4.1.4.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/network.h"
#include "smtp/reply.h"
#include "smtp/session.h"

namespace smtp {

/// What a rule may look at.
struct Stranger {
  std::string_view helo;
  std::string_view hostname;  // ours
  const net::Endpoints& endpoints;
};

struct Rule {
  std::string_view name;  // in logs
  bool (*broken)(const Stranger&);
  Policy Config::* policy;
  Reply (*reply)();
};
std::span<const Rule> rules();

/// The first rule that is broken and refuses. Those that are broken and only logged are put in `noted`, which has room
/// for all.
const Rule* judge(const Stranger& stranger, const Config& config, std::vector<std::string_view>& noted);

/// A domain name as it may stand in EHLO: labels of letters, digits, hyphens and (which RFC 5321 does not have and
/// hosts of other systems do) underscores. One label is enough.
bool is_domain(std::string_view name);
/// What "[192.0.2.1]" or "[IPv6:2001:db8::1]" stands for; nothing when it is no address literal.
std::optional<base::Address> address_literal(std::string_view name);

}  // namespace smtp
