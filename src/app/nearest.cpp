#include "app/nearest.h"

#include <algorithm>
#include <array>

namespace app {

namespace {
constexpr std::size_t kCompared = 64;
}

std::size_t typing_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kCompared);
  b = b.substr(0, kCompared);
  using Row = std::array<std::size_t, kCompared + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = last;
    last = row;
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view word, std::span<const std::string> known) {
  const std::string* best = nullptr;
  std::size_t distance = std::max<std::size_t>(2, std::min(word.size(), kCompared) * 2 / 3) + 1;
  for (const std::string& candidate : known) {
    if (const std::size_t d = typing_distance(word, candidate); d < distance) {
      distance = d;
      best = &candidate;
    }
  }
  return best ? *best : std::string();
}

}  // namespace app
