#pragma once
// Header blocks made fit for every transport (private to mime; repair.h has the whole): 8-bit text becomes encoded
// words (RFC 2047) or RFC 2231 parameters, over-long lines are folded (RFC 5322 §2.1.1, §2.2.3), and what a re-encoded
// body needs is set. What cannot be changed without changing its meaning stays: addresses that need UTF-8 themselves,
// dates, ids, trace. Pure, total, linear.

#include <optional>
#include <string>
#include <string_view>

namespace mime {

/// What of a header block decides how its body is treated.
struct HeaderFacts {
  std::string type = "text";
  std::string subtype = "plain";
  std::string charset;            // declared, or ""
  std::string encoding = "7bit";  // lower case
  bool is_signed = false;         // DKIM-Signature, ARC-Seal: a change would break it
  bool odd = false;               // more fields than are looked at, or a boundary that is not ASCII
};
HeaderFacts look_at_header(std::string_view block, std::size_t max_fields);

struct HeaderEdit {
  bool is_message = false;                             // not that of a part
  bool keep_utf8 = false;                              // UTF-8 may stand in it as it is (RFC 6532)
  std::optional<std::string> encoding = std::nullopt;  // the new Content-Transfer-Encoding
  std::optional<std::string> charset = std::nullopt;   // the new charset
};
std::string edit_header(std::string_view block, const HeaderEdit& edit);

bool has_eight_bit(std::string_view text);
/// Whether some line, without its end, has more than 998 bytes.
bool has_long_line(std::string_view text);

}  // namespace mime
