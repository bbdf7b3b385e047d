#include "imap/fuzzy.h"

#include <algorithm>
#include <array>
#include <bit>

#include "imap/search_text.h"
#include "mime/words.h"

namespace imap {

namespace {

// In percent.
constexpr unsigned kExact = 100;
constexpr unsigned kBegins = 80;
constexpr unsigned kSlip[] = {kExact, 60, 40};
constexpr unsigned kApart = 90;  // words that are not together as they were asked for

constexpr std::size_t kLettersForPrefix = 3;
constexpr std::size_t kLettersForSlip = 4;  // RFC 6203 §4: "Helo" finds "hello"
constexpr std::size_t kLettersForTwo = 8;
constexpr unsigned kManyTimes = 5;

// The least that anything is worth which is found, and the most: the scores between them are spread over 1 to 100.
constexpr unsigned kLeastWorth = 20;

std::uint64_t letters_of(std::u32string_view word) {
  std::uint64_t out = 0;
  for (const char32_t c : word) out |= std::uint64_t{1} << (c % 64);
  return out;
}

bool has_digit(std::u32string_view word) {
  return std::ranges::any_of(word, [](char32_t c) { return c >= '0' && c <= '9'; });
}

// The optimal string alignment distance: letters that are wrong, missing, too many, or swapped with their neighbour.
// Above `limit` it is limit + 1. Cells further than that from the diagonal are not looked at.
unsigned slips_between(std::u32string_view a, std::u32string_view b, unsigned limit) {
  const std::size_t reach = limit;
  if (a.size() > b.size() + reach || b.size() > a.size() + reach) return limit + 1;
  using Row = std::array<unsigned, mime::kWordCharacters + 1>;
  Row first;
  Row second;
  Row third;
  Row* older = &first;
  Row* before = &second;
  Row* now = &third;
  before->fill(limit + 1);
  for (std::size_t j = 0; j <= std::min(b.size(), reach); ++j) (*before)[j] = static_cast<unsigned>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now->fill(limit + 1);
    if (i <= reach) (*now)[0] = static_cast<unsigned>(i);
    unsigned least = (*now)[0];
    for (std::size_t j = i > reach ? i - reach : 1; j <= std::min(b.size(), i + reach); ++j) {
      unsigned slips = (*before)[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      slips = std::min({slips, (*before)[j] + 1, (*now)[j - 1] + 1, limit + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) slips = std::min(slips, (*older)[j - 2] + 1);
      (*now)[j] = slips;
      least = std::min(least, slips);
    }
    if (least > limit) return limit + 1;
    std::swap(older, before);
    std::swap(before, now);
  }
  return (*before)[b.size()];
}

}  // namespace

FuzzyWord::FuzzyWord(std::u32string word) : word_(std::move(word)), letters_(letters_of(word_)), slips_(0) {
  // A number with another digit is another number.
  if (has_digit(word_)) return;
  if (word_.size() >= kLettersForSlip) slips_ = word_.size() >= kLettersForTwo ? 2 : 1;
}

unsigned FuzzyWord::closeness(std::u32string_view word) const {
  const bool begins = word.size() > word_.size() && word_.size() >= kLettersForPrefix;
  if (word.size() > word_.size() + slips_ && !begins) return 0;
  if (word.starts_with(word_)) return word.size() == word_.size() ? kExact : begins ? kBegins : 0;
  if (slips_ == 0 || word.size() > word_.size() + slips_) return 0;
  // Each slip takes one letter away and brings another at most.
  if (std::popcount(letters_ ^ letters_of(word)) > static_cast<int>(2 * slips_)) return 0;
  const unsigned slips = slips_between(word_, word, slips_);
  return slips <= slips_ ? kSlip[slips] : 0;
}

FuzzyKey::FuzzyKey(std::string folded) : phrase_(std::move(folded)) {
  mime::WordScanner scanner([this](std::u32string_view word) {
    if (words_.size() < kMaxFuzzyWords) words_.emplace_back(std::u32string(word));
  });
  scanner.feed(phrase_);
  scanner.finish();
}

FuzzyMatch::FuzzyMatch(const FuzzyKey& key) : key_(key), best_(key.words().size()) {
  if (key.phrase().empty()) phrase_ = kExact;  // RFC 9051 §6.4.4: an empty string is found everywhere
}

void FuzzyMatch::look_for_phrase(std::string_view folded, unsigned place) {
  if (phrase_ < place && contains_text(folded, key_.phrase())) phrase_ = place;
}

void FuzzyMatch::look(std::string_view folded, unsigned place) {
  look_for_phrase(folded, place);
  if (best_.empty()) return;
  mime::WordScanner scanner([&](std::u32string_view word) {
    for (std::size_t i = 0; i < best_.size(); ++i) {
      if (best_[i].worth < place)
        best_[i].worth = std::max(best_[i].worth, key_.words()[i].closeness(word) * place / 100);
    }
  });
  scanner.feed(folded);
  scanner.finish();
}

void FuzzyMatch::take_body_word(std::u32string_view word) {
  for (std::size_t i = 0; i < best_.size(); ++i) {
    const unsigned closeness = key_.words()[i].closeness(word);
    if (closeness == 0) continue;
    best_[i].body_closeness = std::max(best_[i].body_closeness, closeness);
    ++best_[i].body_count;
  }
}

void FuzzyMatch::settle_body(unsigned least, unsigned most) {
  for (Best& best : best_) {
    if (best.body_count == 0) continue;
    const unsigned place = least + (most - least) * (std::min(best.body_count, kManyTimes) - 1) / (kManyTimes - 1);
    best.worth = std::max(best.worth, best.body_closeness * place / 100);
  }
}

bool FuzzyMatch::found() const {
  if (phrase_ > 0) return true;
  return !best_.empty() &&
         std::ranges::all_of(best_, [](const Best& best) { return best.worth > 0 || best.body_count > 0; });
}

bool FuzzyMatch::exhausted() const {
  if (phrase_ > 0) return true;
  return !best_.empty() && std::ranges::all_of(best_, [](const Best& best) {
    return best.worth == kExact || (best.body_closeness == kExact && best.body_count >= kManyTimes);
  });
}

unsigned FuzzyMatch::score() const {
  unsigned words = 0;
  for (const Best& best : best_) {
    if (best.worth == 0) {
      words = 0;
      break;
    }
    words += best.worth;
  }
  if (!best_.empty()) words /= static_cast<unsigned>(best_.size());
  if (best_.size() > 1) words = words * kApart / 100;
  const unsigned worth = std::clamp(std::max(phrase_, words), kLeastWorth, 100u);
  return 1 + (worth - kLeastWorth) * 99 / (100 - kLeastWorth);
}

}  // namespace imap
