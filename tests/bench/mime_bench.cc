// Our parser on one message, as delivery feeds it: in chunks of 64 KiB.

#include <algorithm>
#include <string_view>

#include "mime/message.h"
#include "mime_clock.h"

namespace {

std::size_t parse(std::string_view message) {
  mime::Parser parser({.parts = 200'000});
  for (std::size_t at = 0; at < message.size(); at += 65536) parser.feed(message.substr(at, 65536));
  return parser.finish().parts.size();
}

}  // namespace

int main(int argc, char** argv) { return run_mime_bench(argc, argv, parse); }
