#pragma once
// What somebody probably meant: the known word that is the fewest typing mistakes away. Pure; quadratic in the length
// of a word, of which only the first 64 bytes count.

#include <span>
#include <string>
#include <string_view>

namespace app {

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t typing_distance(std::string_view a, std::string_view b);

/// The nearest of `known`, the first of equals; empty when even that one shares too little with `word`.
std::string nearest(std::string_view word, std::span<const std::string> known);

}  // namespace app
