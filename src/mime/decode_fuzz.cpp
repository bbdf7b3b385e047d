// Input: a byte that chooses the charset and the encoding, then the text. Whatever comes out is UTF-8, folding is
// bounded.

#include <array>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "mime/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<std::string_view, 32> kCharsets{
      "",           "utf-8",        "iso-8859-1",     "iso-8859-2",
      "iso-8859-8", "windows-1252", "windows-1255",   "windows-1258",
      "koi8-r",     "gb2312",       "gb18030",        "big5",
      "euc-jp",     "euc-kr",       "euc-tw",         "iso-2022-jp",
      "shift_jis",  "iso-2022-kr",  "ks_c_5601-1987", "tis-620",
      "utf-7",      "utf-16",       "utf-16le",       "utf-16be",
      "utf-32",     "utf-32le",     "utf-32be",       "macintosh",
      "cp866",      "windows-874",  "iso-8859-16",    "nonsense"};
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char* const encoding = data[0] & 0x80 ? "base64" : data[0] & 0x40 ? "quoted-printable" : "8bit";
  const std::string bytes = mime::decode_transfer(text, encoding);
  if (bytes.size() > text.size()) std::abort();
  const std::string utf8 = mime::to_utf8(bytes, kCharsets[data[0] % kCharsets.size()]);
  if (!base::valid_utf8(utf8)) std::abort();
  if (utf8.size() > 12 * bytes.size() + 16) std::abort();
  const std::string folded = mime::fold_for_search(utf8);
  if (!base::valid_utf8(folded) || folded.size() > 18 * utf8.size()) std::abort();
  if (!base::valid_utf8(mime::fold_for_search(bytes))) std::abort();
  return 0;
}
