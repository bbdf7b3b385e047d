#pragma once
// The words of a text that unicode_casemap() has mapped, for searches that are not strict: runs of letters, digits and
// the marks that belong to them (Unicode's categories), without the accents of Latin, Greek and Cyrillic letters. Pure,
// total, linear; holds one word.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace mime {

/// Longer words are cut to this.
inline constexpr std::size_t kWordCharacters = 64;

class WordScanner {
 public:
  using Take = std::function<void(std::u32string_view word)>;

  explicit WordScanner(Take take) : take_(std::move(take)) {}
  /// Whole characters; a word may go on in the next piece.
  void feed(std::string_view folded);
  void finish();

 private:
  void add(char32_t c);

  Take take_;
  std::u32string word_;
};

}  // namespace mime
