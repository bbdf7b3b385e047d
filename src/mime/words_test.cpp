#include "mime/words.h"

#include <doctest/doctest.h>

#include "mime/casemap.h"
#include "mime/utf8.h"

namespace {

std::string words(std::string_view text, std::size_t piece = SIZE_MAX) {
  std::string out;
  mime::WordScanner scanner([&](std::u32string_view word) {
    if (!out.empty()) out += '|';
    for (const char32_t c : word) mime::append_utf8(out, c);
  });
  const std::string folded = mime::unicode_casemap(text);
  for (std::size_t begin = 0; begin < folded.size();) {
    std::size_t end = begin;
    for (std::size_t i = 0; i < piece && end < folded.size(); ++i) mime::next_utf8(folded, end);
    scanner.feed(std::string_view(folded).substr(begin, end - begin));
    begin = end;
  }
  scanner.finish();
  return out;
}

}  // namespace

TEST_CASE("a text has the words that its readers see, without accents") {
  CHECK(words("Broken IMAP-Server, v2!") == "BROKEN|IMAP|SERVER|V2");
  CHECK(words("Crème Brûlée; Ναί ТЁПЛЫЙ") == "CREME|BRULEE|ΝΑΙ|ТЕПЛЫИ");
  // й and ё are letters of their own to those who write them, and still found by who types и and е.
  CHECK(words("हिन्दी भाषा") == "हिन्दी|भाषा");
  CHECK(words("  ... ").empty());
  CHECK(words("a\xff"
              "b") == "A|B");
  CHECK(words("Crème Brûlée; 2023", 1) == "CREME|BRULEE|2023");
}

TEST_CASE("words are cut, and hostile texts stay linear") {
  CHECK(words(std::string(100'000, 'x')) == std::string(mime::kWordCharacters, 'X'));
  std::string marks = "a";
  for (int i = 0; i < 200'000; ++i) marks += i % 2 ? "\xcc\xa3" : "\xcc\x82";
  CHECK(words(marks) == "A");
}
