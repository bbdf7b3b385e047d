#include "mime/words.h"

#include <utf8proc.h>

#include "base/text.h"
#include "mime/utf8.h"

namespace mime {

namespace {

// Combining diacritical marks in their five blocks: accents of European scripts. The vowel signs of others are marks as
// well, and a word is not the same without them.
bool is_accent(char32_t c) {
  return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x1dc0 && c <= 0x1dff) ||
         (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe20 && c <= 0xfe2f);
}

// It has no other case of one letter.
bool is_sharp_s(char32_t c) { return c == 0xdf || c == 0x1e9e; }

bool is_word_character(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

}  // namespace

void WordScanner::add(char32_t c) {
  if (is_accent(c)) return;
  if (!is_word_character(c)) {
    finish();
  } else if (word_.size() < kWordCharacters) {
    word_ += c;
  }
}

void WordScanner::feed(std::string_view folded) {
  for (std::size_t at = 0; at < folded.size();) {
    const char byte = folded[at];
    if (static_cast<unsigned char>(byte) < 0x80) {
      ++at;
      if (!base::is_alpha(byte) && !base::is_digit(byte)) {
        finish();
      } else if (word_.size() < kWordCharacters) {
        word_ += static_cast<unsigned char>(base::ascii_upper(byte));
      }
      continue;
    }
    const char32_t c = next_utf8(folded, at);
    if (is_sharp_s(c)) {
      add('S');
      add('S');
    } else {
      add(c);
    }
  }
}

void WordScanner::finish() {
  if (word_.empty()) return;
  take_(word_);
  word_.clear();
}

}  // namespace mime
