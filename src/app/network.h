#pragma once
// Network: an IPv4 or IPv6 network in CIDR text ("10.0.0.0/8", "2001:db8::/32", or one address). Pure values; an
// IPv4-mapped IPv6 address counts as the IPv4 address that it carries. RFC 4632 §3.1, RFC 4291 §2.3.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace app {

class Network {
 public:
  /// invalid, with the reason in words; bits behind the prefix must be zero (the text says what was probably meant).
  static base::Result<Network> parse(std::string_view text);

  /// False for what is no numeric address.
  bool contains(std::string_view address) const;
  std::string text() const;

  friend bool operator==(const Network&, const Network&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};  // an IPv4 network stands in the first four
  std::uint8_t prefix_ = 0;               // bits
  bool v4_ = false;
};

/// Whether any of them contains the address.
bool contains(const std::vector<Network>& networks, std::string_view address);

/// 127.0.0.0/8 and ::1.
std::vector<Network> loopback_networks();

/// Whether the text is a numeric IPv4 or IPv6 address.
bool is_numeric_address(std::string_view text);

/// The one text for a numeric address ("::" for "0:0::0"); nothing for what is none.
std::optional<std::string> canonical_address(std::string_view text);

}  // namespace app
