#pragma once
// Request and Response of HTTP/1.x (RFC 9110, RFC 9112) as values, and the bytes of a response. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace http {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // as sent: methods are case-sensitive
  std::string path;    // of the target, not decoded: "/metrics"
  std::string query;   // behind the "?", not decoded
  int minor = 1;       // HTTP/1.minor
  bool keep_alive = true;
  Fields fields;
  std::string body;

  /// The first field of that name in any case; "" when there is none.
  std::string_view field(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  Fields fields;  // beside those that write() adds

  /// A sentence for the status, as text.
  static Response plain(unsigned status);
};

/// RFC 9110 §15: "Not Found".
std::string_view reason(unsigned status);

/// RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(base::WallTime time);

struct Framing {
  bool head = false;   // of a HEAD request: everything but the body
  bool close = false;  // the connection ends with this response
};
/// Status line, fields and body as they go out.
std::string wire(const Response& response, Framing framing, base::WallTime now);

}  // namespace http
