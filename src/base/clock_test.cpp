#include "base/clock.h"

#include <doctest/doctest.h>

namespace base {
namespace {

// RFC 3339 §5.6.
TEST_CASE("times in text and back") {
  const WallTime time{std::chrono::microseconds(1'795'251'362'123'456)};
  CHECK_EQ(rfc3339(time), "2026-11-21T08:56:02.123Z");
  CHECK_EQ(rfc3339_seconds(time), "2026-11-21T08:56:02Z");
  CHECK_EQ(parse_rfc3339("2026-11-21T08:56:02.123456Z"), time);
  CHECK_EQ(parse_rfc3339("2026-11-21t08:56:02.123456789z"), time);
  CHECK_EQ(parse_rfc3339("2026-11-21T10:26:02.123456+01:30"), time);
  CHECK_EQ(parse_rfc3339("2026-11-20T20:56:02.123456-12:00"), time);
  CHECK_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2016-12-31T23:59:59Z"));
  CHECK_EQ(rfc3339(*parse_rfc3339("9999-12-31T23:59:59-23:59")), "10000-01-01T23:58:59.000Z");
  for (const char* bad :
       {"", "2026-11-21", "2026-11-21 08:56:02Z", "2026-11-21T08:56:02", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T08:60:02Z", "2026-11-21T08:56:02.Z", "2026-11-21T08:56:02+1:00",
        "2026-11-21T08:56:02+24:00", "2026-11-21T08:56:02Zx", "-026-11-21T08:56:02Z"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_rfc3339(bad).has_value());
  }
}

}  // namespace
}  // namespace base
