#include "mime/text.h"
#include "mime/casemap.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "mime/utf8.h"

namespace {

std::string preview(std::string_view bytes) { return mime::preview(mime::parse(bytes), bytes); }

// The folded text of all parts, each fed in pieces of that size.
std::string folded(std::string_view bytes, std::size_t step = 1000) {
  const mime::Message message = mime::parse(bytes);
  std::string out;
  for (const mime::Part& part : message.parts) {
    if (!mime::has_text(part)) continue;
    mime::FoldedText text(message, part);
    const std::string_view body = bytes.substr(part.body_begin, part.end - part.body_begin);
    for (std::size_t at = 0; at < body.size(); at += step) text.feed(body.substr(at, step), out);
    text.finish(out);
    out += '|';
  }
  return out;
}

constexpr std::string_view kNewsletter =
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    "--x\r\nContent-Type: application/pdf\r\n\r\nnot text\r\n"
    "--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
    "--y\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "  \r\n Gr=C3=BC=\r\n=C3=9Fe\r\n\r\n  an alle\r\n"
    "--y\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Gr\xfc\xdf"
    "e <b>an</b>\r\n alle</p>\r\n--y--\r\n"
    "--x\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nattached\r\n--x--\r\n";

}  // namespace

TEST_CASE("RFC 8970 §3.3: a preview is the first words of the best text") {
  CHECK(preview(kNewsletter) == "Grüße an alle");
  CHECK(preview("Subject: x\r\n\r\nHello\r\n\r\n  there\r\n") == "Hello there");
  CHECK(preview("Content-Type: text/html\r\n\r\n<style>p{}</style><p>Hi &amp; bye</p>") == "Hi & bye");
  // A plain part that has no words, as some programs send it beside the HTML.
  CHECK(preview("Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\n \r\n\r\n--x\r\n"
                "Content-Type: text/html\r\n\r\n<p>the text</p>\r\n--x--\r\n") == "the text");
  // Nothing but an attachment, and nothing at all.
  CHECK(preview("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Disposition: attachment\r\n\r\nlog\r\n"
                "--x--\r\n") == "log");
  CHECK(preview("Content-Type: image/png\r\n\r\nxx") == "");
  CHECK(preview("Subject: x\r\n\r\n") == "");
  // What was forwarded comes after what was written.
  CHECK(preview("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
                "Subject: y\r\n\r\ninner\r\n--x\r\n\r\nouter\r\n--x--\r\n") == "outer");
}

TEST_CASE("a preview is at most 256 characters, and never half of one") {
  std::string text = "Content-Type: text/plain; charset=utf-8\r\n\r\n";
  for (int i = 0; i < 1000; ++i) text += "äé ";
  const std::string made = preview(text);
  CHECK(base::valid_utf8(made));
  std::size_t characters = 0;
  for (std::size_t at = 0; at < made.size(); ++characters) mime::next_utf8(made, at);
  CHECK(characters >= 255);
  CHECK(characters <= 256);
  CHECK(made.ends_with("ä"));
}

TEST_CASE("searched text is decoded, without tags, folded, and the same in pieces of any size") {
  const std::string whole = folded(kNewsletter);
  CHECK(whole == mime::unicode_casemap("\r\n grüße\r\n\r\n  an alle|grüße an alle|attached|"));
  for (const std::size_t step : {1UL, 2UL, 3UL, 10UL}) CHECK(folded(kNewsletter, step) == whole);
  CHECK(folded("Content-Type: text/html\r\n\r\n<meta charset=koi8-r><p>\xf0\xd2\xc9</p>") == "ПРИ|");
  CHECK(folded("Content-Type: text/html\r\n\r\n<p>\xfc") == mime::unicode_casemap("ü|"));
  CHECK(folded("Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$BF|K\\\x1b(B", 1) == "日本|");
  CHECK(folded("Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n//5BAAoAQgA=",
               3) == "A\nB|");
}
