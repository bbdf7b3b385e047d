#include "base/network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace base {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
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

std::string Address::text() const {
  char out[INET6_ADDRSTRLEN] = {};
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data(), out, sizeof out);
  return out;
}

Network::Network(const Address& address, unsigned prefix)
    : first_(address), prefix_(static_cast<std::uint8_t>(std::min(prefix, address.bits()))) {
  for (unsigned i = 0; i < first_.bytes.size(); ++i) {
    const unsigned kept = prefix_ > i * 8 ? std::min(8u, prefix_ - i * 8) : 0;
    first_.bytes[i] = static_cast<std::uint8_t>(first_.bytes[i] & (0xFF00u >> kept));
  }
}

Result<Network> Network::parse(std::string_view text) {
  const std::string shown = "\"" + printable(text, 60) + "\"";
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) {
    return fail(Code::invalid, shown + " is not a network: write one like \"192.0.2.0/24\" or \"2001:db8::/32\"");
  }
  unsigned prefix = address->bits();
  if (slash != std::string_view::npos) {
    const auto number = parse_u32(text.substr(slash + 1));
    if (!number || *number > prefix) {
      return fail(Code::invalid,
                  shown + " is not a network: the prefix behind \"/\" is a number from 0 to " + std::to_string(prefix));
    }
    prefix = *number;
  }
  const Network network(*address, prefix);
  if (network.first_ != *address) {
    return fail(Code::invalid, shown + " has bits set behind its prefix: the network is \"" + network.text() + "\"");
  }
  return network;
}

bool Network::contains(std::string_view address) const {
  const auto parsed = Address::parse(address);
  return parsed && contains(*parsed);
}

std::string Network::text() const { return first_.text() + "/" + std::to_string(prefix_); }

bool contains(const std::vector<Network>& networks, std::string_view address) {
  const auto parsed = Address::parse(address);
  return parsed && std::ranges::any_of(networks, [&](const Network& network) { return network.contains(*parsed); });
}

std::vector<Network> loopback_networks() { return {*Network::parse("127.0.0.0/8"), *Network::parse("::1")}; }

bool is_numeric_address(std::string_view text) { return Address::parse(text).has_value(); }

std::optional<std::string> canonical_address(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? std::optional(address->text()) : std::nullopt;
}

}  // namespace base
