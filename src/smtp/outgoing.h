#pragma once
// What a client says of a message: MAIL and RCPT with the parameters that the host knows, and the content as DATA wants
// it. Pure, total, linear.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "smtp/extensions.h"
#include "smtp/host.h"

namespace smtp {

/// Whether an address can stand between the brackets of MAIL and RCPT: it cannot end the command or begin another.
bool sendable(std::string_view address);

/// `size`: of the content. `smtputf8`: the message needs it. "MAIL FROM:<…> …", without the line end.
struct MailNeeds {
  std::uint64_t size = 0;
  bool smtputf8 = false;
  BodyType body = BodyType::seven_bit;
};
std::string mail_command(const Envelope& envelope, const MailNeeds& needs, const Extensions& extensions,
                         base::WallTime now);
std::string rcpt_command(const Recipient& recipient, const Extensions& extensions);

/// Content for DATA (RFC 5321 §4.5.2): a dot in front of each line that begins with one, and the end. A bare CR or LF
/// becomes CRLF, because another server may take it for a line end, and what follows for commands.
class DotStuffer {
 public:
  void feed(std::string_view bytes, std::string& out);
  /// The end of the last line if it has none, and the dot that ends the message.
  void finish(std::string& out);

 private:
  bool line_start_ = true;
  bool held_cr_ = false;
};

}  // namespace smtp
