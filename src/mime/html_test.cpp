#include "mime/html.h"

#include <doctest/doctest.h>

namespace {

std::string words(std::string_view html) {
  mime::HtmlText text;
  std::string out;
  text.feed(html, out);
  text.finish(out);
  for (const std::size_t step : {1UL, 2UL, 3UL, 7UL}) {
    mime::HtmlText pieces;
    std::string again;
    for (std::size_t at = 0; at < html.size();) {
      std::size_t size = std::min(step, html.size() - at);
      while (at + size < html.size() && (static_cast<unsigned char>(html[at + size]) & 0xc0) == 0x80) ++size;
      pieces.feed(html.substr(at, size), again);
      at += size;
    }
    pieces.finish(again);
    CHECK_MESSAGE(again == out, "in pieces of " << step << ": " << html);
  }
  return out;
}

}  // namespace

TEST_CASE("HTML is its words, a line for each block") {
  struct Case {
    const char* html;
    const char* words;
  };
  for (const Case& c : {
           Case{"<p>Hello, <b>wor</b>ld!</p>\n<p>Second\n   line</p>", "Hello, world!\nSecond line"},
           Case{"one<br>two<BR/>three<hr>four", "one\ntwo\nthree\nfour"},
           Case{"<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>", "a b\nc"},
           Case{"<ul><li>x<li>y</ul>", "x\ny"},
           Case{"<html><head><title>no</title><style>p { color: red }</style></head><body>yes</body></html>", "yes"},
           Case{"a<script>if (a < b) document.write(\"<p>no</p>\");</script>b", "ab"},
           Case{"a<script><!-- </scripty> </script >b", "ab"},
           Case{"a<!-- <p>no</p> -- > - -->b<!-->c<!--->d<!--x--!>e", "abcde"},
           Case{"<!DOCTYPE html><?xml x?><![if !mso]>a<![endif]>", "a"},
           Case{"<a href='x>y' title=\"a > b\" data=c/d>link</a>", "link"},
           Case{"<a ='>quoted<'>after", "quoted<'>after"},
           Case{"<p\n class = \"x\"\n>p</p\n>", "p"},
           Case{"1 < 2 <3 a<>b</>c</ d>e", "1 < 2 <3 a<>bce"},
           Case{"x<", "x<"},
           Case{"x<b", "x"},
           Case{"x<!-- never closed <p>y", "x"},
           Case{"Gr&uuml;&szlig;e &amp; &lt;b&gt; &euro;5&nbsp;&hellip;", "Grüße & <b> €5 …"},
           Case{"&#65;&#x42;&#X43;&#8364;&#128;&#0;&#xD800;&#99999999999999;",
                "ABC€€\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
           Case{"&amp &copy2026 &euro 5 &nobody; &; & &#; &#x; &#12a;",
                "& &copy2026 &euro 5 &nobody; &; & &#; &#x; &#12a;"},
           Case{"&copy 2026 &ampamp;", "© 2026 &ampamp;"},
           Case{"  \n\t lead and trail \r\n ", "lead and trail"},
           // Padding that shows nothing in a list of messages.
           Case{"hi&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#8203;you", "hi\xcd\x8f\xe2\x80\x8c you"},
           Case{"日<i>本</i>語&#x3000;の", "日本語 の"},
           Case{"<é>é<aé>x&é;&ampé<!é>y<!-é->z", "<é>éx&é;&éyz"},
       }) {
    CHECK_MESSAGE(words(c.html) == c.words, c.html);
  }
}

TEST_CASE("hostile HTML costs no more than its size") {
  for (const char* piece : {"<", "&", "<!--", "</", "<a ", "<script>", "<p a='", "&#", "<<<", "<!-", "\"", "<td>"}) {
    std::string hostile;
    while (hostile.size() < 1000000) hostile += piece;
    mime::HtmlText text;
    std::string out;
    text.feed(hostile, out);
    text.finish(out);
    CHECK(out.size() <= hostile.size());
  }
}

TEST_CASE("the charset that a document names itself") {
  CHECK(mime::html_charset("<html><META http-equiv=Content-Type content=\"text/html; charset=KOI8-R\">") == "koi8-r");
  CHECK(mime::html_charset("<meta name=x><meta charset = 'windows-1251'/>") == "windows-1251");
  CHECK(mime::html_charset("<meta charset=utf-16le>") == "utf-8");
  CHECK(mime::html_charset("<meta charset>") == "");
  CHECK(mime::html_charset("<meta content='charset'") == "");
  CHECK(mime::html_charset("charset=koi8-r") == "");
  CHECK(mime::html_charset(std::string(1100, ' ') + "<meta charset=koi8-r>") == "");
}
