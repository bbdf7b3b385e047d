// Input: a byte that says how long the key is, the key, then a text. What a strict search finds, one that is not finds
// as well; scores are within their range; what is found in a field is found in a body.

#include "imap/fuzzy.h"

#include <cstdint>
#include <cstdlib>

#include "imap/search_text.h"
#include "mime/casemap.h"
#include "mime/words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t length = std::min<std::size_t>(data[0], rest.size());
  const std::string phrase = mime::unicode_casemap(rest.substr(0, length));
  const std::string text = mime::unicode_casemap(rest.substr(length));
  const imap::FuzzyKey key(phrase);
  if (key.words().size() > imap::kMaxFuzzyWords) std::abort();
  for (const auto& word : key.words()) {
    if (word.closeness(U"word") > 100) std::abort();
  }

  imap::FuzzyMatch field(key);
  field.look(text, 100);
  if (imap::contains_text(text, phrase) && !field.found()) std::abort();
  if (field.found() && (field.score() < 1 || field.score() > 100)) std::abort();

  imap::FuzzyMatch body(key);
  body.look_for_phrase(text, 80);
  mime::WordScanner scanner([&](std::u32string_view word) { body.take_body_word(word); });
  scanner.feed(text);
  scanner.finish();
  body.settle_body(50, 80);
  if (body.found() != field.found()) std::abort();
  if (body.found() && (body.score() < 1 || body.score() > 100)) std::abort();
  return 0;
}
