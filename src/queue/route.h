#pragma once
// Route: which way a recipient's mail goes, from the configuration and its addresses. Pure.

#include <string>
#include <string_view>

#include "queue/config.h"
#include "queue/tables.h"

namespace queue {

struct Way {
  By by = By::mx;
  outbound::Destination destination;
  std::string key;   // destinations with the same one share limits and pauses
  std::string text;  // of a refusal
  std::size_t deliveries = 0;
  std::size_t messages_per_minute = 0;
};

/// Of the routes that fit: the one that asks for the sender's account, then for the sender's domain, then for the
/// recipient's; of two alike, the one that names the domain itself, and then the longer end of it. Without any the
/// smarthost, when there is one, or the MX of the domain.
Way way_of(const Config& config, const schema::QueuedMessage& message, std::string_view domain);

/// Whether one of the domains ("example.org", ".example.org", "*") is meant; how well: 0 not at all.
std::size_t fits(const std::vector<std::string>& domains, std::string_view domain);

/// Where mail for an address really goes: that of this machine's own users ("root@" and the hostname) to
/// Config::machine_mail, any other where it says.
std::string of_machine(const Config& config, const std::string& address);

}  // namespace queue
