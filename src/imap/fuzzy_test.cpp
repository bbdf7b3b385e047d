#include "imap/fuzzy.h"

#include <doctest/doctest.h>

#include <random>

#include "mime/casemap.h"
#include "mime/words.h"

namespace imap {
namespace {

unsigned closeness(std::u32string_view key, std::u32string_view word) {
  return FuzzyWord(std::u32string(key)).closeness(word);
}

// 0: not found.
unsigned score(std::string_view key, std::string_view text, unsigned place = 100) {
  const FuzzyKey fuzzy(mime::unicode_casemap(key));
  FuzzyMatch match(fuzzy);
  match.look(mime::unicode_casemap(text), place);
  return match.found() ? match.score() : 0;
}

unsigned body_score(std::string_view key, std::string_view text) {
  const FuzzyKey fuzzy(mime::unicode_casemap(key));
  FuzzyMatch match(fuzzy);
  const std::string folded = mime::unicode_casemap(text);
  match.look_for_phrase(folded, 80);
  mime::WordScanner scanner([&](std::u32string_view word) { match.take_body_word(word); });
  scanner.feed(folded);
  scanner.finish();
  match.settle_body(50, 80);
  return match.found() ? match.score() : 0;
}

TEST_CASE("words are close when a slip of the pen lies between them") {
  CHECK(closeness(U"hello", U"hello") == 100);
  CHECK(closeness(U"helo", U"hello") == 60);    // RFC 6203 §4: one is missing
  CHECK(closeness(U"helo", U"help") == 60);     // another
  CHECK(closeness(U"hello", U"helllo") == 60);  // one too many
  CHECK(closeness(U"hello", U"hlelo") == 60);   // swapped
  CHECK(closeness(U"hello", U"jelly") == 0);
  CHECK(closeness(U"hello", U"ehllo") == 60);
  CHECK(closeness(U"meeting", U"meetings") == 80);
  CHECK(closeness(U"meeting", U"mee") == 0);
  CHECK(closeness(U"accommodation", U"acomodation") == 40);
  CHECK(closeness(U"accommodation", U"acomodatoin") == 0);
  CHECK(closeness(U"invoice", U"invoicing") == 0);  // shorter words forgive one
  // Short words and numbers are what they are.
  CHECK(closeness(U"cat", U"car") == 0);
  CHECK(closeness(U"cat", U"cats") == 80);
  CHECK(closeness(U"of", U"off") == 0);
  CHECK(closeness(U"2023", U"2024") == 0);
  CHECK(closeness(U"v12345", U"v1234") == 0);
}

// The textbook's way: the whole table, nothing left out.
unsigned distance(const std::u32string& a, const std::u32string& b) {
  std::vector<std::vector<unsigned>> d(a.size() + 1, std::vector<unsigned>(b.size() + 1));
  for (unsigned i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (unsigned j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

TEST_CASE("the distance of words is what the whole table says") {
  std::mt19937 random(7);
  const auto word = [&](std::size_t least, std::size_t most) {
    std::u32string out(least + random() % (most - least + 1), U'a');
    for (char32_t& c : out) c = U"abcä"[random() % 4];
    return out;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::u32string key = word(4, 12);
    const std::u32string other = word(2, 14);
    INFO(i);
    if (other.starts_with(key)) continue;
    const unsigned slips = distance(key, other);
    const unsigned limit = key.size() >= 8 ? 2 : 1;
    CHECK(closeness(key, other) == (slips > limit ? 0u : slips == 1 ? 60u : 40u));
  }
}

TEST_CASE("a text is found by all of its words, in any order, or as it stands") {
  // RFC 6203 §3.
  CHECK(score("IMAP break", "IMAP break") == 100);
  CHECK(score("IMAP break", "Breaking IMAP") > 1);
  CHECK(score("IMAP break", "IMAP is broken") == 0);  // two letters of five: no slip
  CHECK(score("IMAP break", "IMAP") == 0);
  CHECK(score("creme brulee", "Zum Dessert: Crème brûlée") < 100);
  CHECK(score("creme brulee", "Zum Dessert: Crème brûlée") > 80);
  // What a strict search finds, this one finds as well.
  CHECK(score("es", "messages") == 100);
  CHECK(score("--", "a -- b") == 100);
  CHECK(score("--", "a - b") == 0);
  CHECK(score("", "anything") == 100);
  CHECK(score("", "") == 100);
}

TEST_CASE("scores order what is found, over the whole range") {
  CHECK(score("hello world", "hello world") > score("hello world", "world, hello"));
  CHECK(score("hello world", "world, hello") > score("hello world", "worldly hellos"));
  CHECK(score("hello world", "worldly hellos") > score("hello world", "helo wrld"));
  CHECK(score("hello", "hello", 100) > score("hello", "hello", 80));
  CHECK(body_score("hello", "hello hello hello") == body_score("hello", "say hello"));  // the phrase is there at once
  CHECK(body_score("helo", "hello hello hello") > body_score("helo", "say hello"));
  CHECK(score("hello", "hello") == 100);
  CHECK(body_score("accommodation", "acomodation") == 1);
}

TEST_CASE("long keys and long words are bounded") {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "word" + std::to_string(i) + " ";
  CHECK(FuzzyKey(many).words().size() == kMaxFuzzyWords);
  const std::string endless(1 << 20, 'x');
  CHECK(score(std::string(70, 'x'), endless) == 100);
  CHECK(closeness(std::u32string(64, U'x'), std::u32string(64, U'y')) == 0);
  CHECK(closeness(std::u32string(64, U'x'), std::u32string(62, U'x')) == 40);
}

}  // namespace
}  // namespace imap
