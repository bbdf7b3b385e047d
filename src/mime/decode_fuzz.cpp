// Input: a byte of encoding, a byte of chunk sizes, the name of a charset up to a line end, then the text. Whatever
// comes out is UTF-8 and bounded; and what is not broken is the same for the whole as for pieces.

#include <array>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "mime/casemap.h"
#include "mime/charset.h"
#include "mime/decode.h"

namespace {

template <class Decoder>
std::string in_pieces(Decoder decoder, std::string_view bytes, std::size_t step) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = step % 13 + 1;
    decoder.feed(bytes.substr(at, length), out);
    at += length;
    step = step * 31 + 7;
  }
  decoder.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<std::string_view, 4> kEncodings{"8bit", "base64", "quoted-printable", "x-uuencode"};
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t line_end = rest.find('\n');
  if (line_end == std::string_view::npos) return 0;
  const std::string_view charset = rest.substr(0, line_end);
  const std::string_view text = rest.substr(line_end + 1);
  const std::string_view encoding = kEncodings[data[0] % kEncodings.size()];

  const std::string bytes = mime::decode_transfer(text, encoding);
  if (bytes.size() > text.size()) std::abort();
  if (in_pieces(mime::TransferDecoder(encoding), text, data[1]) != bytes) std::abort();

  const std::string utf8 = mime::to_utf8(bytes, charset);
  if (!base::valid_utf8(utf8)) std::abort();
  if (utf8.size() > 16 * bytes.size() + 16) std::abort();
  const std::string again = in_pieces(mime::CharsetDecoder(charset), bytes, data[1]);
  if (!base::valid_utf8(again)) std::abort();
  if (again != utf8 && !utf8.contains("\ufffd")) std::abort();  // what is broken may break elsewhere

  const std::string folded = mime::unicode_casemap(utf8);
  if (!base::valid_utf8(folded) || folded.size() > 18 * utf8.size()) std::abort();
  if (!base::valid_utf8(mime::unicode_casemap(bytes))) std::abort();
  return 0;
}
