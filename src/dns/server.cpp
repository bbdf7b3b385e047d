// The names of types, and the form of a server in the configuration (dns/resolver.h).
#include <arpa/inet.h>

#include "base/text.h"
#include "dns/resolver.h"

namespace dns {

const char* name(Type type) {
  switch (type) {
    case Type::a:
      return "A";
    case Type::cname:
      return "CNAME";
    case Type::ptr:
      return "PTR";
    case Type::mx:
      return "MX";
    case Type::txt:
      return "TXT";
    case Type::aaaa:
      return "AAAA";
    case Type::tlsa:
      return "TLSA";
  }
  return "?";
}

base::Result<std::string> parse_server(std::string_view text) {
  std::string_view address = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end != std::string_view::npos) {
      address = text.substr(1, end - 1);
      port = text.substr(end + 1);
    }
  } else if (text.find(':') == text.rfind(':') && text.find(':') != std::string_view::npos) {
    address = text.substr(0, text.find(':'));
    port = text.substr(text.find(':'));
  }
  unsigned char bytes[16];
  const std::string host(address);
  const bool numeric = inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
  const auto number = port.starts_with(':') ? base::parse_u32(port.substr(1)) : std::nullopt;
  const bool good_port = port.empty() || (number && *number > 0 && *number < 65536);
  if (!numeric || !good_port) {
    return base::fail(base::Code::invalid, "\"" + std::string(text) +
                                               "\" is no name server: write an address, with a port where it is not 53 "
                                               "(\"192.0.2.53:5353\", \"[2001:db8::53]:5353\"), or \"system\"");
  }
  return port.empty() ? host : host + "@" + std::string(port.substr(1));
}

}  // namespace dns
