// Input: a byte of chunk sizes, a byte of limits, then a message. Fed in chunks it must give what it gives as a whole,
// describe the bytes truly, and show in IMAP's grammar. Its texts are UTF-8, and its preview short.

#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "mime/header.h"
#include "mime/imap_form.h"
#include "mime/invariants.h"
#include "mime/text.h"
#include "mime/utf8.h"

namespace {

void require(const std::string& error) {
  if (error.empty()) return;
  std::fprintf(stderr, "%s\n", error.c_str());
  std::abort();
}

void check_texts(const mime::Message& message, std::string_view bytes, std::size_t step) {
  for (const mime::Part& part : message.parts) {
    if (!mime::has_text(part)) continue;
    const std::string_view body = bytes.substr(part.body_begin, part.end - part.body_begin);
    mime::PartText whole(message, part);
    std::string text;
    whole.feed(body, text);
    whole.finish(text);
    require(base::valid_utf8(text) ? "" : "a text is no UTF-8");
    mime::PartText pieces(message, part);
    std::string again;
    for (std::size_t at = 0; at < body.size(); at += step) pieces.feed(body.substr(at, step), again);
    pieces.finish(again);
    require(again == text || text.contains("\ufffd") ? "" : "the text in pieces is another one");
  }
  const std::string preview = mime::preview(message, bytes);
  std::size_t characters = 0;
  for (std::size_t at = 0; at < preview.size(); ++characters) mime::next_utf8(preview, at);
  require(base::valid_utf8(preview) && characters <= mime::kPreviewCharacters ? "" : "the preview is wrong");
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
  check_texts(whole, bytes, data[0] % 50 + 1);
  const auto fields = mime::fields(bytes);
  for (const mime::Field& field : fields) {
    require(base::valid_utf8(mime::decode_text(field.body, mime::likely_charset(fields))) ? "" : "a field is no UTF-8");
  }
  return 0;
}
