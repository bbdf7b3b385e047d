#pragma once
// Private to the .cpp files of tls: a TLS connection as a net::Stream over another. OpenSSL never sees the socket: it
// reads ciphertext from a view of what arrived and appends what is to be sent to a string, through a BIO of ours, so
// an idle connection keeps no buffer. Memory BIOs would keep theirs.

#include "net/stream.h"
#include "tls/openssl.h"

namespace tls {

/// Does the handshake that `ssl` was prepared for (accept or connect state) over `plain` and gives the stream above it.
/// Throws net::Closed(tls) when it fails.
net::Task<std::unique_ptr<net::Stream>> handshake(Ssl ssl, std::unique_ptr<net::Stream> plain);

}  // namespace tls
