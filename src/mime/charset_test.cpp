#include "mime/charset.h"

#include <doctest/doctest.h>

#include "base/text.h"

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
           // Smaller names whose mail has the characters of the larger set.
           Case{"\x93x\x94", "iso-8859-1", "“x”"},
           Case{"\x80", "ISO_8859-1:1987", "€"},
           Case{"\x80", "latin1", "€"},
           Case{"\xdd", "iso-8859-9", "İ"},
           Case{"\xe0", "tis-620", "เ"},
           Case{"\xfd\x9b", "gb2312", "龥"},
           Case{"\x8c\x63", "ks_c_5601-1987", "똠"},
           Case{"\x87\x40", "shift_jis", "①"},
           Case{"\xad\xa1", "euc-jp", "①"},
           Case{"\x1b$B-!\x1b(B", "iso-2022-jp", "①"},
           Case{"\x1b(I1\x1b(B.", "iso-2022-jp", "ｱ."},
           Case{"\x1b$(D0!\x1b(B", "iso-2022-jp-1", "丂"},
           Case{"\x1b$BF|\nok", "iso-2022-jp", "日\nok"},
           Case{"\x1b(Zx", "iso-2022-jp", "\xef\xbf\xbdx"},
           Case{"~{<:Ky2;~}~~ 1~\n2", "hz-gb-2312", "己所不~ 12"},
           Case{"\xa7\x41", "x-x-big5", "你"},
           // Spellings.
           Case{"\x80", "cp-1252", "€"},
           Case{"\x80", "\"windows-1252\"", "€"},
           Case{"\xcf", "win1251", "П"},
           Case{"\xcf", "windows_1251", "П"},
           Case{"\x81", "ibm437", "ü"},
           Case{"\xa4", "iso8859_15", "€"},
           Case{"\xa4", "8859-15", "€"},
           Case{"\xf9", "iso-8859-8-i", "ש"},
           Case{"\xf0", "koi8", "П"},
           Case{"\xf0", "x-koi8-r", "П"},
           Case{"\xa5", "koi8-ru", "╔"},
           Case{"\x80", "x-mac-cyrillic", "А"},
           Case{"é", "cp65001", "é"},
           Case{"é", "unicode-1-1-utf-8", "é"},
           Case{"\xc1\xc2", "ebcdic-us", "AB"},
           // Names that are none, and that the C library would take for something else.
           Case{"\xe9", "utf-16//TRANSLIT", "é"},
           Case{"\xe9", "internal", "é"},
           Case{"\xe9", "WCHAR_T", "é"},
           Case{"\xe9", "../../tmp/x", "é"},
           // What declares nothing is guessed for each character.
           Case{"Gr\xc3\xbc\xc3\x9f \x80", "", "Grüß €"},
       }) {
    CHECK_MESSAGE(mime::to_utf8(c.text, c.charset) == c.utf8, c.charset);
  }
}

TEST_CASE("characters and states that are cut by the end of a piece") {
  struct Case {
    std::string_view text;
    const char* charset;
  };
  for (const Case& c : {
           Case{"a\xe2\x82\xac\xf0\x9f\x98\x80z\xff\xe2", "utf-8"},
           Case{"\x93\xfa\x96\x7b\x93", "shift_jis"},
           Case{"\x1b$BF|K\\\x1b(B ok \x1b(I1\x1b(B", "iso-2022-jp"},
           Case{"\x1b$A4sJ;\x1b(B", "iso-2022-jp-2"},
           Case{"\x1b$)C\x0e>H\x0f ok", "iso-2022-kr"},
           Case{"\x81\x30\x84\x36\xc4\xe3", "gb18030"},
           Case{"~{<:Ky~} x", "hz"},
           Case{"+AOkA6Q- x +ZeVnLIqe-", "utf-7"},
           Case{{"\xff\xfe"
                 "a\0=\xd8\0\xde\0",
                 8},
                "utf-16"},
           Case{"\xe5\xe9\xc8", "windows-1255"},
           Case{"\x88\x62\x88\xa3", "big5-hkscs"},
           Case{"Gr\xc3\xbc\xfc\xc3", ""},
       }) {
    const std::string whole = mime::to_utf8(c.text, c.charset);
    for (const std::size_t step : {1UL, 2UL, 3UL}) {
      mime::CharsetDecoder decoder(c.charset);
      std::string out;
      for (std::size_t at = 0; at < c.text.size(); at += step) decoder.feed(c.text.substr(at, step), out);
      decoder.finish(out);
      CHECK_MESSAGE(out == whole, c.charset << " in pieces of " << step);
    }
    CHECK(base::valid_utf8(whole));
  }
}
