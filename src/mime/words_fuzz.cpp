// Input: a byte of chunk sizes, then a text. Its words are the same for the whole as for pieces, and none is empty,
// longer than the limit, or has an accent.

#include "mime/words.h"

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "mime/casemap.h"
#include "mime/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string text = mime::unicode_casemap({reinterpret_cast<const char*>(data) + 1, size - 1});
  std::vector<std::u32string> words;
  mime::WordScanner whole([&](std::u32string_view word) { words.emplace_back(word); });
  whole.feed(text);
  whole.finish();
  for (const auto& word : words) {
    if (word.empty() || word.size() > mime::kWordCharacters) std::abort();
    if (word.find(char32_t{0x301}) != std::u32string::npos) std::abort();
  }

  std::vector<std::u32string> again;
  mime::WordScanner pieces([&](std::u32string_view word) { again.emplace_back(word); });
  std::size_t step = data[0];
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    for (std::size_t i = step % 5 + 1; i > 0 && end < text.size(); --i) mime::next_utf8(text, end);
    pieces.feed(std::string_view(text).substr(begin, end - begin));
    begin = end;
    step = step * 31 + 7;
  }
  pieces.finish();
  if (again != words) std::abort();
  return 0;
}
