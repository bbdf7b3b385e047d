#pragma once
// TLS 1.2 and 1.3 over any net::Stream, without a type of the library that does it. An Acceptor or Connector is
// immutable and shared by all loops; the streams it makes live on the loop of the stream they wrap. Session resumption
// is by stateless tickets (TicketKeys, in memory only). Idle connections hold no record buffers.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/stream.h"

namespace tls {

/// A certificate chain (leaf first) and its private key, both PEM.
struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
  std::string key_password;  // when the key is encrypted
};

class Acceptor {
 public:
  virtual ~Acceptor() = default;
  /// The server's handshake over `plain`, which has no unread bytes of ours. Throws net::Closed(tls) with the library's
  /// reason when it fails; the connection is closed then. The result's tls() is set, its endpoints() are those of
  /// `plain`.
  virtual net::Task<std::unique_ptr<net::Stream>> accept(std::unique_ptr<net::Stream> plain) const = 0;
};

class Connector {
 public:
  virtual ~Connector() = default;
  /// The client's handshake. `server_name` is sent as SNI and, when verification is on, matched against the
  /// certificate.
  virtual net::Task<std::unique_ptr<net::Stream>> connect(std::unique_ptr<net::Stream> plain,
                                                          std::string server_name) const = 0;
};

/// A key pair and the names that it is served for.
struct Identity {
  KeyPair pair;
  std::vector<std::string> names;  // host names and wildcards, in any case; empty: those of the certificate
};

/// What tickets are sealed with: a key of two hours, and the one before it, which still opens what it sealed. Acceptors
/// that share them resume each other's sessions, so a renewed certificate costs no client its ticket. From any thread.
class TicketKeys;
/// `clock` outlives the keys.
std::shared_ptr<TicketKeys> make_ticket_keys(const base::Clock& clock);

/// A client that names a host gets the first identity with that name, then the first with a wildcard for it; who names
/// none, or an unknown one, gets the first of all. There is at least one. With `client_ca_pem` clients are asked for a
/// certificate: one that these authorities have signed is told by net::TlsInfo, another one ends the handshake, and
/// none at all is fine. invalid when a PEM cannot be read or key and certificate do not match (the text says which).
base::Result<std::shared_ptr<const Acceptor>> make_acceptor(std::span<const Identity> identities,
                                                            std::shared_ptr<TicketKeys> tickets,
                                                            const std::string& client_ca_pem = {});
/// With one identity, and tickets of its own.
base::Result<std::shared_ptr<const Acceptor>> make_acceptor(const KeyPair& pair);

/// Verifies against `trusted_pem` when it is not empty, and takes any certificate otherwise. Shows `own`, when the
/// server asks for a certificate.
base::Result<std::shared_ptr<const Connector>> make_connector(const std::string& trusted_pem,
                                                              const KeyPair* own = nullptr);

/// A self-signed ECDSA P-256 certificate for the names (DNS names or addresses), valid for ten years from a day ago.
base::Result<KeyPair> make_self_signed(const std::vector<std::string>& names, base::WallTime now);

/// What an operator wants to know of a certificate: subject names and expiry of the leaf.
struct CertificateInfo {
  std::vector<std::string> names;
  base::WallTime not_after;
};
base::Result<CertificateInfo> inspect(const std::string& certificate_pem);

}  // namespace tls
