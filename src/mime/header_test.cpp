#include "mime/header.h"

#include <doctest/doctest.h>

TEST_CASE("fields keep their order, their folding and their offsets") {
  const std::string_view block =
      "From first line of an mbox 08:00\r\nReceived: a\r\n\tb\r\nSubject :  x \r\nno field at "
      "all\r\nX-Empty:\r\n\r\nTo: body\r\n";
  const auto fields = mime::fields(block);
  REQUIRE(fields.size() == 3);
  CHECK(fields[0].name == "Received");
  CHECK(fields[0].body == " a\r\n\tb");
  CHECK(fields[0].raw == "Received: a\r\n\tb\r\n");
  CHECK(fields[1].name == "Subject");
  CHECK(fields[1].raw == "Subject :  x \r\nno field at all\r\n");
  CHECK(fields[2].body == "");
  CHECK(mime::find(fields, "SUBJECT") == &fields[1]);
  CHECK(mime::find(fields, "To") == nullptr);
  CHECK(mime::fields(block, 1).size() == 1);
  CHECK(mime::fields(block, 1)[0].raw == fields[0].raw);
  CHECK(mime::fields(block, 0).empty());
}

TEST_CASE("a block without its end, and with bare line feeds") {
  CHECK(mime::fields("A: b")[0].raw == "A: b");
  CHECK(mime::fields("A: b\nC: d\n\nE: f\n").size() == 2);
  CHECK(mime::fields("A: b\nC: d\n")[0].body == " b");
  CHECK(mime::fields("").empty());
  CHECK(mime::fields(" folded into nothing\r\n").empty());
}

TEST_CASE("unfolding takes the line ends and nothing else") {
  CHECK(mime::unfold(" This\r\n is  a\r\n\ttest \r\n") == "This is  a\ttest");
  CHECK(mime::unfold("\r\n ") == "");
}

TEST_CASE("RFC 2047 §8: the examples") {
  struct Case {
    const char* encoded;
    const char* text;
  };
  for (const Case& c : {
           Case{"(=?ISO-8859-1?Q?a?=)", "(a)"},
           Case{"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
           Case{"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
           Case{"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
           Case{"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
           Case{"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
           Case{"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
           Case{"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>", "Keld Jørn Simonsen <keld@dkuug.dk>"},
           Case{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
                "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                "If you can read this you understand the example."},
       }) {
    CHECK(mime::decode_text(c.encoded) == c.text);
  }
}

TEST_CASE("encoded words as programs write them") {
  // A character cut between two words; a language; a blank inside; the letter in lower case; text right behind.
  CHECK(mime::decode_text("=?utf-8?B?w6nD?= =?UTF-8?B?qQ==?=") == "éé");
  CHECK(mime::decode_text("=?us-ascii*en?q?hi?=") == "hi");
  CHECK(mime::decode_text("=?utf-8?Q?two words?=") == "two words");
  CHECK(mime::decode_text("Re: =?utf-8?Q?x_?=y") == "Re: x y");
  CHECK(mime::decode_text("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=") == "日本");
  for (const char* plain : {"=?", "=?utf-8", "=?utf-8?Q", "=?utf-8?Q?", "=?utf-8?Q?x", "=?utf-8?Q?x?",
                            "=??Q?x?=", "=?utf-8?X?x?=", "=?u t?Q?x?=", "a =?= b"}) {
    CHECK(mime::decode_text(plain) == plain);
  }
}

TEST_CASE("raw bytes are UTF-8 when they can be and Latin 1 otherwise") {
  CHECK(mime::decode_text("Grüße") == "Grüße");
  CHECK(mime::decode_text("Gr\xfc\xdf"
                          "e") == "Grüße");
}

TEST_CASE("long runs of openings stay linear") {
  std::string hostile;
  for (int i = 0; i < 200000; ++i) hostile += "=?x?q?";
  CHECK(mime::decode_text(hostile) == hostile);
}
