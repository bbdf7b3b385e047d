#include "mime/casemap.h"

#include <doctest/doctest.h>

using mime::unicode_casemap;

namespace {

bool finds(std::string_view text, std::string_view needle) {
  return unicode_casemap(text).contains(unicode_casemap(needle));
}

}  // namespace

TEST_CASE("RFC 5051 §2: title case, then all decompositions") {
  CHECK(unicode_casemap("Hello, WORLD") == "HELLO, WORLD");
  // The example of the standard: U+01C4 has the title case U+01C5, which is D and U+017E, which is z and U+030C.
  CHECK(unicode_casemap("\xc7\x84") == "Dz\xcc\x8c");
  CHECK(unicode_casemap("\xc7\x86") == "Dz\xcc\x8c");
  CHECK(unicode_casemap("é É e\xcc\x81") == "E\xcc\x81 E\xcc\x81 E\xcc\x81");
  CHECK(unicode_casemap("Ταὖς ΤΑΥΣ") == "ΤΑυ\xcc\x93\xcd\x82Σ ΤΑΥΣ");
  CHECK(unicode_casemap("тёплый") == "ТЕ\xcc\x88ПЛЫИ\xcc\x86");
  CHECK(unicode_casemap("ﬁ ⅳ Å K ａ") == "fi IV A\xcc\x8a K A");
  CHECK(unicode_casemap("한") == "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab");
  // What has no title case of one character keeps its case.
  CHECK(unicode_casemap("ß ẞ") == "ß ẞ");
  CHECK(unicode_casemap("soft\xc2\xadhyphen") == "SOFT\xc2\xadHYPHEN");
  CHECK(unicode_casemap("a\xff"
                        "B  \t c") ==
        "A\xef\xbf\xbd"
        "B  \t C");
  CHECK(unicode_casemap("").empty());
}

TEST_CASE("what is found in what: a letter in one with an accent, which is a letter and a mark") {
  CHECK(finds("un CAFÉ", "cafe"));
  CHECK_FALSE(finds("un cafe", "café"));
  CHECK_FALSE(finds("Crème brûlée", "creme"));  // the mark stands between
  CHECK(finds("Crème brûlée", "cre\xcc\x80me"));
  CHECK_FALSE(finds("GRÖSSE", "größe"));
  CHECK(finds("Größe", "GRÖß"));
  CHECK(finds("ФЁДОР", "фе"));
}

TEST_CASE("the mapping is linear in hostile marks, and the same in pieces of whole characters") {
  std::string marks = "a";
  for (int i = 0; i < 200000; ++i) marks += i % 2 ? "\xcc\xa3" : "\xcc\x82";
  CHECK(unicode_casemap(marks).size() == marks.size());
  const std::string text = "E\xcc\x81 Grüße a\xcc\xa3\xcc\x82 ﬁ 한국 \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab end";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 1;
    while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xc0) == 0x80) ++size;
    out += unicode_casemap(std::string_view(text).substr(at, size));
    at += size;
  }
  CHECK(out == unicode_casemap(text));
}
