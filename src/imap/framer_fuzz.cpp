// Framer: total, bounded, and the same however the bytes come.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "imap/framer.h"

namespace {

using Event = imap::Framer::Event;

std::string told(std::string_view input, std::size_t piece) {
  imap::Framer framer({.command_bytes = 64, .skipped_bytes = 256});
  std::string out;
  std::string message;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    std::string_view rest = input.substr(at, piece);
    while (true) {
      const auto step = framer.next(rest);
      rest.remove_prefix(step.taken);
      if (framer.text().size() > 64) std::abort();
      if (step.event == Event::more) {
        if (!rest.empty()) std::abort();
        break;
      }
      if (step.event == Event::chunk) {
        message += framer.chunk();
        continue;
      }
      out += static_cast<char>('0' + static_cast<int>(step.event));
      if (step.event == Event::hopeless) return out;
      out += framer.text();
      out += message;
      message.clear();
      if (step.event == Event::message) {
        if (framer.literal().size % 3 == 0) {
          framer.refuse();
        } else {
          framer.accept();
        }
      }
      if (step.event == Event::command && framer.text().ends_with("IDLE")) framer.expect_line();
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string whole = told(input, size + 1);
  if (told(input, 1) != whole || told(input, 7) != whole) std::abort();
  return 0;
}
