#include "mime/charset.h"

#include <iconv.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "mime/charset_names.h"
#include "mime/seven_bit.h"
#include "mime/utf8.h"

namespace mime {
namespace {

using Kind = Charset::Kind;

// The longest that is held back of a character which is not complete; no charset has longer ones.
constexpr std::size_t kLongestCharacter = 16;

// Windows-1252 above 127; 0xa0 and above are themselves. Its five gaps are the C1 controls that ISO-8859-1 has there.
constexpr std::array<char16_t, 32> kWindows1252{0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
                                                0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178};

void append_windows1252(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  append_utf8(out, byte >= 0x80 && byte < 0xa0 ? kWindows1252[byte - 0x80U] : byte);
}

// iconv(3) of one text. glibc only reads the names that it is given in its own list, never as paths.
class Iconv {
 public:
  explicit Iconv(const std::string& charset) : handle_(iconv_open("UTF-8", charset.c_str())) {}
  ~Iconv() {
    if (valid()) iconv_close(handle_);
  }
  Iconv(Iconv&& other) noexcept : handle_(std::exchange(other.handle_, failed())) {}
  Iconv& operator=(Iconv&&) = delete;

  bool valid() const { return handle_ != failed(); }

  /// Converts what is complete in `text`, and all of it when it is the `last`; what stays is returned.
  std::string_view convert(std::string_view text, bool last, std::string& out) {
    char* in = const_cast<char*>(text.data());  // iconv's type says that it may write there; it does not
    std::size_t left = text.size();
    while (left > 0) {
      const std::size_t before = left;
      const int error = step(&in, &left, out);
      if ((error == 0 || error == E2BIG) && left < before) continue;
      if (error == EINVAL && !last && left <= kLongestCharacter) break;
      if (left == 0) break;
      // No character begins here (EILSEQ), or it is cut off by the end (EINVAL); and a converter that takes nothing
      // and says nothing does not hold us up.
      append_utf8(out, kReplacement);
      ++in;
      --left;
    }
    if (last) step(nullptr, nullptr, out);  // some charsets keep a character back until they have seen the next
    return text.substr(text.size() - left);
  }

 private:
  static iconv_t failed() { return reinterpret_cast<iconv_t>(-1); }

  int step(char** in, std::size_t* left, std::string& out) {
    std::array<char, 4096> buffer;
    char* to = buffer.data();
    std::size_t room = buffer.size();
    const std::size_t result = iconv(handle_, in, left, &to, &room);
    const int error = result == static_cast<std::size_t>(-1) ? errno : 0;
    // Its output is UTF-8, but of surrogates in UTF-16 and the like it is not always well-formed.
    append_repaired(out, std::string_view(buffer.data(), buffer.size() - room));
    return error;
  }

  iconv_t handle_;
};

}  // namespace

struct CharsetDecoder::Impl {
  explicit Impl(std::string_view name) {
    Charset charset = find_charset(name);
    kind = charset.kind;
    if (kind == Kind::iso_2022_jp) rewrite.emplace(SevenBit::Kind::iso_2022_jp);
    if (kind == Kind::hz) rewrite.emplace(SevenBit::Kind::hz);
    if (charset.iconv.empty()) return;
    iconv.emplace(charset.iconv);
    if (iconv->valid()) return;
    iconv.reset();
    rewrite.reset();
    kind = Kind::guess;
  }

  void take(std::string_view bytes, bool last, std::string& out) {
    if (rewrite) {
      rewritten.clear();
      rewrite->feed(bytes, rewritten);
      if (last) rewrite->finish(rewritten);
      bytes = rewritten;
    }
    if (!held.empty()) {
      held += bytes;
      bytes = held;
    }
    // What is held lies in `held`, so the rest is copied before that is written.
    held = std::string(convert(bytes, last, out));
  }

  std::string_view convert(std::string_view bytes, bool last, std::string& out) {
    if (iconv) return iconv->convert(bytes, last, out);
    std::size_t at = 0;
    while (at < bytes.size()) {
      const std::size_t run = ascii_run(bytes, at);
      out += bytes.substr(at, run);
      at += run;
      if (at == bytes.size()) break;
      if (kind == Kind::windows1252) {
        append_windows1252(out, bytes[at++]);
        continue;
      }
      if (!last && is_cut_utf8(bytes.substr(at))) return bytes.substr(at);
      const std::size_t begin = at;
      const char32_t c = next_utf8(bytes, at);
      if (at == begin + 1 && kind == Kind::guess) {
        append_windows1252(out, bytes[begin]);
      } else {
        append_utf8(out, c);
      }
    }
    return {};
  }

  Kind kind = Kind::guess;
  std::optional<SevenBit> rewrite;
  std::optional<Iconv> iconv;
  std::string rewritten;
  std::string held;  // the beginning of a character
};

CharsetDecoder::CharsetDecoder(std::string_view charset) : impl_(std::make_unique<Impl>(charset)) {}
CharsetDecoder::~CharsetDecoder() = default;
CharsetDecoder::CharsetDecoder(CharsetDecoder&&) noexcept = default;
CharsetDecoder& CharsetDecoder::operator=(CharsetDecoder&&) noexcept = default;

void CharsetDecoder::feed(std::string_view bytes, std::string& out) { impl_->take(bytes, false, out); }

void CharsetDecoder::finish(std::string& out) { impl_->take({}, true, out); }

std::string to_utf8(std::string_view text, std::string_view charset) {
  CharsetDecoder decoder(charset);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  decoder.feed(text, out);
  decoder.finish(out);
  return out;
}

}  // namespace mime
