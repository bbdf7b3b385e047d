// The framers give the same however their input is cut, keep within their bounds, and never let a CR or LF through that
// is not part of a CRLF.

#include <cstdlib>
#include <vector>

#include "smtp/framer.h"

namespace {

using smtp::Content;

void expect(bool condition) {
  if (!condition) std::abort();
}

struct Result {
  std::string content;
  std::size_t used = 0;
  bool bare = false, nul = false, done = false;
  friend bool operator==(const Result&, const Result&) = default;
};

Result decode(std::string_view input, Content::Form form, Content::BareEnds ends, std::size_t piece) {
  Content content(form, ends);
  Result result;
  while (result.used < input.size() && !content.done()) {
    std::size_t used = 0;
    result.content += content.next(input.substr(result.used, piece), used);
    expect(used > 0);
    result.used += used;
  }
  result.done = content.done();
  if (form == Content::Form::counted) result.content += content.end();
  result.bare = content.bare();
  result.nul = content.nul();
  return result;
}

void check_content(std::string_view input, std::size_t piece) {
  const Result kept = decode(input, Content::Form::counted, Content::BareEnds::keep, piece);
  expect(kept.content == input && !kept.bare && !kept.nul);
  for (const auto form : {Content::Form::dotted, Content::Form::counted}) {
    for (const auto ends : {Content::BareEnds::refuse, Content::BareEnds::convert}) {
      const Result whole = decode(input, form, ends, SIZE_MAX);
      expect(whole == decode(input, form, ends, piece));
      if (form == Content::Form::counted) expect(whole.used == input.size());
      if (whole.bare || (form == Content::Form::dotted && !whole.done)) continue;
      for (std::size_t i = 0; i < whole.content.size(); ++i) {
        if (whole.content[i] == '\n') expect(i > 0 && whole.content[i - 1] == '\r');
        if (whole.content[i] == '\r') expect(i + 1 < whole.content.size() && whole.content[i + 1] == '\n');
      }
    }
  }
}

std::vector<std::string> lines(std::string_view input, std::size_t limit, std::size_t piece) {
  smtp::LineFramer framer(limit);
  std::string buffer;
  std::vector<std::string> out;
  while (true) {
    std::size_t used = 0;
    const auto line = framer.next(buffer, used);
    if (line) {
      expect(used > 0 && line->text.size() < limit);
      out.push_back(std::to_string(static_cast<int>(line->end)) + std::string(line->text));
    }
    buffer.erase(0, used);
    if (line) continue;
    expect(buffer.size() < limit);
    if (input.empty()) return out;
    buffer += input.substr(0, piece);
    input.remove_prefix(std::min(piece, input.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 16;
  const std::size_t limit = 2 + data[1] % 32;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  check_content(input, piece);
  expect(lines(input, limit, piece) == lines(input, limit, SIZE_MAX));
  return 0;
}
