#include "mime/date.h"

#include <doctest/doctest.h>

namespace {

std::string shown(std::string_view body) {
  const auto date = mime::parse_date(body);
  return date ? mime::format_imap_date_time(*date) : "none";
}

}  // namespace

TEST_CASE("RFC 5322 appendix A: the dates of its examples") {
  CHECK(shown("Fri, 21 Nov 1997 09:55:06 -0600") == "21-Nov-1997 09:55:06 -0600");
  CHECK(shown("Tue, 1 Jul 2003 10:52:37 +0200") == "01-Jul-2003 10:52:37 +0200");
  CHECK(shown("21 Nov 97 09:55:06 GMT") == "21-Nov-1997 09:55:06 +0000");
  CHECK(shown("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland "
              "Time)") == "13-Feb-1969 23:32:00 -0330");
  CHECK(shown("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600") == "21-Nov-1997 09:55:06 -0600");
  CHECK(mime::parse_date("Sat, 21 Nov 2026 08:56:02 +0100")->unix_seconds == 1795247762);
}

TEST_CASE("RFC 5322 §4.3: years of two and three digits, named zones") {
  struct Case {
    const char* body;
    const char* shown;
  };
  for (const Case& c : {
           Case{"1 Jan 49 0:00 UT", "01-Jan-2049 00:00:00 +0000"},
           Case{"1 Jan 50 0:00 UT", "01-Jan-1950 00:00:00 +0000"},
           Case{"1 Jan 126 0:00 UT", "01-Jan-2026 00:00:00 +0000"},
           Case{"1 jan 2026 00:00:00 edt", "01-Jan-2026 00:00:00 -0400"},
           Case{"1 Jan 2026 00:00:00 PST", "01-Jan-2026 00:00:00 -0800"},
           Case{"1 Jan 2026 00:00:00 A", "01-Jan-2026 00:00:00 +0000"},
           Case{"1 Jan 2026 00:00:00 CEST", "01-Jan-2026 00:00:00 +0000"},
           Case{"1 Jan 2026 00:00:00", "01-Jan-2026 00:00:00 +0000"},
           Case{"1 Jan 2026 00:00:00 GMT+0100", "01-Jan-2026 00:00:00 +0100"},
           Case{"1 Jan 2026 00:00:00 +01:00", "01-Jan-2026 00:00:00 +0100"},
           Case{"Sunday, 06-November-94 08:49:37 GMT", "06-Nov-1994 08:49:37 +0000"},
           Case{"31 Dec 2016 23:59:60 +0000", "01-Jan-2017 00:00:00 +0000"},
           Case{"29 Feb 2024 00:00 -0000", "29-Feb-2024 00:00:00 +0000"},
       }) {
    CHECK_MESSAGE(shown(c.body) == c.shown, c.body);
  }
}

TEST_CASE("dates that are none, as programs write them") {
  struct Case {
    const char* body;
    const char* shown;
  };
  for (const Case& c : {
           Case{"Sat Nov 21 08:56:02 2026", "21-Nov-2026 08:56:02 +0000"},
           Case{"Sat Nov  7 08:56:02 PST 2026", "07-Nov-2026 08:56:02 -0800"},
           Case{"Sat Nov 21 08:56:02 +0100 2026", "21-Nov-2026 08:56:02 +0100"},
           Case{"Sat, Nov. 21, 2026 8:56 -0500", "21-Nov-2026 08:56:00 -0500"},
           Case{"March 1, 2026 8:56", "01-Mar-2026 08:56:00 +0000"},
           Case{"Sa., 21 Nov 2026 8:6:2 +0100", "21-Nov-2026 08:06:02 +0100"},
           Case{"2026-11-21T08:56:02Z", "21-Nov-2026 08:56:02 +0000"},
           Case{"2026-11-21 08:56:02.250 +0100", "21-Nov-2026 08:56:02 +0100"},
       }) {
    CHECK_MESSAGE(shown(c.body) == c.shown, c.body);
  }
}

TEST_CASE("what is no date is none") {
  for (const char* bad : {"",
                          "x",
                          "Fri,",
                          "0 Jan 2026 0:00",
                          "32 Jan 2026 0:00",
                          "29 Feb 2026 0:00",
                          "1 Foo 2026 0:00",
                          "1 Jan 6 0:00",
                          "1 Jan 1899 0:00",
                          "1 Jan 20266 0:00",
                          "1 Jan 2026",
                          "1 Jan 2026 24:00",
                          "1 Jan 2026 0:60",
                          "1 Jan 2026 0:00:61",
                          "1 Jan 2026 0:00 +0160",
                          "1 Jan 2026 0:00 +1",
                          "1 Jan 2026 0:00 +99999",
                          "1 Jan 2026 0 00",
                          "Sat Nov 21 2026",
                          "Nov 31 0:00 2026",
                          "2026-13-01 0:00",
                          "2026-1-1 0:00",
                          "2026-01-01"}) {
    CHECK_MESSAGE(shown(bad) == "none", bad);
  }
}

TEST_CASE("RFC 9051 §9: date-time is strict and comes back as it went") {
  for (const char* good : {"21-Nov-2026 08:56:02 +0000", "01-Feb-1994 23:59:59 -1200", "17-Jul-1996 02:44:25 -0700",
                           "29-Feb-2000 00:00:00 +1400", "01-Jan-0000 00:00:00 +0000", "31-Dec-9999 23:59:59 +0000"}) {
    const auto date = mime::parse_imap_date_time(good);
    REQUIRE_MESSAGE(date, good);
    CHECK(mime::format_imap_date_time(*date) == good);
  }
  CHECK(mime::parse_imap_date_time(" 1-feb-1994 00:00:00 +0000")->unix_seconds == 760060800);
  for (const char* bad : {"", "1-Feb-1994 00:00:00 +0000", "00-Feb-1994 00:00:00 +0000", "30-Feb-1994 00:00:00 +0000",
                          "01-Feb-94 00:00:00 +0000  ", "01-Feb-1994 24:00:00 +0000", "01-Feb-1994 00:60:00 +0000",
                          "01-Feb-1994 00:00:61 +0000", "01-Feb-1994 00:00:00 +0060", "01-Feb-1994 00:00:00  0000",
                          "01-Feb-1994T00:00:00 +0000", "01 Feb 1994 00:00:00 +0000", "  -Feb-1994 00:00:00 +0000",
                          "01-Fe -1994 00:00:00 +0000"}) {
    CHECK_FALSE_MESSAGE(mime::parse_imap_date_time(bad), bad);
  }
}

TEST_CASE("any moment has a form of 26 bytes that reads back") {
  for (const std::int64_t seconds :
       {INT64_MIN, INT64_MAX, std::int64_t{0}, std::int64_t{-1}, std::int64_t{253402300799}}) {
    for (const std::int32_t zone : {INT32_MIN, -5999, -1, 0, 1, 840, INT32_MAX}) {
      const std::string text = mime::format_imap_date_time({seconds, zone});
      CHECK(text.size() == 26);
      CHECK_MESSAGE(mime::parse_imap_date_time(text), text);
    }
  }
}

TEST_CASE("SEARCH compares the day that the writer's calendar showed") {
  CHECK(mime::parse_imap_date("1-Jan-1970") == 0);
  CHECK(mime::parse_imap_date("01-Feb-1994") == 8797);
  CHECK(mime::parse_imap_date("31-dec-1969") == -1);
  for (const char* bad : {"", "1-Feb-94", "-Feb-1994", "001-Feb-1994", "31-Feb-1994", "1 Feb 1994", "1-Feb-1994 "}) {
    CHECK_FALSE(mime::parse_imap_date(bad));
  }
  CHECK(mime::local_day({0, 0}) == 0);
  CHECK(mime::local_day({0, -1}) == -1);
  CHECK(mime::local_day({-1, 1}) == 0);
  CHECK(mime::local_day({-86400, 0}) == -1);
  CHECK(mime::local_day({-86401, 0}) == -2);
  CHECK(mime::local_day(*mime::parse_date("1 Feb 1994 23:59 -0800")) == 8797);
  CHECK(mime::local_day({INT64_MIN, INT32_MIN}) < 0);
}
