#pragma once
// Table: what is known of many subjects (clients, networks, accounts) in memory of a fixed size, however many there
// are. A subject has its place in one of the table's sets of eight; where all eight are taken, the one of whom there is
// least to remember gives way, so that who does much is not washed out by many who do little. Places follow from a key
// of the process, so nobody can choose subjects that push out each other. One access costs a SipHash and eight
// comparisons. Not safe from several threads: the owner has a lock.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/network.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "guard/counts.h"

namespace guard {

/// Whom a record is about: bytes that tell it from all others.
using Subject = std::array<char, 18>;

/// What differs in `of` is another subject, even of the same network or number.
inline Subject subject(std::uint8_t of, const base::Network& network) {
  Subject made{};
  made[0] = static_cast<char>(of);
  made[1] = static_cast<char>(network.prefix() + (network.first().v4 ? 129u : 0u));
  for (std::size_t i = 0; i < network.first().bytes.size(); ++i) {
    made[i + 2] = static_cast<char>(network.first().bytes[i]);
  }
  return made;
}
inline Subject subject(std::uint8_t of, base::AccountId account) {
  Subject made{};
  made[0] = static_cast<char>(of);
  for (unsigned i = 0; i < 8; ++i) made[i + 2] = static_cast<char>(account.value >> (i * 8));
  return made;
}

/// `Record` is a small value with `std::uint32_t weight(Tick now)`, 0 when there is nothing to remember.
template <class Record>
class Table {
 public:
  /// At least `records`; the memory is taken at once.
  explicit Table(std::size_t records) : key_(crypto::random_bytes(16)), sets_((records + kWays - 1) / kWays + 1) {}

  /// nullptr: nothing is known. Valid until the next make().
  const Record* find(const Subject& who) const {
    for (const Cell& cell : set_of(who)) {
      if (cell.used && cell.subject == who) return &cell.record;
    }
    return nullptr;
  }

  /// The subject's record, a new one when there is none. Valid until the next make().
  Record& make(const Subject& who, Tick now) {
    Set& set = sets_[place(who)];
    Cell* least = nullptr;
    std::uint32_t least_weight = 0;
    for (Cell& cell : set) {
      if (cell.used && cell.subject == who) return cell.record;
      const std::uint32_t weight = cell.used ? cell.record.weight(now) : 0;
      if (least == nullptr || weight < least_weight) {
        least = &cell;
        least_weight = weight;
      }
    }
    if (least_weight > 0) ++evicted_;
    *least = {.subject = who, .used = true, .record = {}};
    return least->record;
  }

  /// Records that had something to tell and gave way.
  std::uint64_t evicted() const { return evicted_; }
  std::size_t capacity() const { return sets_.size() * kWays; }

 private:
  static constexpr std::size_t kWays = 8;
  struct Cell {
    Subject subject{};
    bool used = false;
    Record record{};
  };
  using Set = std::array<Cell, kWays>;

  std::size_t place(const Subject& who) const {
    return crypto::siphash(key_, std::string_view(who.data(), who.size())) % sets_.size();
  }
  const Set& set_of(const Subject& who) const { return sets_[place(who)]; }

  std::string key_;
  std::vector<Set> sets_;
  std::uint64_t evicted_ = 0;
};

}  // namespace guard
