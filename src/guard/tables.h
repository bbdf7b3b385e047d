#pragma once
// Private to the room (includes protobuf): the guard's tables, 96 to 98 of the store. docs/storage.md describes them.

#include <cstdint>
#include <string>
#include <tuple>

#include "base/ids.h"
#include "schema/guard.pb.h"
#include "store/table.h"

namespace guard {

namespace schema = postrider::schema;

/// network as text: "192.0.2.7/32"
inline constexpr store::Table<std::tuple<std::string>, schema::GuardBan> kBans{96, "guard.ban"};

/// account
inline constexpr store::Table<std::tuple<base::AccountId>, schema::GuardAccount> kAccounts{97, "guard.account"};

/// account, hash of a recipient's address
inline constexpr store::Table<std::tuple<base::AccountId, std::uint64_t>, schema::GuardKnown> kKnown{98, "guard.known"};

}  // namespace guard
