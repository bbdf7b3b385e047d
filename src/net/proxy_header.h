#pragma once
// The header of the PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt):
// what a proxy says of the connection that it passes on, in front of its first byte. Pure, total, linear; at most
// kMaxProxyHeader bytes are looked at.

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "net/stream.h"

namespace net {

/// The fixed part, the addresses and the TLVs together; senders keep well below it (section 2: 536 bytes).
inline constexpr std::size_t kMaxProxyHeader = 4096;

struct ProxyHeader {
  enum class Kind {
    local,    // the proxy's own connection, a health check: the ends of the connection are what they are
    client,   // `endpoints` are those of a client
    unknown,  // a client of whom the proxy does not tell an address (UNKNOWN, UNSPEC, UNIX, datagrams)
  };
  Kind kind = Kind::unknown;
  Endpoints endpoints;
  std::size_t size = 0;  // bytes of the header
};

/// Nothing while `input`, which holds all that has come, may still become a header; an error, in words, when it cannot.
std::expected<std::optional<ProxyHeader>, std::string> parse_proxy_header(std::string_view input);

}  // namespace net
