#include "guard/ban_list.h"

#include <algorithm>

namespace guard {

const Ban* BanList::find(const base::Address& address, base::WallTime now) const {
  for (unsigned prefix = address.bits();; --prefix) {
    if ((address.v4 ? v4_prefixes_[prefix] : v6_prefixes_[prefix]) > 0) {
      const Ban* ban = of(base::Network(address, prefix));
      if (ban != nullptr && ban->holds(now)) return ban;
    }
    if (prefix == 0) return nullptr;
  }
}

const Ban* BanList::of(const base::Network& network) const {
  const auto found = bans_.find(network);
  return found == bans_.end() ? nullptr : &found->second;
}

std::vector<base::Network> BanList::put(Ban ban) {
  std::vector<base::Network> left;
  erase(ban.network);
  if (bans_.size() >= kMaxBans) {
    const auto first = std::ranges::min_element(
        bans_, {}, [](const auto& entry) { return entry.second.until.value_or(base::WallTime::max()); });
    left.push_back(first->first);
    erase(left.back());
  }
  count(ban, true);
  const base::Network network = ban.network;
  bans_.emplace(network, std::move(ban));
  return left;
}

bool BanList::erase(const base::Network& network) {
  const auto found = bans_.find(network);
  if (found == bans_.end()) return false;
  count(found->second, false);
  bans_.erase(found);
  return true;
}

std::vector<base::Network> BanList::forget(base::WallTime now) {
  std::vector<base::Network> gone;
  for (const auto& [network, ban] : bans_) {
    const bool counts = ban.holds(now) || (!ban.by_operator && now < *ban.until + kBanMemory);
    if (!counts) gone.push_back(network);
  }
  for (const base::Network& network : gone) erase(network);
  return gone;
}

std::vector<Ban> BanList::holding(base::WallTime now) const {
  std::vector<Ban> all;
  for (const auto& [network, ban] : bans_) {
    if (ban.holds(now)) all.push_back(ban);
  }
  return all;
}

void BanList::count(const Ban& ban, bool added) {
  std::uint32_t& of_prefix =
      ban.network.first().v4 ? v4_prefixes_[ban.network.prefix()] : v6_prefixes_[ban.network.prefix()];
  added ? ++of_prefix : --of_prefix;
  if (!ban.until) added ? ++endless_ : --endless_;
}

}  // namespace guard
