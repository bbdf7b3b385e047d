#include "mime/fold.h"

#include <doctest/doctest.h>

TEST_CASE("RFC 9051 §6.4.4: search folds case and composition") {
  CHECK(mime::fold_for_search("Hello, WORLD") == "hello, world");
  CHECK(mime::fold_for_search("GRÜSSE Grüße") == "grüsse grüsse");
  CHECK(mime::fold_for_search("e\xcc\x81 E\xcc\x81 é É") == "é é é é");
  CHECK(mime::fold_for_search("ﬁ Ⅳ Å K") == "fi iv å k");
  CHECK(mime::fold_for_search("Ταὖς ΤΑΥΣ") == "ταὖσ ταυσ");
  CHECK(mime::fold_for_search("soft\xc2\xadhyphen") == "softhyphen");
  CHECK(mime::fold_for_search("a\xff"
                              "B  \t c") ==
        "a\xef\xbf\xbd"
        "b  \t c");
  CHECK(mime::fold_for_search("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab") == "한");
  // Marks come in one order, whatever order they were written in.
  CHECK(mime::fold_for_search("a\xcc\xa3\xcc\x82") == mime::fold_for_search("a\xcc\x82\xcc\xa3"));
}

TEST_CASE("folding is idempotent and linear in hostile marks") {
  std::string marks = "a";
  for (int i = 0; i < 200000; ++i) marks += i % 2 ? "\xcc\xa3" : "\xcc\x82";
  const std::string folded = mime::fold_for_search(marks);
  CHECK(folded.size() < 100);
  CHECK(mime::fold_for_search(folded) == folded);
  std::string tibetan;  // of class 0 itself, it comes apart into two marks
  for (int i = 0; i < 200000; ++i) tibetan += "\xe0\xbd\xb3";
  CHECK(mime::fold_for_search(tibetan).size() < 200);
}

TEST_CASE("text in pieces folds as the whole does") {
  const std::string text = "E\xcc\x81 Grüße a\xcc\xa3\xcc\x82 ﬁ 한국 \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab end";
  std::string out;
  mime::SearchFolder folder;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 1;
    while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xc0) == 0x80) ++size;
    folder.feed(std::string_view(text).substr(at, size), out);
    at += size;
  }
  folder.finish(out);
  CHECK(out == mime::fold_for_search(text));
}
