// RFC 2047 encoded words in unstructured text and phrases: decode_text() of header.h.

#include "base/text.h"
#include "mime/decode.h"
#include "mime/header.h"

namespace mime {
namespace {

struct EncodedWord {
  std::string_view charset;
  char encoding = 0;  // 'q' or 'b'
  std::string_view text;
  std::size_t size = 0;  // of the whole word
};

// The word that begins `text` ("=?charset?q?text?="), read by its question marks. Each of the three looks reaches to
// the next question mark only, so a caller that goes on two bytes behind a failure stays linear.
bool read_word(std::string_view text, EncodedWord& out) {
  const std::size_t charset_end = text.find_first_of("? \t", 2);
  if (charset_end == std::string_view::npos || text[charset_end] != '?' || charset_end == 2) return false;
  if (charset_end + 2 >= text.size() || text[charset_end + 2] != '?') return false;
  const char encoding = base::ascii_lower(text[charset_end + 1]);
  if (encoding != 'q' && encoding != 'b') return false;
  // Blanks inside are forbidden (RFC 2047 §2), and written by some all the same.
  const std::size_t begin = charset_end + 3;
  const std::size_t end = text.find('?', begin);
  if (end == std::string_view::npos || end + 1 >= text.size() || text[end + 1] != '=') return false;
  std::string_view charset = text.substr(2, charset_end - 2);
  charset = charset.substr(0, charset.find('*'));  // RFC 2231 §5: a language may follow
  out = {charset, encoding, text.substr(begin, end - begin), end + 2};
  return true;
}

std::string word_bytes(const EncodedWord& word) {
  if (word.encoding == 'b') return decode_transfer(word.text, "base64");
  std::string text(word.text);
  for (char& c : text) {
    if (c == '_') c = ' ';  // RFC 2047 §4.2
  }
  // A blank at the end of a line is padding in quoted-printable, but text in the Q encoding.
  std::size_t blanks = 0;
  while (blanks < text.size() && base::is_space(text[text.size() - 1 - blanks])) ++blanks;
  const std::string tail(blanks, ' ');
  text.resize(text.size() - blanks);
  return decode_transfer(text, "quoted-printable") + tail;
}

bool all_blank(std::string_view text) { return base::trim(text).empty(); }

}  // namespace

std::string decode_text(std::string_view body) {
  const std::string text = unfold(body);
  std::string out;
  std::string run;  // bytes of adjacent words of one charset: a character may be cut between two of them
  std::string run_charset;
  bool in_run = false;
  auto end_run = [&] {
    if (in_run) out += to_utf8(run, run_charset);
    run.clear();
    in_run = false;
  };
  std::size_t plain = 0;  // where text that is in no word begins
  std::size_t at = 0;
  while ((at = text.find("=?", at)) != std::string::npos) {
    EncodedWord word;
    if (!read_word(std::string_view(text).substr(at), word)) {
      at += 2;
      continue;
    }
    const std::string_view between = std::string_view(text).substr(plain, at - plain);
    const bool adjacent = in_run && all_blank(between);  // RFC 2047 §6.2: white space between words is not shown
    if (!adjacent || !base::iequals(run_charset, word.charset)) end_run();
    if (!adjacent) out += to_utf8(between, "");
    run += word_bytes(word);
    run_charset = word.charset;
    in_run = true;
    at += word.size;
    plain = at;
  }
  end_run();
  out += to_utf8(std::string_view(text).substr(plain), "");
  return out;
}

}  // namespace mime
