#pragma once
// One SMTP or LMTP session, server side (RFC 5321, RFC 2033), from greeting to end. The driver owns its stream; one
// coroutine per session.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/live.h"
#include "base/log.h"
#include "dns/resolver.h"
#include "guard/visit.h"
#include "net/server.h"
#include "net/stream.h"
#include "sasl/sasl.h"
#include "smtp/host.h"
#include "smtp/metrics.h"
#include "tls/tls.h"

namespace smtp {

/// Who is told by VRFY and EXPN which addresses there are.
enum class Vrfy { nobody, known, everybody };  // known: users who have logged in, and hosts of trusted networks

/// What is done about a client that does what honest ones do not (policy.h).
enum class Policy { ignore, log, refuse };

struct Config {
  std::string hostname;
  std::uint64_t max_message_bytes = 25ull << 20;  // SIZE
  std::size_t max_recipients = 1000;              // per message (RFC 5321 §4.5.3.1.8 asks for at least 100)
  std::size_t max_errors = 20;                    // bad commands and refusals before the session is ended with 421
  std::size_t max_commands = 100'000;             // in one session
  std::size_t max_messages = 10'000;              // in one session (RFC 9422: MAILMAX)
  std::chrono::seconds max_hold{30 * 86400};      // FUTURERELEASE on submission; 0: not offered
  Vrfy vrfy = Vrfy::nobody;
  // Of strangers on an mx listener; whoever the guard exempts is not looked at.
  std::chrono::seconds greet_delay{0};         // what is said before the greeting is refused; 0: nobody waits
  Policy hello_syntax = Policy::log;           // a HELO or EHLO name that is neither a domain nor an address literal
  Policy hello_own_name = Policy::refuse;      // one that is ours
  Policy hello_foreign_literal = Policy::log;  // an address literal that is not the client's address
  Policy reverse_dns = Policy::ignore;         // an address without a name in the DNS that leads back to it (reverse.h)
  std::chrono::seconds command_timeout{300};   // RFC 5321 §4.5.3.2.7
  std::chrono::seconds data_timeout{180};      // between two blocks of DATA (§4.5.3.2.5)
  std::chrono::seconds session_timeout{3600 * 2};
  sasl::Enabled mechanisms;                     // for AUTH
  std::string (*nonce)() = sasl::random_nonce;  // fresh for each exchange
};

/// How a listener speaks.
struct Mode {
  Service service = Service::mx;
  bool implicit_tls = false;    // TLS begins with the connection (465)
  bool hide_clients = false;    // what users send is not to tell where they are
  bool plaintext_auth = false;  // AUTH without TLS is allowed for peers in trusted networks (developer mode)
  std::function<bool(std::string_view address)> trusted;  // a peer of the listener's trusted networks
  std::function<bool(std::string_view address)> relay;    // a peer of those that may send to anywhere without AUTH
  guard::Guard* guard = nullptr;                          // outlives the sessions; nullptr: nothing is limited
  std::function<bool(std::string_view address)> exempt;   // a peer whose address the guard does not look at
  dns::Resolver* resolver = nullptr;                      // outlives the sessions; nullptr: names are not looked up
  Metrics metrics;
};

/// The certificate of the moment; nullptr when there is none (STARTTLS is not announced then).
using TlsSource = std::function<std::shared_ptr<const tls::Acceptor>()>;

/// Serves one connection to its end; throws net::Closed only. Host, clock and config outlive it; a change of the config
/// holds from the next command on.
net::Task<void> serve(std::unique_ptr<net::Stream> stream, Host& host, const base::Live<Config>& config,
                      std::shared_ptr<const Mode> mode, TlsSource tls, const base::Clock& clock, base::Log log,
                      net::Stopping stopping);

/// What a connection above the listener's limits is told, as net::Server wants it: "421 4.3.2 …\r\n".
std::string too_many_connections(std::string_view hostname);
/// The same for one that the guard turns away.
std::string refused_connection(std::string_view hostname, const guard::Refusal& refusal);

}  // namespace smtp
