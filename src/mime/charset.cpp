// Charsets: to_utf8() of decode.h, by iconv(3) for a fixed list of charsets. The list, and not whatever the C library
// has, decides what untrusted names can load: some of its rarer converters have had endless loops.

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "mime/decode.h"
#include "mime/utf8.h"

namespace mime {
namespace {

enum class Kind { unknown, utf8, latin1, other };

struct Alias {
  std::string_view name;   // lower case, as mail says it
  std::string_view iconv;  // as glibc says it
};

// Names that glibc knows by another word, or that mean a superset in practice (WHATWG Encoding §4.2 has the same).
constexpr std::array kAliases{
    Alias{"big5", "BIG5-HKSCS"},
    Alias{"big5-hkscs", "BIG5-HKSCS"},
    Alias{"cp1250", "CP1250"},
    Alias{"cp1251", "CP1251"},
    Alias{"cp1252", "CP1252"},
    Alias{"cp437", "CP437"},
    Alias{"cp850", "CP850"},
    Alias{"cp852", "CP852"},
    Alias{"cp866", "CP866"},
    Alias{"cp874", "CP874"},
    Alias{"cp932", "CP932"},
    Alias{"cp936", "GB18030"},
    Alias{"cp949", "CP949"},
    Alias{"cp950", "BIG5-HKSCS"},
    Alias{"euc-cn", "GB18030"},
    Alias{"euc-jp", "EUC-JP"},
    Alias{"euc-kr", "CP949"},
    Alias{"euc-tw", "EUC-TW"},
    Alias{"gb18030", "GB18030"},
    Alias{"gb2312", "GB18030"},
    Alias{"gbk", "GB18030"},
    Alias{"ibm437", "CP437"},
    Alias{"ibm850", "CP850"},
    Alias{"ibm852", "CP852"},
    Alias{"ibm866", "CP866"},
    Alias{"iso-2022-jp", "ISO-2022-JP-2"},
    Alias{"iso-2022-jp-2", "ISO-2022-JP-2"},
    Alias{"iso-2022-kr", "ISO-2022-KR"},
    Alias{"koi8-r", "KOI8-R"},
    Alias{"koi8-u", "KOI8-U"},
    Alias{"ks_c_5601-1987", "CP949"},
    Alias{"macintosh", "MACINTOSH"},
    Alias{"shift-jis", "CP932"},
    Alias{"shift_jis", "CP932"},
    Alias{"sjis", "CP932"},
    Alias{"tis-620", "TIS-620"},
    Alias{"utf-16", "UTF-16"},
    Alias{"utf-16be", "UTF-16BE"},
    Alias{"utf-16le", "UTF-16LE"},
    Alias{"utf-32", "UTF-32"},
    Alias{"utf-32be", "UTF-32BE"},
    Alias{"utf-32le", "UTF-32LE"},
    Alias{"utf-7", "UTF-7"},
    Alias{"windows-874", "CP874"},
    Alias{"x-sjis", "CP932"},
};

// The families that number their members: ISO-8859-1 to -16 and windows-1250 to -1258.
std::string family_member(std::string_view name) {
  auto member = [&](std::string_view prefix, std::uint32_t from, std::uint32_t to) -> std::uint32_t {
    if (!name.starts_with(prefix)) return 0;
    const auto number = base::parse_u32(name.substr(prefix.size()));
    return number && *number >= from && *number <= to ? *number : 0;
  };
  for (const std::string_view prefix : {"iso-8859-", "iso8859-", "iso_8859-"}) {
    const std::uint32_t number = member(prefix, 2, 16);
    if (number && number != 12) return "ISO-8859-" + std::to_string(number);
  }
  for (const std::string_view prefix : {"windows-", "x-cp", "cp"}) {
    if (const std::uint32_t number = member(prefix, 1250, 1258)) return "CP" + std::to_string(number);
  }
  return {};
}

Kind classify(std::string_view charset, std::string& iconv_name) {
  const std::string name = base::lower(base::trim(charset).substr(0, 40));
  if (name == "utf-8" || name == "utf8") return Kind::utf8;
  // RFC 2045 §5.2 makes us-ascii the default, and so it says nothing about bytes above 127.
  if (name.empty() || name == "us-ascii" || name == "ascii") return Kind::unknown;
  if (name == "iso-8859-1" || name == "iso8859-1" || name == "latin1" || name == "iso_8859-1") return Kind::latin1;
  const auto alias = std::ranges::find(kAliases, name, &Alias::name);
  iconv_name = alias != kAliases.end() ? std::string(alias->iconv) : family_member(name);
  return iconv_name.empty() ? Kind::unknown : Kind::other;
}

std::string from_latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

class Converter {
 public:
  explicit Converter(const std::string& charset) : handle_(iconv_open("UTF-8", charset.c_str())) {}
  ~Converter() {
    if (valid()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  // iconv_open's failure is (iconv_t)-1.
  bool valid() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }

  std::string convert(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 2);
    char* in = const_cast<char*>(text.data());  // iconv's type says that it may write there; it does not
    std::size_t left = text.size();
    while (left > 0) {
      const std::size_t before = left;
      const int error = step(in, left, out);
      if ((error == 0 || error == E2BIG) && left < before) continue;
      // No character begins here (EILSEQ), or it is cut off by the end (EINVAL).
      append_utf8(out, kReplacement);
      ++in;
      --left;
    }
    step_end(out);
    return out;
  }

 private:
  int step(char*& in, std::size_t& left, std::string& out) {
    std::array<char, 4096> buffer;
    char* to = buffer.data();
    std::size_t room = buffer.size();
    const std::size_t result = iconv(handle_, &in, &left, &to, &room);
    const int error = result == static_cast<std::size_t>(-1) ? errno : 0;
    out.append(buffer.data(), buffer.size() - room);
    return error;
  }

  // Some charsets keep a character back until they have seen the next.
  void step_end(std::string& out) {
    std::array<char, 64> buffer;
    char* to = buffer.data();
    std::size_t room = buffer.size();
    iconv(handle_, nullptr, nullptr, &to, &room);
    out.append(buffer.data(), buffer.size() - room);
  }

  iconv_t handle_;
};

}  // namespace

std::string to_utf8(std::string_view text, std::string_view charset) {
  std::string iconv_name;
  const Kind kind = classify(charset, iconv_name);
  if (kind == Kind::other) {
    Converter converter(iconv_name);
    // iconv's output is UTF-8, but of surrogates in UTF-16 and the like it is not always well-formed.
    if (converter.valid()) return repair_utf8(converter.convert(text));
  }
  if (kind == Kind::latin1) return from_latin1(text);
  if (ascii_run(text, 0) == text.size()) return std::string(text);
  if (kind == Kind::utf8) return repair_utf8(text);
  return base::valid_utf8(text) ? std::string(text) : from_latin1(text);
}

}  // namespace mime
