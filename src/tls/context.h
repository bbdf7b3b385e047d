#pragma once
// Private to the .cpp files of tls (OpenSSL's types): what both sides set in the same way.

#include <memory>
#include <string>

#include "base/result.h"
#include "net/stream.h"
#include "tls/openssl.h"
#include "tls/tls.h"

namespace tls {

/// Versions, ciphers, groups and modes as README.md lists them; no certificate, no trust.
base::Result<Context> make_context(const SSL_METHOD* method);

/// The chain and the key. invalid as make_acceptor tells it.
base::Result<void> use_pair(SSL_CTX* context, const KeyPair& pair);

/// Wants the peer's certificate to be signed by one of the authorities in `pem`, or to be one of them.
base::Result<void> trust(SSL_CTX* context, const std::string& pem);

/// A handshake that fails before it begins.
net::Task<std::unique_ptr<net::Stream>> refuse(std::string why);

}  // namespace tls
