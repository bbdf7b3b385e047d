#pragma once
// Private to the .cpp files of tls: what a finished handshake says beyond the ciphers. Channel bindings: RFC 5929 §4
// (tls-server-end-point) and RFC 9266 (tls-exporter).

#include <string>
#include <vector>

#include "net/stream.h"
#include "tls/openssl.h"

namespace tls {

/// Whether the exporter gives bytes that no other connection has: always under TLS 1.3, under TLS 1.2 with the extended
/// master secret (RFC 7627).
bool can_bind(SSL& ssl);

/// "" where there is none: an exporter that cannot bind, a certificate signed without a digest (Ed25519).
std::string channel_binding(SSL& ssl, net::ChannelBinding kind);

/// The addresses in the client's certificate, when it has one that was verified: the rfc822Names, else the subject's
/// e-mail addresses, else its common name when that is one.
std::vector<std::string> client_names(SSL& ssl);

}  // namespace tls
