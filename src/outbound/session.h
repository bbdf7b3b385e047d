#pragma once
// Private to the room: an open connection to a host, greeted, made as safe as it has to be, logged in; and how one is
// made. On one loop.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/pool.h"
#include "outbound/open.h"
#include "outbound/security.h"
#include "smtp/client.h"

namespace outbound {

struct Session {
  std::unique_ptr<smtp::Client> client;
  std::string host;     // its name, or its address or path when it has none
  std::string address;  // numeric; "" for a Unix socket
  std::string tls;      // for Outcome::tls
  bool encrypted = false;
  bool verified = false;  // its name is proven as `security` asked for
  Security security;
  std::size_t messages = 0;  // sent over it
  bool reused = false;

  /// Fills in who it was.
  void sign(Outcome& outcome) const;
};

/// How TLS went, for counting (RFC 8460 §4.3).
enum class TlsResult {
  success,
  starttls_not_supported,
  certificate_host_mismatch,
  certificate_expired,
  certificate_not_trusted,
  validation_failure,
  tlsa_invalid,
  dnssec_invalid,
  dane_required,
  sts_policy_fetch_error,
  sts_policy_invalid,
  sts_webpki_invalid,
};
/// "certificate-host-mismatch"
const char* name(TlsResult result);

struct TlsEvent {
  TlsResult result = TlsResult::success;
  std::string host;     // of the receiver
  std::string address;  // its numeric address
  std::string local;    // ours
  std::string why;      // in words
};
/// Called once for each connection on which TLS was, or should have been, tried.
using TlsObserver = std::function<void(const TlsEvent&)>;

struct Opening {
  std::string host;
  std::string address;  // or
  std::string path;     // of a Unix socket
  std::uint16_t port = 25;
  bool lmtp = false;
  bool by_mx = false;  // a host that calls itself by our name is ourselves
  std::string source;  // our address, or ""
  std::string helo;
  std::string user, password;
  Security security;
  TlsObserver observe;
  base::SteadyTime deadline;
};

/// A session, or why there is none (deferred or failed).
struct Opened {
  std::unique_ptr<Session> session;
  std::optional<Outcome> problem;
};

net::Task<Opened> open_session(const Config& config, std::shared_ptr<const tls::Client> tls, net::Pool& pool,
                               Opening opening, base::Log log);

}  // namespace outbound
