// Input: a byte of chunk sizes, a byte of limits, then a message. Fed in chunks it must give what it gives as a whole,
// describe the bytes truly, and show in IMAP's grammar.

#include <cstdio>
#include <cstdlib>

#include "mime/imap_form.h"
#include "mime/invariants.h"

namespace {

void require(const std::string& error) {
  if (error.empty()) return;
  std::fprintf(stderr, "%s\n", error.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  mime::Limits limits;
  if (data[1] & 1) limits = {.parts = 4, .depth = 3, .header_bytes = 100, .fields = 5, .kept_bytes = 50};
  const mime::Message whole = mime::parse(bytes, limits);

  mime::Parser parser(limits);
  std::size_t step = data[0];
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = step % 11 + 1;
    parser.feed(bytes.substr(at, length));
    at += length;
    step = step * 31 + 7;
  }
  if (!(parser.finish() == whole)) require("chunked and whole differ");

  require(mime::check_message(whole, bytes, limits));
  require(mime::check_imap_body(mime::imap_body(whole, false), false));
  require(mime::check_imap_body(mime::imap_body(whole, true), true));
  for (const mime::EnvelopeFields& fields : whole.envelopes) {
    require(mime::check_imap_envelope(mime::imap_envelope(fields)));
  }
  return 0;
}
