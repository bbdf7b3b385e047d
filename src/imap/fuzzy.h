#pragma once
// Private to the room. What FUZZY means for a string (RFC 6203): it is found as it stands, or each of its words is
// found, anywhere and in any order, where a word counts that begins so, or that one or two slips of the pen make of it.
// How well is a score from 1 to 100. Pure; linear in the text, whatever both hold. One match is used by one thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace imap {

/// Words of a key beyond these are not asked for.
inline constexpr std::size_t kMaxFuzzyWords = 16;

/// How close a word is to the one that was asked for, in percent; 0: another word.
class FuzzyWord {
 public:
  explicit FuzzyWord(std::u32string word);
  unsigned closeness(std::u32string_view word) const;

 private:
  std::u32string word_;
  std::uint64_t letters_;  // a bit for each: most words are told apart by these
  unsigned slips_;         // that are forgiven
};

/// A key of a search. Immutable, any thread.
class FuzzyKey {
 public:
  /// `folded`: as mime::unicode_casemap() gives it.
  explicit FuzzyKey(std::string folded);
  const std::string& phrase() const { return phrase_; }
  const std::vector<FuzzyWord>& words() const { return words_; }

 private:
  std::string phrase_;
  std::vector<FuzzyWord> words_;
};

/// What one message has of a key. The key outlives it.
class FuzzyMatch {
 public:
  explicit FuzzyMatch(const FuzzyKey& key);

  /// A whole text, of a header field. `place`: what it is worth to be found there, in percent.
  void look(std::string_view folded, unsigned place);
  /// The text of bodies, in pieces: where the phrase may be, which may overlap, and each word once.
  void look_for_phrase(std::string_view folded, unsigned place);
  void take_body_word(std::u32string_view word);
  /// What the words in bodies are worth: more, the more often they are there. At the end, before score().
  void settle_body(unsigned least, unsigned most);

  bool found() const;
  /// Nothing in a body could make it better.
  bool exhausted() const;
  /// 1 to 100.
  unsigned score() const;

 private:
  struct Best {
    unsigned worth = 0;           // closeness and place
    unsigned body_closeness = 0;  // the best in a body
    unsigned body_count = 0;
  };
  const FuzzyKey& key_;
  unsigned phrase_ = 0;
  std::vector<Best> best_;  // by word
};

}  // namespace imap
