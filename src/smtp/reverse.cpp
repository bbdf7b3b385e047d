#include "smtp/reverse.h"

#include <algorithm>

namespace smtp {
namespace {

constexpr std::size_t kMostNames = 10;  // RFC 7208 §4.6.4 stops there, too

}  // namespace

std::string reverse_name(const base::Address& address) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  if (address.v4) {
    for (std::size_t i = 4; i-- > 0;) name += std::to_string(address.bytes[i]) + ".";
    return name + "in-addr.arpa";
  }
  for (std::size_t i = address.bytes.size(); i-- > 0;) {
    name += {kDigits[address.bytes[i] & 15], '.', kDigits[address.bytes[i] >> 4], '.'};
  }
  return name + "ip6.arpa";
}

net::Task<ReverseName> look_up_reverse(dns::Resolver& resolver, base::Address address, base::SteadyTime deadline) {
  const dns::Answer found = co_await resolver.look_up(reverse_name(address), dns::Type::ptr, deadline);
  if (found.unknown()) co_return ReverseName::unknown;
  ReverseName verdict = ReverseName::missing;
  const dns::Type type = address.v4 ? dns::Type::a : dns::Type::aaaa;
  for (std::size_t i = 0; i < std::min(found.names.size(), kMostNames); ++i) {
    const dns::Answer back = co_await resolver.look_up(found.names[i], type, deadline);
    if (back.unknown()) verdict = ReverseName::unknown;
    const auto same = [&](const std::string& text) { return base::Address::parse(text) == address; };
    if (std::ranges::any_of(back.addresses, same)) co_return ReverseName::confirmed;
  }
  co_return verdict;
}

}  // namespace smtp
