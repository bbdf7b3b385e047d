#pragma once
// Private to net: the stream behind a PROXY header. It has the ends of the connection that the proxy tells of, and
// first gives what came behind the header in the same read.

#include "net/proxy_header.h"

namespace net {

/// Reads the header from the front of the stream and gives the stream behind it. Throws Closed when none comes before
/// `deadline`, or something else does.
Task<std::unique_ptr<Stream>> read_proxy_header(std::unique_ptr<Stream> stream, base::SteadyTime deadline,
                                                ProxyHeader::Kind& kind);

}  // namespace net
