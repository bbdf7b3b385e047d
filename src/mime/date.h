#pragma once
// Dates of messages (RFC 5322 §3.3 with the obsolete forms of §4.3) and of IMAP (RFC 9051 date-time and date). Pure,
// total.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mime {

/// A moment with the zone it was written in.
struct DateTime {
  std::int64_t unix_seconds = 0;
  std::int32_t zone_minutes = 0;  // east positive

  friend bool operator==(const DateTime&, const DateTime&) = default;
};

/// A Date field's body: day name optional, two-digit years, named zones, comments. Nothing when it is no date.
std::optional<DateTime> parse_date(std::string_view body);

/// IMAP date-time without its quotes: "21-Nov-2026 08:56:02 +0000", day also with a leading space. RFC 9051 §9.
std::optional<DateTime> parse_imap_date_time(std::string_view text);
std::string format_imap_date_time(const DateTime& when);  // 26 bytes, as in INTERNALDATE, without quotes

/// IMAP date: "1-Feb-1994". As days since 1970-01-01.
std::optional<std::int64_t> parse_imap_date(std::string_view text);

/// Days since 1970-01-01 of the calendar day that `when` names in its own zone (what SEARCH compares).
std::int64_t local_day(const DateTime& when);

}  // namespace mime
