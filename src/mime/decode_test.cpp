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

TEST_CASE("what a decoder is fed in pieces comes out as from the whole") {
  const std::string bytes = "begin 644 a\n$86)C9```\n`\nend\n=41 =\r\n=\r\nQUJD=RA==\r\n";
  for (const char* encoding : {"base64", "quoted-printable", "x-uuencode", "8bit", "nonsense"}) {
    const std::string whole = mime::decode_transfer(bytes, encoding);
    for (const std::size_t step : {1UL, 2UL, 3UL, 5UL}) {
      mime::TransferDecoder decoder(encoding);
      std::string out;
      for (std::size_t at = 0; at < bytes.size(); at += step)
        decoder.feed(std::string_view(bytes).substr(at, step), out);
      decoder.finish(out);
      CHECK_MESSAGE(out == whole, encoding << " in pieces of " << step);
    }
  }
}

TEST_CASE("uuencode, as programs sent it before MIME") {
  CHECK(mime::decode_transfer("see below\r\n\r\nbegin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\nbye\r\n", "x-uuencode") ==
        "Cat");
  CHECK(mime::decode_transfer("begin 644 a\n%:&5L;&\\\nend\n", "uuencode") == "hello");
  // A line that says to be longer than it is; a message without "begin".
  CHECK(mime::decode_transfer("begin 644 a\nMQ\nend\n", "x-uue").size() <= 2);
  CHECK(mime::decode_transfer("#0V%T\n", "x-uuencode") == "");
  CHECK(mime::TransferDecoder::knows("X-UUEncode"));
  CHECK_FALSE(mime::TransferDecoder::knows("x-nobody"));
}
