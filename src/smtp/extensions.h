#pragma once
// What a host says in its answer to EHLO or LHLO that it can do (RFC 5321 §4.1.1.1). Pure, total, linear. What is
// unknown is passed over, a parameter that is not well-formed is as good as none.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "smtp/answer.h"

namespace smtp {

struct Extensions {
  bool esmtp = false;                // EHLO was taken
  bool pipelining = false;           // RFC 2920
  bool eight_bit_mime = false;       // RFC 6152
  bool chunking = false;             // RFC 3030
  bool binary_mime = false;          // RFC 3030
  bool smtputf8 = false;             // RFC 6531
  bool dsn = false;                  // RFC 3461
  bool starttls = false;             // RFC 3207
  bool require_tls = false;          // RFC 8689
  bool mt_priority = false;          // RFC 6710
  bool size = false;                 // RFC 1870
  std::uint64_t max_size = 0;        // bytes; 0: no fixed maximum is known
  bool deliver_by = false;           // RFC 2852
  std::chrono::seconds min_by{};     // its least time; 0: none
  std::vector<std::string> auth;     // RFC 4954: mechanisms
  std::uint64_t max_recipients = 0;  // RFC 9422 RCPTMAX; 0: not said
  std::uint64_t max_messages = 0;    // RFC 9422 MAILMAX
};

/// Of a positive answer.
Extensions parse_extensions(const Answer& answer);

/// The name that the host gives itself in its first line; "".
std::string greeting_name(const Answer& answer);

}  // namespace smtp
