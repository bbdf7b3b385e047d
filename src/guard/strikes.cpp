#include "guard/strikes.h"

#include <algorithm>

namespace guard {

bool Strikes::add(const Subject& client, std::uint64_t guess, std::uint32_t limit, Tick now) {
  Record& record = table_.make(client, now);
  if (record.counts.count(0, now) == 0) record = {};
  const auto short_guess = static_cast<std::uint32_t>(guess) | 1u;  // 0 is none
  if (std::ranges::find(record.guesses, short_guess) != record.guesses.end()) return false;
  record.guesses[record.next] = short_guess;
  record.next = static_cast<std::uint8_t>((record.next + 1) % record.guesses.size());
  record.counts.add(0, now);
  if (record.counts.count(0, now) < limit) return false;
  record = {};
  return true;
}

std::chrono::seconds ban_length(std::chrono::seconds first, std::chrono::seconds longest, std::uint32_t times) {
  std::chrono::seconds length = first;
  for (std::uint32_t i = 1; i < times && length < longest; ++i) length *= 2;
  return std::min(length, longest);
}

}  // namespace guard
