#include "app/network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace app {

namespace {

struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool v4 = false;
};

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::optional<Address> parse_address(std::string_view text) {
  // The longest text form has 45 bytes; inet_pton wants it to end in a NUL.
  if (text.size() > 45 || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string whole(text);
  Address address;
  if (inet_pton(AF_INET, whole.c_str(), address.bytes.data()) == 1) {
    address.v4 = true;
    return address;
  }
  if (inet_pton(AF_INET6, whole.c_str(), address.bytes.data()) != 1) return std::nullopt;
  if (std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) {
    std::copy(address.bytes.begin() + 12, address.bytes.end(), address.bytes.begin());
    std::fill(address.bytes.begin() + 4, address.bytes.end(), std::uint8_t{0});
    address.v4 = true;
  }
  return address;
}

std::string text_of(const Address& address) {
  char out[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.v4 ? AF_INET : AF_INET6, address.bytes.data(), out, sizeof out);
  return out;
}

/// The address with all bits behind `prefix` cleared.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> bytes, unsigned prefix) {
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(8u, prefix - i * 8) : 0;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xFF00u >> kept));
  }
  return bytes;
}

}  // namespace

base::Result<Network> Network::parse(std::string_view text) {
  const std::string shown = "\"" + base::printable(text, 60) + "\"";
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) {
    return base::fail(base::Code::invalid,
                      shown + " is not a network: write one like \"192.0.2.0/24\" or \"2001:db8::/32\"");
  }
  const unsigned bits = address->v4 ? 32 : 128;
  unsigned prefix = bits;
  if (slash != std::string_view::npos) {
    const auto number = base::parse_u32(text.substr(slash + 1));
    if (!number || *number > bits) {
      return base::fail(
          base::Code::invalid,
          shown + " is not a network: the prefix behind \"/\" is a number from 0 to " + std::to_string(bits));
    }
    prefix = *number;
  }
  Network network;
  network.v4_ = address->v4;
  network.prefix_ = static_cast<std::uint8_t>(prefix);
  network.bytes_ = masked(address->bytes, prefix);
  if (network.bytes_ != address->bytes) {
    return base::fail(base::Code::invalid,
                      shown + " has bits set behind its prefix: the network is \"" + network.text() + "\"");
  }
  return network;
}

bool Network::contains(std::string_view address) const {
  const auto parsed = parse_address(address);
  return parsed && parsed->v4 == v4_ && masked(parsed->bytes, prefix_) == bytes_;
}

std::string Network::text() const { return text_of({bytes_, v4_}) + "/" + std::to_string(prefix_); }

bool contains(const std::vector<Network>& networks, std::string_view address) {
  return std::ranges::any_of(networks, [&](const Network& network) { return network.contains(address); });
}

std::vector<Network> loopback_networks() { return {*Network::parse("127.0.0.0/8"), *Network::parse("::1")}; }

bool is_numeric_address(std::string_view text) { return parse_address(text).has_value(); }

std::optional<std::string> canonical_address(std::string_view text) {
  const auto address = parse_address(text);
  return address ? std::optional(text_of(*address)) : std::nullopt;
}

}  // namespace app
