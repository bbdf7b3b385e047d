// Reports of others, as JSON or gzip of any bytes: a value or an error; what was read is written and read again the
// same.

#include <cstdlib>

#include "outbound/tls_report.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto report = outbound::parse_report({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  const std::string once = outbound::report_json(*report);
  const auto again = outbound::parse_report(once);
  if (!again || outbound::report_json(*again) != once) std::abort();
  return 0;
}
