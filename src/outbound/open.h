#pragma once
// Makes the Outbound of this room, over a resolver, and a store for cached policies and counted results; and what it
// offers beside sending: a look at a destination without sending, and the daily reports of how TLS went.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "dns/resolver.h"
#include "net/loop.h"
#include "outbound/outbound.h"
#include "outbound/pipe.h"
#include "smtp/client.h"
#include "store/store.h"

namespace outbound {

struct Config {
  std::string hostname;                      // of the server: in EHLO, and to know ourselves among MX hosts
  std::uint16_t port = 25;                   // of hosts found by MX
  bool ipv6 = true;                          // connect to IPv6 addresses
  std::string trusted_ca;                    // a PEM file of authorities; empty: those of the system
  bool dane = true;                          // RFC 7672
  bool mta_sts = true;                       // RFC 8461
  std::uint16_t mta_sts_port = 443;          // of the hosts that serve policies
  std::chrono::seconds connect_timeout{30};  // for one address
  std::chrono::seconds idle_timeout{15};     // how long a connection waits for the next message
  std::size_t max_idle = 100;                // connections that wait, in all
  std::size_t max_messages = 100;            // over one connection
  std::size_t max_recipients = 100;          // of one transaction (RFC 5321 §4.5.3.1.8)
  std::size_t max_addresses = 8;             // tried for one destination in one attempt
  smtp::ClientTimeouts timeouts;
};

/// A command that was started.
struct StartedCommand {
  int socket = -1;  // to what watches over it (pipe.h); the caller's to close
  /// Whether that process is gone, to be asked until it is, once the socket is closed; `force` ends it. Blocks no
  /// longer than that takes. Nothing: it is somebody else's child.
  std::function<bool(bool force)> gone;
};
/// Starts the command of a pipe, whose values fit it (expand()). Blocks.
using StartCommand = std::function<base::Result<StartedCommand>(const Pipe& pipe, const PipeValues& values)>;

/// What the room stands on; all of it outlives the Outbound.
struct Services {
  dns::Resolver& resolver;
  store::Store& store;
  const base::Clock& clock;
  net::Loop* loop = nullptr;   // where its housekeeping runs until the loop ends; nullptr: there is none
  StartCommand start_command;  // nothing: no mail goes to commands
};

/// A report of TLS results to who asked for it by mail (RFC 8460 §3, §5.3), to be sent with a null sender and
/// Message::tls_optional, because it may tell that TLS is broken.
struct ReportMail {
  std::string domain;           // that it is about
  std::vector<std::string> to;  // addresses
  std::string message;          // RFC 5322, with CRLF
};
/// An error: the report is kept and offered again later.
using ReportSink = std::function<net::Task<base::Result<void>>(ReportMail report)>;

/// How a host of a destination looks from here.
struct HostView {
  std::string host;
  std::string address;
  std::string policy;   // "none", "DANE", "MTA-STS (enforce)", "route"
  std::string tls;      // as Outcome::tls; "" without TLS
  bool usable = false;  // mail would be sent to it
  std::string problem;  // why not
};
struct DestinationView {
  bool by_mx = false;
  bool secure = false;  // the MX records are validated
  std::string policy;   // of the domain: "none", "MTA-STS (testing)"
  std::string problem;  // why there are no hosts
  std::vector<HostView> hosts;
};

class System : public Outbound {
 public:
  /// Who sends the reports; without one they are not made, and results are dropped after a week. From any thread.
  virtual void set_report_sink(ReportSink sink) = 0;

  /// Ends the housekeeping, and gives up what is being fetched; blocks until then, a look-up's time at most. To be
  /// called while the loops still run, by none of them, and before they end: what is sent meanwhile is who sends it's
  /// business.
  virtual void stop() = 0;

  /// Finds and greets each host as send() would, and sends nothing.
  virtual net::Task<DestinationView> examine(Destination destination, base::SteadyTime deadline, base::Log log) = 0;
};

/// invalid: the authorities cannot be read.
base::Result<std::unique_ptr<System>> open(Services services, Config config, base::Log log);

/// The room's tables, for `store check` and what counts records.
std::vector<store::TableName> tables();

}  // namespace outbound
