// RFC 2047 encoded words in unstructured text and phrases: decode_text() of header.h.

#include "base/text.h"
#include "mime/charset.h"
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

// Where the encoded text that begins at `begin` ends: at "?=". Question marks in it are forbidden and written by some
// all the same; but "=?" begins another word, and so each look reaches to the next of them only.
std::size_t word_end(std::string_view text, std::size_t begin) {
  for (std::size_t at = text.find('?', begin); at != std::string_view::npos; at = text.find('?', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] == '=') return at;
    if (at > begin && text[at - 1] == '=') break;
  }
  return std::string_view::npos;
}

// The word that begins `text` ("=?charset?q?text?="), read by its question marks. No look passes the beginning of the
// next word, so a caller that goes on two bytes behind a failure stays linear.
bool read_word(std::string_view text, EncodedWord& out) {
  const std::size_t charset_end = text.find_first_of("? \t", 2);
  if (charset_end == std::string_view::npos || text[charset_end] != '?' || charset_end == 2) return false;
  if (charset_end + 2 >= text.size() || text[charset_end + 2] != '?') return false;
  const char encoding = base::ascii_lower(text[charset_end + 1]);
  if (encoding != 'q' && encoding != 'b') return false;
  // Blanks inside are forbidden (RFC 2047 §2), and written by some all the same.
  const std::size_t begin = charset_end + 3;
  const std::size_t end = word_end(text, begin);
  if (end == std::string_view::npos) return false;
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

// Text outside of encoded words. ISO-2022-JP looks like ASCII, and stands in old Japanese mail as it is.
std::string plain_text(std::string_view text, std::string_view likely) {
  if (text.contains("\x1b$") || text.contains("\x1b(")) return to_utf8(text, "iso-2022-jp");
  return base::valid_utf8(text) ? std::string(text) : to_utf8(text, likely);
}

}  // namespace

std::string decode_text(std::string_view body, std::string_view likely) {
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
    if (!adjacent) out += plain_text(between, likely);
    run += word_bytes(word);
    run_charset = word.charset;
    in_run = true;
    at += word.size;
    plain = at;
  }
  end_run();
  out += plain_text(std::string_view(text).substr(plain), likely);
  return out;
}

}  // namespace mime
