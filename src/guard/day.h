#pragma once
// What an account may send in a day (UTC), as records: messages, and recipients that it has never sent to. This catches
// a stolen password: whoever has it writes to many strangers, its owner mostly to the same people. Functions over
// transactions and snapshots; they block.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "guard/types.h"
#include "store/table.h"

namespace guard {

/// Addresses that are remembered of one account; above that those that it has not written to for longest are forgotten.
inline constexpr std::uint64_t kMaxKnown = 10'000;

std::uint32_t day_of(base::WallTime now);
base::WallTime end_of_day(std::uint32_t day);

/// What stands for an address in records: of its SHA-256, in lower case.
std::uint64_t recipient_hash(std::string_view address);

/// What one message takes of its account's day.
struct Take {
  base::AccountId account;
  std::vector<std::uint64_t> recipients;  // hashes, sorted, each once; empty: they are not counted
  std::uint32_t day = 0;
  std::uint64_t messages_per_day = 0;  // where the account has none of its own; 0: any number
  std::uint64_t new_recipients_per_day = 0;
};

struct Taken {
  Allowance allowance;        // after it
  std::optional<Spent> over;  // the limit that this message would pass: nothing was written
};

base::Result<Taken> take(store::Txn& txn, const Take& wanted);

/// Allowance of an account; `defaults` are those of the configuration.
base::Result<Allowance> allowance(const store::Reader& reader, base::AccountId account, std::uint32_t day,
                                  const Config& defaults);
base::Result<void> change_allowance(store::Txn& txn, base::AccountId account, const AllowanceChange& change);
base::Result<bool> is_known(const store::Reader& reader, base::AccountId account, std::uint64_t recipient);
base::Result<void> forget_account(store::Txn& txn, base::AccountId account);

}  // namespace guard
