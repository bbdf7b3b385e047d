#include "http/message.h"

#include <ctime>

#include <fmt/format.h>

#include "base/text.h"

namespace http {

std::string_view Request::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (base::iequals(key, name)) return value;
  }
  return {};
}

Response Response::plain(unsigned status) {
  Response response{.status = status};
  response.body = std::string(reason(status)) + "\n";
  return response;
}

std::string_view reason(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";  // lint: words of a reply
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Other";
  }
}

std::string http_date(base::WallTime time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = base::unix_seconds(time);
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[tm.tm_wday], tm.tm_mday, kMonths[tm.tm_mon],
                     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::string wire(const Response& response, Framing framing, base::WallTime now) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Length: {}\r\n", response.status,
                                reason(response.status), http_date(now), response.body.size());
  if (!response.body.empty()) out += "Content-Type: " + response.content_type + "\r\n";
  for (const auto& [key, value] : response.fields) out += key + ": " + value + "\r\n";
  if (framing.close) out += "Connection: close\r\n";
  out += "\r\n";
  if (!framing.head) out += response.body;
  return out;
}

}  // namespace http
