#pragma once
// One IMAP session, server side (RFC 9051, RFC 3501), from greeting to logout. The driver owns its stream; one
// coroutine per session on its loop. Throws net::Closed only.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/live.h"
#include "base/log.h"
#include "directory/directory.h"
#include "guard/visit.h"
#include "imap/metrics.h"
#include "mailstore/mailstore.h"
#include "net/server.h"
#include "net/stream.h"
#include "sasl/sasl.h"
#include "tls/tls.h"

namespace imap {

struct Config {
  std::string hostname;
  std::uint64_t max_message_bytes = 25ull << 20;  // APPEND
  std::size_t max_command_bytes = 64 * 1024;      // a command with its literals, APPEND's message apart
  std::uint32_t max_messages = 0;                 // that one command works on (RFC 9738); 0: all
  std::size_t max_errors = 50;                    // BAD answers before BYE
  std::chrono::seconds login_timeout{180};        // from the connection to the login, whatever is said
  std::chrono::seconds idle_timeout{30 * 60};     // RFC 9051 §5.4: at least 30 minutes
  sasl::Enabled mechanisms;                       // for AUTHENTICATE
  // RFC 6855 §4 has them refused from clients that have not enabled UTF8=ACCEPT; but old mail is full of headers with
  // raw bytes, and programs that move it from one server to another send it as it is.
  bool append_8bit_headers = true;
  std::vector<std::string> submission_accounts;  // RFC 4467 §3, submit+: who may fetch for it; addresses, normalized
  std::vector<mailstore::Annotation> server_entries;  // shared ones (RFC 5464): server_entries.h
  std::string (*nonce)() = sasl::random_nonce;        // fresh for each exchange
};

struct Mode {
  bool implicit_tls = false;    // 993
  bool plaintext_auth = false;  // LOGIN without TLS is allowed for peers in trusted networks (developer mode)
  std::function<bool(std::string_view address)> trusted;
  guard::Guard* guard = nullptr;                         // outlives the sessions; nullptr: nothing is limited
  std::function<bool(std::string_view address)> exempt;  // a peer whose address the guard does not look at
  Metrics metrics;
};

using TlsSource = std::function<std::shared_ptr<const tls::Acceptor>()>;

/// What a session works on; all of it outlives the session.
struct Services {
  directory::Directory& directory;
  mailstore::Mailstore& mail;
  store::Store& store;  // for new bodies (APPEND)
  const base::Clock& clock;
};

/// The config outlives the session; a change of it holds from the next command on.
net::Task<void> serve(std::unique_ptr<net::Stream> stream, Services services, const base::Live<Config>& config,
                      std::shared_ptr<const Mode> mode, TlsSource tls, base::Log log, net::Stopping stopping);

/// What a connection that is turned away is told, as net::Server wants it: one above the listener's limits, and one
/// that the guard refuses. RFC 9051 §7.1.5.
std::string too_many_connections();
std::string refused_connection(const guard::Refusal& refusal);

}  // namespace imap
