// Input: a message, behind a byte of options. What it decodes to must be the same before and after, part by part; what
// is said to be fit must be, and a second repair finds nothing in it; any pieces give what the whole gives.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "mime/decode.h"
#include "mime/repair.h"
#include "mime/repair_header.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

std::string decoded(const mime::Part& p, std::string_view bytes) {
  return mime::decode_transfer(bytes.substr(p.body_begin, p.end - p.body_begin), p.encoding);
}

std::string repaired(const mime::Message& m, std::string_view text, const mime::Repair::Options& options,
                     std::size_t piece, bool& complete) {
  mime::Repair repair(m, options);
  for (std::size_t at = 0; at < text.size(); at += piece) repair.look(text.substr(at, piece));
  const bool needed = repair.needed();
  complete = repair.complete();
  if (!needed) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) repair.feed(text.substr(at, piece), out);
  repair.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const mime::Repair::Options options{.keep_utf8 = (data[0] & 1) != 0, .limits = {.parts = 20, .depth = 6}};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const mime::Message before = mime::parse(text, options.limits);
  bool complete = false;
  const std::string out = repaired(before, text, options, text.size() + 1, complete);
  require(repaired(before, text, options, 1 + (data[0] >> 1), complete) == out, "pieces give something else");

  const mime::Message after = mime::parse(out, options.limits);
  require(after.parts.size() == before.parts.size(), "a part was added or lost");
  for (std::size_t i = 0; i < before.parts.size(); ++i) {
    const mime::Part& a = before.parts[i];
    const mime::Part& b = after.parts[i];
    require(a.parent == b.parent && a.type == b.type && a.subtype == b.subtype, "a part is of another kind");
    if (a.leaf()) require(decoded(a, text) == decoded(b, out), "what a part decodes to has changed");
  }
  if (complete) {
    require(!mime::has_long_line(out), "a line is too long");
    require(!mime::has_eight_bit(out), "not all is in 7 bits");
    require(repaired(after, out, options, out.size() + 1, complete) == out, "a second repair changes it again");
  }
  return 0;
}
