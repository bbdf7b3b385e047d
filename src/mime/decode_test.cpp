#include "mime/decode.h"

#include <doctest/doctest.h>

#include "base/text.h"

TEST_CASE("base64 is read as far as it can be") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    CHECK(mime::decode_transfer(base::base64_encode(bytes), "Base64") == bytes);
    bytes += static_cast<char>(i * 7);
  }
  CHECK(mime::decode_transfer("aGVs\r\nbG8=\r\n", "base64") == "hello");
  CHECK(mime::decode_transfer("a!G-V_sbG8", "base64") == "hello");
  CHECK(mime::decode_transfer("aGk=aGk=", "base64") == "hihi");
  CHECK(mime::decode_transfer("=A=", "base64") == "");
}

TEST_CASE("RFC 2045 §6.7: quoted-printable, with what is no code kept") {
  CHECK(mime::decode_transfer("Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
                              "Quoted-Printable") ==
        "Now's the time for all folk to come to the aid of their country.");
  CHECK(mime::decode_transfer("a=3Db=e9 \t\r\nc= \t\r\nd=20\r\ne  ", "quoted-printable") == "a=b\xe9\r\ncd \r\ne");
  CHECK(mime::decode_transfer("1=2=G0=\nx= y=", "quoted-printable") == "1=2=G0x= y");
  CHECK(mime::decode_transfer("as it = stands", "8bit") == "as it = stands");
}

TEST_CASE("charsets become UTF-8") {
  struct Case {
    std::string_view text;
    const char* charset;
    const char* utf8;
  };
  for (const Case& c : {
           Case{"\xe9", "ISO-8859-1", "é"},
           Case{"\xa4", "iso-8859-15", "€"},
           Case{"\x80", "windows-1252", "€"},
           Case{"\xcf\xf0\xe8", "cp1251", "При"},
           Case{"\xf0\xd2\xc9", "koi8-r", "При"},
           Case{"\x93\xfa\x96\x7b", "Shift_JIS", "日本"},
           Case{"\x1b$BF|K\\\x1b(B", "iso-2022-jp", "日本"},
           Case{"\xc4\xe3\xba\xc3", "gb2312", "你好"},
           Case{"\xa7\x41", "big5", "你"},
           Case{"\xbe\xc8", "ks_c_5601-1987", "안"},
           Case{"+AOk-", "utf-7", "é"},
           Case{{"\0a", 2}, "utf-16be", "a"},
           Case{"é", "utf-8", "é"},
           Case{"é", "", "é"},
           Case{"\xe9", "us-ascii", "é"},
           Case{"\xe9", "x-nobody-knows//TRANSLIT", "é"},
           Case{"a\xff z", "utf-8", "a\xef\xbf\xbd z"},
           Case{"\x93", "shift_jis", "\xef\xbf\xbd"},
       }) {
    CHECK_MESSAGE(mime::to_utf8(c.text, c.charset) == c.utf8, c.charset);
  }
}

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
