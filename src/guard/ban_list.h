#pragma once
// BanList: the networks that are turned away, and those that were lately, because a client that earns another ban gets
// a longer one. A look-up costs one search for each length of prefix that occurs. A value of bounded size; not safe
// from several threads.

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "guard/types.h"

namespace guard {

inline constexpr std::size_t kMaxBans = 50'000;
/// How long after its end a ban counts when the next one comes.
inline constexpr std::chrono::days kBanMemory{7};

class BanList {
 public:
  /// The ban that holds for the address; of several the one of the smallest network. Valid until the next change.
  const Ban* find(const base::Address& address, base::WallTime now) const;
  /// Of exactly this network, whether it still holds or not.
  const Ban* of(const base::Network& network) const;

  /// In place of the network's own. Returns those that had to leave for it: when there are kMaxBans, the one that ends
  /// first, never one without an end.
  std::vector<base::Network> put(Ban ban);
  bool erase(const base::Network& network);
  /// Takes out those that do not count any more, and returns their networks.
  std::vector<base::Network> forget(base::WallTime now);

  /// Those that hold, by network.
  std::vector<Ban> holding(base::WallTime now) const;
  /// Those that are full have no room for one more without an end.
  bool has_room() const { return endless_ < kMaxBans / 2; }
  std::size_t size() const { return bans_.size(); }

 private:
  void count(const Ban& ban, bool added);

  std::map<base::Network, Ban> bans_;
  std::array<std::uint32_t, 33> v4_prefixes_{};  // how many bans there are of each length
  std::array<std::uint32_t, 129> v6_prefixes_{};
  std::size_t endless_ = 0;
};

}  // namespace guard
