// Every input is a header, may become one, or cannot; how it is cut does not matter, and what is behind is not looked
// at.

#include <cstdlib>

#include "net/proxy_header.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto whole = net::parse_proxy_header(input);
  if (!whole || !*whole) {
    // What cannot become a header at some place cannot further on; what may stays below the limit.
    expect(!whole || size < net::kMaxProxyHeader);
    if (!whole && size > 0) (void)net::parse_proxy_header(input.substr(0, size - 1));
    return 0;
  }
  const net::ProxyHeader& header = **whole;
  expect(header.size > 0 && header.size <= size && header.size <= net::kMaxProxyHeader);
  expect((header.kind == net::ProxyHeader::Kind::client) == !header.endpoints.peer_address.empty());
  for (std::size_t length = 0; length < header.size; ++length) {
    const auto part = net::parse_proxy_header(input.substr(0, length));
    expect(part.has_value() && !part->has_value());
  }
  const auto again = net::parse_proxy_header(input.substr(0, header.size));
  expect(again && *again && (*again)->size == header.size && (*again)->kind == header.kind);
  return 0;
}
