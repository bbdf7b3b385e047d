// Replies of a host are the same however they are cut, keep their bounds, and what is told of them is printable.

#include <algorithm>
#include <cstdlib>

#include "smtp/answer.h"
#include "smtp/extensions.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

std::string replay(std::string_view input, std::size_t piece) {
  smtp::AnswerParser parser;
  std::string told;
  while (!input.empty()) {
    std::size_t used = 0;
    const std::string_view part = input.substr(0, piece);
    const auto state = parser.feed(part, used);
    expect(used > 0 && used <= part.size());
    input.remove_prefix(used);
    if (state == smtp::AnswerParser::State::broken) return told + "broken: " + parser.why();
    if (state == smtp::AnswerParser::State::more) continue;
    const smtp::Answer answer = parser.take();
    expect(answer.code >= 200 && answer.code <= 599 && !answer.lines.empty());
    expect(answer.lines.size() <= smtp::AnswerParser::kMaxLines);
    const std::string text = answer.text();
    expect(std::ranges::all_of(text, [](char c) { return c != '\r' && c != '\n' && c != '\0'; }));
    const smtp::Extensions extensions = smtp::parse_extensions(answer);
    told += text + "|" + answer.status + "|" + std::to_string(extensions.auth.size()) + "\n";
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  expect(replay(input, SIZE_MAX) == replay(input, 1U + data[0] % 16));
  return 0;
}
