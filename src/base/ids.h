#pragma once
// Strong identifiers: numbers that cannot be mixed up. 0 is "none" for every kind. They order, hash and print as
// their number; as JSON and on the wire they are that number in decimal.

#include <compare>
#include <cstdint>
#include <functional>

namespace base {

template <class Tag, class Number>
struct Id {
  using number_type = Number;
  Number value = 0;

  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(Id, Id) = default;
};

using AccountId = Id<struct AccountTag, std::uint64_t>;
using MailboxId = Id<struct MailboxTag, std::uint64_t>;  // unique within its account
using EmailId = Id<struct EmailTag, std::uint64_t>;      // unique in the store, grows with arrival (RFC 8474 §5.1)
using ThreadId = Id<struct ThreadTag, std::uint64_t>;    // the EmailId of the thread's first message
using BlobId = Id<struct BlobTag, std::uint64_t>;        // unique in the store, grows with arrival
using QueueId = Id<struct QueueTag, std::uint64_t>;      // unique in the store, grows with arrival
using Uid = std::uint32_t;                               // RFC 9051 §2.3.1.1: 1 to 2^32-1
using ModSeq = std::uint64_t;                            // RFC 7162: 1 to 2^63-1; one counter per account

}  // namespace base

template <class Tag, class Number>
struct std::hash<base::Id<Tag, Number>> {
  std::size_t operator()(base::Id<Tag, Number> id) const noexcept { return std::hash<Number>{}(id.value); }
};
