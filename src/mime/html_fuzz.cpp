// Input: a byte of chunk sizes, then an HTML document. Its words are UTF-8, no longer than it, and the same for the
// whole as for pieces.

#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "mime/html.h"
#include "mime/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string html = mime::repair_utf8({reinterpret_cast<const char*>(data) + 1, size - 1});
  mime::HtmlText whole;
  std::string words;
  whole.feed(html, words);
  whole.finish(words);
  if (!base::valid_utf8(words) || words.size() > html.size()) std::abort();

  mime::HtmlText pieces;
  std::string again;
  std::size_t step = data[0];
  for (std::size_t begin = 0; begin < html.size();) {
    std::size_t end = begin;
    for (std::size_t i = step % 5 + 1; i > 0 && end < html.size(); --i) mime::next_utf8(html, end);
    pieces.feed(std::string_view(html).substr(begin, end - begin), again);
    begin = end;
    step = step * 31 + 7;
  }
  pieces.finish(again);
  if (again != words) std::abort();
  if (!base::valid_utf8(mime::html_charset(html))) std::abort();
  return 0;
}
