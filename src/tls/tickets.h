#pragma once
// Private to the .cpp files of tls: session tickets sealed with TicketKeys (tls/tls.h).

#include <memory>

#include "tls/openssl.h"
#include "tls/tls.h"

namespace tls {

/// The context seals and opens its tickets with `tickets`, which it keeps alive. False: OpenSSL refused.
bool use_tickets(SSL_CTX* context, const std::shared_ptr<TicketKeys>& tickets);

}  // namespace tls
