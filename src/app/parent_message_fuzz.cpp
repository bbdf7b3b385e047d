// What the privileged parent reads from a server that may be in somebody else's hands: any bytes are a message or none,
// and what is one is written back as the same bytes.
#include <cstdlib>

#include "app/parent_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = app::parse_request(text)) {
    if (app::encode(*request) != text || request->text.empty() || request->text.size() > app::kMaxMessage) std::abort();
  }
  std::optional<base::Error> reply;
  if (app::parse_reply(text, reply) && app::encode(reply) != text) std::abort();
  return 0;
}
