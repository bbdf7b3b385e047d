// Input: a date in any of the forms. What is taken must come back from its own form.

#include <cstdint>
#include <cstdlib>

#include "mime/date.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](const mime::DateTime& when) {
    const auto again = mime::parse_imap_date_time(mime::format_imap_date_time(when));
    if (!again || !(*again == when)) std::abort();
    mime::local_day(when);
  };
  if (const auto when = mime::parse_date(text)) check(*when);
  // At the ends of what the form can say, a zone may lead out of it.
  if (const auto when = mime::parse_imap_date_time(text)) {
    if (mime::format_imap_date_time(*when).size() != 26) std::abort();
    mime::local_day(*when);
  }
  mime::parse_imap_date(text);
  return 0;
}
