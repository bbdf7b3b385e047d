// However the bytes of a request are cut, the same comes out, within the limits.

#include <cstdlib>
#include <string>

#include "http/parser.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

std::string outcome(std::string_view input, std::size_t piece) {
  const http::Limits limits{.header_bytes = 512, .body_bytes = 256};
  http::RequestParser parser(limits);
  std::string buffer;
  while (true) {
    const auto step = parser.next(buffer);
    expect(step.taken <= buffer.size());
    buffer.erase(0, step.taken);
    if (step.event == http::RequestParser::Event::refused) return "refused " + std::to_string(parser.status());
    if (step.event == http::RequestParser::Event::request) break;
    if (step.event == http::RequestParser::Event::more) {
      expect(buffer.size() <= limits.header_bytes + limits.body_bytes);
      if (input.empty()) return "more";
      buffer += input.substr(0, piece);
      input.remove_prefix(std::min(piece, input.size()));
    }
  }
  const http::Request request = parser.take();
  expect(request.body.size() <= limits.body_bytes);
  std::string text = request.method + " " + request.path + "?" + request.query + " " + request.body;
  for (const auto& [key, value] : request.fields) text += "\n" + key + ": " + value;
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 1 || size > 4096) return 0;
  const std::size_t piece = 1 + data[0] % 32;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = outcome(input, 256);
  const std::string pieces = outcome(input, piece);
  // What is wrong may be seen at the first look or only when the header is whole, and as this or as that.
  const auto failed = [](std::string_view outcome) { return outcome == "more" || outcome.starts_with("refused"); };
  expect(whole == pieces || (failed(whole) && failed(pieces)));
  return 0;
}
