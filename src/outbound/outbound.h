#pragma once
// Outbound: takes one message to the hosts that take mail for a destination: finds them (MX, RFC 5321 §5; or those that
// a route names), connects, makes the transport as safe as the destination's policy wants, and hands the message over
// by SMTP or LMTP (RFC 5321, 2033). It keeps connections open for the next message. What to send when, and what becomes
// of an answer, is the business of who calls (delivery): nothing here is durable but cached policies and counted
// results. Safe from any loop's thread; a call resumes on its caller's loop.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "net/task.h"
#include "smtp/host.h"

namespace outbound {

/// What TLS a destination gets. `by_policy`: DANE (RFC 7672) or MTA-STS (RFC 8461) where the destination has one of
/// them, otherwise `opportunistic`: encrypted when that works, with any certificate.
enum class TlsPolicy { none, opportunistic, by_policy, encrypt, verify };

/// A host that a route names.
struct RouteHost {
  std::string name;         // a host name (its addresses are looked up, no MX), or a numeric address
  std::uint16_t port = 25;  // 465: TLS from the first byte
  std::string path;         // of a Unix socket (LMTP), in place of both
  friend bool operator==(const RouteHost&, const RouteHost&) = default;
};

/// A command that takes messages on its standard input, in place of hosts.
struct Pipe {
  std::vector<std::string> command;  // its path and arguments (pipe.h); empty: there is none
  std::string user;                  // whom it runs as; empty: the server's own user
  std::chrono::seconds time_limit{1000};
  bool crlf = false;  // lines end with CRLF, and not with LF
  friend bool operator==(const Pipe&, const Pipe&) = default;
};

/// Where to: by the MX records of `domain` when `hosts` is empty.
struct Destination {
  std::string domain;  // of the recipients, as A-labels; "192.0.2.1" or an IPv6 address for an address literal
  std::vector<RouteHost> hosts;  // tried in order
  bool lmtp = false;
  TlsPolicy tls = TlsPolicy::by_policy;
  std::string user, password;               // for AUTH; empty: none
  std::vector<std::string> source_address;  // numeric, at most one of each family; empty: the system's choice
  std::string helo;                         // empty: the server's host name
  Pipe pipe;
  friend bool operator==(const Destination&, const Destination&) = default;
};

/// What is sent. The envelope's `recipients` are not used.
struct Message {
  std::string id;                 // in the queue
  smtp::Envelope envelope;        // sender, SMTPUTF8, BODY, RET, ENVID, BY, MT-PRIORITY, REQUIRETLS
  bool tls_optional = false;      // it has "TLS-Required: No" (RFC 8689 §4.2.2)
  bool eight_bit_header = false;  // a header field has bytes above 127
  std::uint64_t size = 0;         // bytes, with CRLF line ends
  /// Bytes [offset, offset + at most 64 KiB) of it; "" at the end. May suspend; called by one at a time, in order from
  /// 0 on, and again from 0 when another host is tried.
  std::function<net::Task<base::Result<std::string>>(std::uint64_t offset)> read;
};

enum class Verdict { delivered, deferred, failed };

/// What became of one recipient.
struct Outcome {
  Verdict verdict = Verdict::deferred;
  std::string status;      // RFC 3463, "2.1.5"; the remote host's where it gave one
  std::string text;        // why, in words, for logs and reports: one line of printable text
  std::string host;        // the host that answered, or was tried last; "" when there was none
  std::string address;     // its numeric address
  std::string diagnostic;  // its reply as it came, lines joined by a space, printable; "" when it gave none
  bool reports = false;    // delivered: the host takes DSN requests (RFC 3461), so success is its to report
  /// deferred: the host as such was out of reach (no connection, 421, a TLS policy): nothing else for this destination
  /// has a better chance now.
  bool destination_down = false;
  std::string tls;  // "TLSv1.3 … (DANE)"; "" without TLS
};

class Outbound {
 public:
  virtual ~Outbound() = default;

  /// Sends to `recipients`, which share the destination: one outcome for each, in order. `may_commit` is asked right
  /// before the host would take responsibility (the final dot): false lets the attempt go, deferred. Ends by `deadline`
  /// at the latest, deferred. Never throws but for a bug.
  virtual net::Task<std::vector<Outcome>> send(Destination destination, Message message,
                                               std::vector<smtp::Recipient> recipients,
                                               std::function<bool()> may_commit, base::SteadyTime deadline,
                                               base::Log log) = 0;

  /// Whether a recipient is taken by the destination, without sending anything (MAIL, RCPT, RSET): for relay domains
  /// whose recipients are known elsewhere.
  virtual net::Task<Outcome> verify(Destination destination, std::string sender, std::string recipient,
                                    base::SteadyTime deadline, base::Log log) = 0;
};

}  // namespace outbound
