#pragma once
// Address and Network: numeric IP addresses, and networks in CIDR text ("10.0.0.0/8", "2001:db8::/32", or one address).
// Pure values that order and compare; an IPv4-mapped IPv6 address counts as the IPv4 address that it carries.
// RFC 4632 §3.1, RFC 4291 §2.3.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace base {

struct Address {
  bool v4 = false;
  std::array<std::uint8_t, 16> bytes{};  // an IPv4 address stands in the first four

  /// Nothing for what is no numeric address.
  static std::optional<Address> parse(std::string_view text);
  std::string text() const;
  unsigned bits() const { return v4 ? 32 : 128; }

  friend auto operator<=>(const Address&, const Address&) = default;
};

class Network {
 public:
  Network() = default;  // ::/0
  /// The network with so many bits of prefix that the address is in; more bits than it has are all that it has.
  Network(const Address& address, unsigned prefix);
  /// invalid, with the reason in words; bits behind the prefix must be zero (the text says what was probably meant).
  static Result<Network> parse(std::string_view text);

  bool contains(const Address& address) const { return address.v4 == first_.v4 && Network(address, prefix_) == *this; }
  /// False for what is no numeric address.
  bool contains(std::string_view address) const;
  const Address& first() const { return first_; }
  unsigned prefix() const { return prefix_; }
  std::string text() const;

  friend auto operator<=>(const Network&, const Network&) = default;

 private:
  Address first_;
  std::uint8_t prefix_ = 0;  // bits
};

/// Whether any of them contains the address.
bool contains(const std::vector<Network>& networks, std::string_view address);

/// 127.0.0.0/8 and ::1.
std::vector<Network> loopback_networks();

/// Whether the text is a numeric IPv4 or IPv6 address.
bool is_numeric_address(std::string_view text);

/// The one text for a numeric address ("::" for "0:0::0"); nothing for what is none.
std::optional<std::string> canonical_address(std::string_view text);

}  // namespace base
