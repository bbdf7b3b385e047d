#include "mime/date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/text.h"
#include "mime/lexer.h"

namespace mime {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::int64_t kDay = 86400;

// 1 to 12, or 0. Only the first three letters count: "September" and "Sept" exist.
unsigned month_number(std::string_view word) {
  const std::string name = base::lower(word.substr(0, 3));
  const auto* at = std::ranges::find(kMonths, name);
  return at == kMonths.end() ? 0 : static_cast<unsigned>(at - kMonths.begin()) + 1;
}

struct Civil {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<std::int64_t> days_of(int year, unsigned month, unsigned day) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::optional<DateTime> moment(const Civil& c, int zone_minutes) {
  const auto days = days_of(c.year, c.month, c.day);
  if (!days || c.hour > 23 || c.minute > 59 || c.second > 60) return std::nullopt;  // 60: a leap second
  return DateTime{*days * kDay + c.hour * 3600 + c.minute * 60 + c.second - std::int64_t{zone_minutes} * 60,
                  zone_minutes};
}

// "hhmm" as minutes; the minutes must be below 60 (RFC 5322 §3.3).
std::optional<int> zone_offset(std::string_view digits) {
  const auto number = base::parse_u32(digits);
  if (digits.size() != 4 || !number || *number % 100 > 59) return std::nullopt;
  return static_cast<int>(*number / 100 * 60 + *number % 100);
}

// A number of at most `most` digits at the cursor.
std::optional<int> number(Lexer& in, std::size_t least, std::size_t most) {
  const std::string_view digits = in.until([](char c) { return !base::is_digit(c); });
  if (digits.size() < least || digits.size() > most) return std::nullopt;
  return static_cast<int>(*base::parse_u32(digits));
}

std::string_view word(Lexer& in) {
  return in.until([](char c) { return !base::is_alpha(c); });
}

// RFC 5322 §4.3: two and three digits count from 1900, and up to 49 from 2000. "1900 or later" is §3.3.
std::optional<int> year(Lexer& in) {
  const std::size_t begin = in.position();
  const auto value = number(in, 2, 4);
  if (!value) return std::nullopt;
  const std::size_t digits = in.position() - begin;
  const int full = digits == 4 ? *value : digits == 2 && *value < 50 ? *value + 2000 : *value + 1900;
  return full < 1900 ? std::nullopt : std::optional(full);
}

// RFC 5322 §4.3: the named zones. Military letters and unknown names mean an unknown zone, which is UTC.
int named_zone(std::string_view name) {
  struct Zone {
    std::string_view name;
    int hours;
  };
  static constexpr std::array kZones{Zone{"edt", -4}, Zone{"est", -5}, Zone{"cdt", -5}, Zone{"cst", -6},
                                     Zone{"mdt", -6}, Zone{"mst", -7}, Zone{"pdt", -7}, Zone{"pst", -8}};
  const auto* zone = std::ranges::find(kZones, base::lower(name), &Zone::name);
  return zone == kZones.end() ? 0 : zone->hours * 60;
}

std::optional<int> zone(Lexer& in) {
  in.skip_cfws();
  if (base::is_alpha(in.peek())) {
    const int minutes = named_zone(word(in));
    in.skip_cfws();
    if (in.peek() != '+' && in.peek() != '-') return minutes;  // "GMT+0100" goes on
  }
  const bool west = in.peek() == '-';
  if (!west && in.peek() != '+') return 0;  // no zone at all: some omit it
  in.skip();
  std::string digits(in.until([](char c) { return !base::is_digit(c); }));
  if (digits.size() == 2 && in.take(':')) digits += in.until([](char c) { return !base::is_digit(c); });
  const auto offset = zone_offset(digits);
  if (!offset) return std::nullopt;
  return west ? -*offset : *offset;
}

bool time_of_day(Lexer& in, Civil& out) {
  const auto hour = number(in, 1, 2);
  in.skip_cfws();
  if (!hour || !in.take(':')) return false;
  in.skip_cfws();
  const auto minute = number(in, 1, 2);
  if (!minute) return false;
  out.hour = *hour;
  out.minute = *minute;
  in.skip_cfws();
  if (!in.take(':')) return true;
  in.skip_cfws();
  const auto second = number(in, 1, 2);
  if (!second) return false;
  out.second = *second;
  if (in.take('.')) in.until([](char ch) { return !base::is_digit(ch); });  // parts of a second
  return true;
}

// The separators between day, month and year: white space, and a hyphen in dates that follow RFC 850.
void skip_separator(Lexer& in) {
  in.skip_cfws();
  if (in.take('-')) in.skip_cfws();
}

std::optional<unsigned> digits(std::string_view text) { return base::parse_u32(text); }

// "dd-Mon-yyyy" after the day's digits.
bool imap_month_year(std::string_view text, Civil& out) {
  if (text.size() != 9 || text[0] != '-' || text[4] != '-') return false;
  out.month = month_number(text.substr(1, 3));
  const auto y = digits(text.substr(5));
  if (!y || out.month == 0) return false;
  out.year = static_cast<int>(*y);
  return true;
}

// RFC 5322 §3.3: "2 Jan 2006 15:04:05 -0700".
std::optional<DateTime> day_first(Lexer in) {
  Civil c;
  const auto day = number(in, 1, 2);
  skip_separator(in);
  c.month = month_number(word(in));
  in.take('.');
  skip_separator(in);
  const auto y = year(in);
  in.skip_cfws();
  if (!day || c.month == 0 || !y || !time_of_day(in, c)) return std::nullopt;
  c.day = static_cast<unsigned>(*day);
  c.year = *y;
  const auto minutes = zone(in);
  return minutes ? moment(c, *minutes) : std::nullopt;
}

// "Jan 2 15:04:05 [MST] 2006" as ctime() and mbox have it, and "Jan 2, 2006 15:04:05 MST".
std::optional<DateTime> month_first(Lexer in) {
  Civil c;
  c.month = month_number(word(in));
  in.take('.');
  in.skip_cfws();
  const auto day = number(in, 1, 2);
  in.skip_cfws();
  in.take(',');
  in.skip_cfws();
  if (!day) return std::nullopt;
  c.day = static_cast<unsigned>(*day);
  Lexer ahead = in;
  std::optional<int> y;
  std::optional<int> minutes = 0;
  if (time_of_day(ahead, c)) {
    in = ahead;
    in.skip_cfws();
    if (!base::is_digit(in.peek())) minutes = zone(in);
    in.skip_cfws();
    y = year(in);
  } else {
    y = year(in);
    in.skip_cfws();
    if (!time_of_day(in, c)) return std::nullopt;
    minutes = zone(in);
  }
  if (!y || !minutes) return std::nullopt;
  c.year = *y;
  return moment(c, *minutes);
}

// "2006-01-02T15:04:05Z" and with a space (RFC 3339 §5.6), which no mail should have and some has.
std::optional<DateTime> year_first(Lexer in) {
  Civil c;
  const auto y = year(in);
  in.take('-');
  const auto month = number(in, 2, 2);
  if (!in.take('-')) return std::nullopt;
  const auto day = number(in, 2, 2);
  if (!in.take('T') && !in.take('t')) in.skip_cfws();
  if (!y || !month || !day || !time_of_day(in, c)) return std::nullopt;
  c.year = *y;
  c.month = static_cast<unsigned>(*month);
  c.day = static_cast<unsigned>(*day);
  const auto minutes = zone(in);
  return minutes ? moment(c, *minutes) : std::nullopt;
}

}  // namespace

std::optional<DateTime> parse_date(std::string_view body) {
  Lexer in(body);
  in.skip_cfws();
  Lexer ahead = in;
  if (base::is_alpha(in.peek()) && month_number(word(ahead)) == 0) {
    in = ahead;  // the day's name says nothing that the date does not
    in.take('.');
    in.skip_cfws();
    in.take(',');
    in.skip_cfws();
  }
  if (base::is_alpha(in.peek())) return month_first(in);
  ahead = in;
  if (number(ahead, 4, 4) && ahead.peek() == '-') return year_first(in);
  return day_first(in);
}

std::optional<DateTime> parse_imap_date_time(std::string_view text) {
  if (text.size() != 26 || text[11] != ' ' || text[14] != ':' || text[17] != ':' || text[20] != ' ')
    return std::nullopt;
  Civil c;
  if (!imap_month_year(text.substr(2, 9), c)) return std::nullopt;
  const auto day = digits(text[0] == ' ' ? text.substr(1, 1) : text.substr(0, 2));
  const auto hour = digits(text.substr(12, 2));
  const auto minute = digits(text.substr(15, 2));
  const auto second = digits(text.substr(18, 2));
  const auto offset = zone_offset(text.substr(22));
  if (!day || !hour || !minute || !second || !offset || (text[21] != '+' && text[21] != '-')) return std::nullopt;
  c.day = *day;
  c.hour = static_cast<int>(*hour);
  c.minute = static_cast<int>(*minute);
  c.second = static_cast<int>(*second);
  return moment(c, text[21] == '-' ? -*offset : *offset);
}

std::string format_imap_date_time(const DateTime& when) {
  // Years 0 to 9999 are what the form can say; what is outside is shown as its nearest end.
  const std::int64_t first = *days_of(0, 1, 1) * kDay;
  const std::int64_t last = (*days_of(9999, 12, 31) + 1) * kDay - 1;
  const int zone_minutes = std::clamp(when.zone_minutes, -(99 * 60 + 59), 99 * 60 + 59);
  const std::int64_t local =
      std::clamp(std::clamp(when.unix_seconds, first, last) + std::int64_t{zone_minutes} * 60, first, last);
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(local)));
  const std::chrono::year_month_day date(days);
  const std::int64_t seconds = local - std::int64_t{days.time_since_epoch().count()} * kDay;
  std::string month(kMonths[static_cast<unsigned>(date.month()) - 1]);
  month[0] = base::ascii_upper(month[0]);
  const int zone_size = std::abs(zone_minutes);
  std::array<char, 64> buffer;
  const int size =
      std::snprintf(buffer.data(), buffer.size(), "%02u-%s-%04d %02d:%02d:%02d %c%02d%02d",
                    static_cast<unsigned>(date.day()), month.c_str(), static_cast<int>(date.year()),
                    static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                    static_cast<int>(seconds % 60), zone_minutes < 0 ? '-' : '+', zone_size / 60, zone_size % 60);
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

std::optional<std::int64_t> parse_imap_date(std::string_view text) {
  const std::size_t dash = text.find('-');
  Civil c;
  if (dash == std::string_view::npos || dash == 0 || dash > 2) return std::nullopt;
  const auto day = digits(text.substr(0, dash));
  if (!day || !imap_month_year(text.substr(dash), c)) return std::nullopt;
  return days_of(c.year, c.month, *day);
}

std::int64_t local_day(const DateTime& when) {
  // The day is split off first, so that no moment overflows.
  std::int64_t rest = when.unix_seconds % kDay;
  if (rest < 0) rest += kDay;
  const std::int64_t day = (when.unix_seconds / kDay) - (when.unix_seconds % kDay < 0 ? 1 : 0);
  rest += std::int64_t{when.zone_minutes} * 60;
  return day + (rest >= 0 ? rest / kDay : -((kDay - 1 - rest) / kDay));
}

}  // namespace mime
