#include "mime/charset_names.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace mime {
namespace {

using Kind = Charset::Kind;

struct Alias {
  std::string_view name;  // lower case, without "x-"
  Kind kind;
  std::string_view iconv;  // as glibc says it
};

// Names that glibc does not know, and names that mean more than they say. A superset stands where mail is seen to use
// its characters under the smaller name (WHATWG Encoding §4.2 has the same); it reads all that the smaller one has:
//   iso-8859-1 → windows-1252    quotes and dashes typed in Windows; the C1 controls that they hide are never meant
//   iso-8859-9 → windows-1254    the same in Turkish
//   iso-8859-11, tis-620 → windows-874   the same in Thai
//   gb2312, gbk → gb18030        every program writes names with rarer characters under the old name
//   ks_c_5601, euc-kr → cp949    Outlook declares the former and writes the latter
//   shift_jis → cp932, euc-jp → eucJP-ms, iso-2022-jp likewise   circled numbers and the like of NEC and IBM
//   big5 → big5-hkscs            Hong Kong's characters
constexpr std::array kAliases{
    Alias{"utf-8", Kind::utf8, {}},
    Alias{"utf8", Kind::utf8, {}},
    Alias{"utf-8n", Kind::utf8, {}},
    Alias{"utf8mb4", Kind::utf8, {}},
    Alias{"unicode-1-1-utf-8", Kind::utf8, {}},
    Alias{"unicode-2-0-utf-8", Kind::utf8, {}},
    // RFC 2045 §5.2 makes us-ascii the default, and so it says nothing about bytes above 127.
    Alias{"us-ascii", Kind::guess, {}},
    Alias{"ascii", Kind::guess, {}},
    Alias{"us", Kind::guess, {}},
    Alias{"ansi_x3.4-1968", Kind::guess, {}},
    Alias{"iso-ir-6", Kind::guess, {}},
    Alias{"iso646-us", Kind::guess, {}},
    Alias{"csascii", Kind::guess, {}},
    Alias{"latin1", Kind::windows1252, {}},
    Alias{"latin-1", Kind::windows1252, {}},
    Alias{"l1", Kind::windows1252, {}},
    Alias{"iso-ir-100", Kind::windows1252, {}},
    Alias{"csisolatin1", Kind::windows1252, {}},
    Alias{"ansi", Kind::windows1252, {}},
    Alias{"latin2", Kind::iconv, "ISO-8859-2"},
    Alias{"latin-2", Kind::iconv, "ISO-8859-2"},
    Alias{"latin5", Kind::iconv, "CP1254"},
    Alias{"latin9", Kind::iconv, "ISO-8859-15"},
    Alias{"latin-9", Kind::iconv, "ISO-8859-15"},
    Alias{"latin0", Kind::iconv, "ISO-8859-15"},
    Alias{"logical", Kind::iconv, "ISO-8859-8"},
    Alias{"visual", Kind::iconv, "ISO-8859-8"},
    Alias{"tis-620", Kind::iconv, "CP874"},
    Alias{"tis620", Kind::iconv, "CP874"},
    Alias{"koi", Kind::iconv, "KOI8-R"},
    Alias{"koi8", Kind::iconv, "KOI8-R"},
    Alias{"koi8r", Kind::iconv, "KOI8-R"},
    Alias{"koi8u", Kind::iconv, "KOI8-U"},
    Alias{"gb2312", Kind::iconv, "GB18030"},
    Alias{"gb_2312", Kind::iconv, "GB18030"},
    Alias{"gb-2312", Kind::iconv, "GB18030"},
    Alias{"gb_2312-80", Kind::iconv, "GB18030"},
    Alias{"gb2312-80", Kind::iconv, "GB18030"},
    Alias{"gb2312.1980-0", Kind::iconv, "GB18030"},
    Alias{"csgb2312", Kind::iconv, "GB18030"},
    Alias{"chinese", Kind::iconv, "GB18030"},
    Alias{"iso-ir-58", Kind::iconv, "GB18030"},
    Alias{"csiso58gb231280", Kind::iconv, "GB18030"},
    Alias{"cn-gb", Kind::iconv, "GB18030"},
    Alias{"euc-cn", Kind::iconv, "GB18030"},
    Alias{"euccn", Kind::iconv, "GB18030"},
    Alias{"gbk", Kind::iconv, "GB18030"},
    Alias{"gb18030", Kind::iconv, "GB18030"},
    Alias{"hz", Kind::hz, "GB18030"},
    Alias{"hz-gb-2312", Kind::hz, "GB18030"},
    Alias{"big5", Kind::iconv, "BIG5-HKSCS"},
    Alias{"big-5", Kind::iconv, "BIG5-HKSCS"},
    Alias{"x-big5", Kind::iconv, "BIG5-HKSCS"},
    Alias{"cn-big5", Kind::iconv, "BIG5-HKSCS"},
    Alias{"csbig5", Kind::iconv, "BIG5-HKSCS"},
    Alias{"big5_hkscs", Kind::iconv, "BIG5-HKSCS"},
    Alias{"euc-kr", Kind::iconv, "CP949"},
    Alias{"euckr", Kind::iconv, "CP949"},
    Alias{"cseuckr", Kind::iconv, "CP949"},
    Alias{"ks_c_5601", Kind::iconv, "CP949"},
    Alias{"ks_c_5601-1987", Kind::iconv, "CP949"},
    Alias{"ks_c_5601-1989", Kind::iconv, "CP949"},
    Alias{"ksc5601", Kind::iconv, "CP949"},
    Alias{"ksc_5601", Kind::iconv, "CP949"},
    Alias{"ks_x_1001", Kind::iconv, "CP949"},
    Alias{"ksc5601-1987", Kind::iconv, "CP949"},
    Alias{"csksc56011987", Kind::iconv, "CP949"},
    Alias{"korean", Kind::iconv, "CP949"},
    Alias{"iso-ir-149", Kind::iconv, "CP949"},
    Alias{"uhc", Kind::iconv, "CP949"},
    Alias{"shift_jis", Kind::iconv, "CP932"},
    Alias{"shift-jis", Kind::iconv, "CP932"},
    Alias{"shiftjis", Kind::iconv, "CP932"},
    Alias{"sjis", Kind::iconv, "CP932"},
    Alias{"sjis-win", Kind::iconv, "CP932"},
    Alias{"ms_kanji", Kind::iconv, "CP932"},
    Alias{"csshiftjis", Kind::iconv, "CP932"},
    Alias{"windows-31j", Kind::iconv, "CP932"},
    Alias{"cswindows31j", Kind::iconv, "CP932"},
    Alias{"euc-jp", Kind::iconv, "EUC-JP-MS"},
    Alias{"eucjp", Kind::iconv, "EUC-JP-MS"},
    Alias{"euc", Kind::iconv, "EUC-JP-MS"},
    Alias{"ujis", Kind::iconv, "EUC-JP-MS"},
    Alias{"cseucpkdfmtjapanese", Kind::iconv, "EUC-JP-MS"},
    Alias{"iso-2022-jp", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"iso2022-jp", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"iso2022jp", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"csiso2022jp", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"iso-2022-jp-1", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"iso-2022-jp-ms", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"cp50220", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"jis", Kind::iso_2022_jp, "EUC-JP-MS"},
    // glibc's own has ended processes by an assertion.
    Alias{"iso-2022-jp-3", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"iso2022jp3", Kind::iso_2022_jp, "EUC-JP-MS"},
    Alias{"csiso2022jp3", Kind::iso_2022_jp, "EUC-JP-MS"},
    // glibc's converter for the extension has written past its end.
    Alias{"iso-2022-cn-ext", Kind::iconv, "ISO-2022-CN"},
    Alias{"iso2022cnext", Kind::iconv, "ISO-2022-CN"},
    // Not charsets, but the C library's memory: they take unchecked integers of this machine.
    Alias{"internal", Kind::guess, {}},
    Alias{"wchar_t", Kind::guess, {}},
    Alias{"unicode", Kind::iconv, "UTF-16"},
    Alias{"utf16", Kind::iconv, "UTF-16"},
    Alias{"unicode-1-1-utf-7", Kind::iconv, "UTF-7"},
    Alias{"unicode-2-0-utf-7", Kind::iconv, "UTF-7"},
    Alias{"utf7", Kind::iconv, "UTF-7"},
    Alias{"mac", Kind::iconv, "MACINTOSH"},
    Alias{"mac-roman", Kind::iconv, "MACINTOSH"},
    Alias{"macroman", Kind::iconv, "MACINTOSH"},
    Alias{"mac-ce", Kind::iconv, "MAC-CENTRALEUROPE"},
    Alias{"mac-ukrainian", Kind::iconv, "MAC-UK"},
};

// ISO-8859-n in all its spellings: iso-8859-15, iso8859_15, 8859-15, iso_8859-8-i, iso-8859-1:1987.
std::optional<std::uint32_t> iso_8859(std::string_view name) {
  if (name.starts_with("iso")) name.remove_prefix(3);
  while (!name.empty() && std::string_view("-_ ").contains(name.front())) name.remove_prefix(1);
  if (!name.starts_with("8859")) return std::nullopt;
  name.remove_prefix(4);
  while (!name.empty() && std::string_view("-_ ").contains(name.front())) name.remove_prefix(1);
  const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  const std::string_view rest = name.substr(digits);
  if (!rest.empty() && !rest.starts_with(':') && rest != "-i" && rest != "-e") return std::nullopt;
  return base::parse_u32(name.substr(0, digits));
}

// Windows' and IBM's code pages in all their spellings: windows-1252, cp-850, ibm437, win1251, ms936.
std::optional<std::uint32_t> code_page(std::string_view name) {
  for (const std::string_view prefix : {"windows", "win", "cp", "ibm", "ms", "dos"}) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    while (!name.empty() && std::string_view("-_ ").contains(name.front())) name.remove_prefix(1);
    return base::parse_u32(name);
  }
  return std::nullopt;
}

Charset from_iconv(std::string name) { return {Kind::iconv, std::move(name)}; }

Charset of_iso_8859(std::uint32_t number) {
  if (number == 1) return {Kind::windows1252, {}};
  if (number == 9) return from_iconv("CP1254");
  if (number == 11) return from_iconv("CP874");
  return from_iconv("ISO-8859-" + std::to_string(number));
}

Charset of_code_page(std::uint32_t number) {
  switch (number) {
    case 367:
    case 20127:
      return {};
    case 819:
    case 1252:
    case 28591:
      return {Kind::windows1252, {}};
    case 65000:
      return from_iconv("UTF-7");
    case 65001:
      return {Kind::utf8, {}};
    case 932:
      return from_iconv("CP932");
    case 936:
    case 20936:
    case 54936:
      return from_iconv("GB18030");
    case 949:
    case 51949:
      return from_iconv("CP949");
    case 950:
      return from_iconv("BIG5-HKSCS");
    case 10000:
      return from_iconv("MACINTOSH");
    case 20866:
      return from_iconv("KOI8-R");
    case 21866:
      return from_iconv("KOI8-U");
    case 20932:
    case 51932:
      return from_iconv("EUC-JP-MS");
    case 50220:
    case 50221:
    case 50222:
      return {Kind::iso_2022_jp, "EUC-JP-MS"};
    default:
      if (number > 28591 && number <= 28606) return of_iso_8859(number - 28590);
      return from_iconv("CP" + std::to_string(number));
  }
}

// What iconv_open() may be asked for: no slash, which begins its own options, and nothing that is no name.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return base::is_alpha(c) || base::is_digit(c) || std::string_view("-_.:+()").contains(c);
  });
}

}  // namespace

Charset find_charset(std::string_view label) {
  label = base::trim(label);
  while (!label.empty() && (label.front() == '"' || label.front() == '\'')) label.remove_prefix(1);
  while (!label.empty() && (label.back() == '"' || label.back() == '\'')) label.remove_suffix(1);
  if (label.empty() || label.size() > 40) return {};
  const std::string lower = base::lower(label);
  std::string_view name = lower;
  if (name.starts_with("x-")) name.remove_prefix(2);
  const auto alias = std::ranges::find(kAliases, name, &Alias::name);
  if (alias != kAliases.end()) return {alias->kind, std::string(alias->iconv)};
  if (const auto number = iso_8859(name)) return of_iso_8859(*number);
  if (const auto number = code_page(name)) return of_code_page(*number);
  return is_name(name) ? from_iconv(base::upper(name)) : Charset{};
}

}  // namespace mime
