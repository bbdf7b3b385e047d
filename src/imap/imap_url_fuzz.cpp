// The parser of URLs: total on any text; what it accepts names a message of a mailbox, and its parts are within it.

#include "imap/imap_url.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = imap::parse_imap_url(text);
  if (!url) {
    if (url.error().text.empty()) std::abort();
    return 0;
  }
  if (url->mailbox.empty() || !base::valid_utf8(url->mailbox) || url->mailbox.find('\0') != std::string::npos) {
    std::abort();
  }
  if (url->uid == 0 || url->uid_validity == 0u || url->rump > text.size()) std::abort();
  if (url->token.empty() != url->mechanism.empty()) std::abort();
  if (!url->token.empty()) {
    // RFC 4467 §6: cutting it off is all that makes the rump, which is a URL as well.
    if (text.substr(url->rump) != ":" + url->mechanism + ":" + url->token) std::abort();
    const auto rump = imap::parse_imap_url(text.substr(0, url->rump));
    if (!rump || rump->mailbox != url->mailbox || rump->uid != url->uid || !rump->access) std::abort();
  }
  return 0;
}
