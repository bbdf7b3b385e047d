#pragma once
// What an operator can set of the queue: when it tries again, how much it does at once, and which way mail goes.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "outbound/outbound.h"

namespace queue {

enum class By {
  mx,       // the hosts that the domain's MX records name
  hosts,    // those of the route
  lmtp,     // the same, by LMTP
  pipe,     // a command
  local,    // looked up here, whatever other routes say
  refuse,   // the sender is told so
  discard,  // thrown away
};

/// Which way some of the mail goes. It takes what fits all the lists that are not empty.
struct Route {
  std::string name;
  std::vector<std::string> recipients;  // domains, in A-labels; ".example.org": those below it
  std::vector<std::string> senders;     // the same
  std::vector<std::string> accounts;    // addresses of who submitted it
  By by = By::mx;
  std::vector<outbound::RouteHost> hosts;
  std::string user, password;
  outbound::TlsPolicy tls = outbound::TlsPolicy::by_policy;
  outbound::Pipe pipe;
  std::string text;  // why it is refused
  std::vector<std::string> source_address;
  std::string helo;
  std::size_t deliveries = 0;           // at once to one destination; 0: as for all
  std::size_t messages_per_minute = 0;  // to one destination; 0: as for all
  bool relay = false;                   // mail for `recipients` is taken from anybody
  bool verify = false;                  // and the hosts are asked for each recipient before
};

struct Config {
  std::string hostname;                     // in reports
  std::string machine_mail = "postmaster";  // where mail goes that is for an address at the hostname
  /// From one attempt to the next; the last one repeats.
  std::vector<std::chrono::seconds> retry{std::chrono::minutes(5),  std::chrono::minutes(10), std::chrono::minutes(20),
                                          std::chrono::minutes(40), std::chrono::minutes(80), std::chrono::minutes(160),
                                          std::chrono::minutes(240)};
  std::chrono::seconds expire{std::chrono::hours(5 * 24)};
  std::chrono::seconds warn{std::chrono::hours(4)};  // 0: never
  std::size_t deliveries = 200;                      // at once
  std::size_t destination_deliveries = 20;           // of them to one destination
  std::size_t messages_per_minute = 0;               // to one destination; 0: as many as it takes
  std::uint64_t max_messages = 1'000'000;
  std::uint64_t max_messages_per_account = 10'000;
  std::chrono::seconds trace_keep{std::chrono::hours(7 * 24)};  // what happened to messages; 0: not at all
  std::vector<outbound::RouteHost> smarthost;                   // takes all that no route names; none: by MX
  std::string smarthost_user, smarthost_password;
  bool srs = true;  // what an alias sends on goes out with a sender of ours
  std::vector<Route> routes;
};

}  // namespace queue
