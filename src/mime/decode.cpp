#include "mime/decode.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace mime {
namespace {

// A line of quoted-printable or uuencode that is longer is no line of it, and is cut.
constexpr std::size_t kHeldLine = 64 * 1024;

constexpr std::array<std::int8_t, 256> base64_table() {
  std::array<std::int8_t, 256> out{};
  out.fill(-1);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return out;
}

int hex_value(char c) {
  if (base::is_digit(c)) return c - '0';
  c = base::ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The length of blanks and a line end that stand at `at`, or 0 if something else does.
std::size_t soft_break(std::string_view body, std::size_t at) {
  const std::size_t begin = at;
  while (at < body.size() && base::is_space(body[at])) ++at;
  if (at == body.size()) return at - begin;
  if (body[at] == '\r') ++at;
  return at < body.size() && body[at] == '\n' ? at + 1 - begin : 0;
}

// RFC 2045 §6.7. An equals sign that begins no code is kept; blanks at the end of a line are not part of the text.
void decode_quoted_printable(std::string_view body, std::string& out) {
  out.reserve(out.size() + body.size());
  std::size_t solid = out.size();  // output up to here may not be taken back as blanks at a line's end
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\n' || c == '\r') {
      while (out.size() > solid && base::is_space(out.back())) out.pop_back();
      out += c;
      solid = out.size();
      continue;
    }
    if (c != '=') {
      out += c;
      if (!base::is_space(c)) solid = out.size();
      continue;
    }
    const int high = i + 2 < body.size() ? hex_value(body[i + 1]) : -1;
    const int low = i + 2 < body.size() ? hex_value(body[i + 2]) : -1;
    const std::size_t soft = high < 0 || low < 0 ? soft_break(body, i + 1) : 0;
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else if (soft > 0) {
      i += soft;
    } else if (i + 1 < body.size()) {
      out += c;
    }
    solid = out.size();
  }
  while (out.size() > solid && base::is_space(out.back())) out.pop_back();
}

}  // namespace

bool TransferDecoder::knows(std::string_view encoding) {
  encoding = base::trim(encoding);
  if (encoding.empty() || base::iequals(encoding, "7bit") || base::iequals(encoding, "8bit")) return true;
  return base::iequals(encoding, "binary") || TransferDecoder(encoding).kind_ != Kind::identity;
}

TransferDecoder::TransferDecoder(std::string_view encoding) : kind_(Kind::identity) {
  encoding = base::trim(encoding);
  if (base::iequals(encoding, "base64")) kind_ = Kind::base64;
  if (base::iequals(encoding, "quoted-printable")) kind_ = Kind::quoted_printable;
  // No standard has it; these are the names that programs gave it before MIME and after.
  for (const std::string_view name : {"x-uuencode", "uuencode", "x-uue", "uue"}) {
    if (base::iequals(encoding, name)) kind_ = Kind::uuencode;
  }
}

void TransferDecoder::feed(std::string_view bytes, std::string& out) {
  if (kind_ == Kind::identity) {
    out += bytes;
  } else if (kind_ == Kind::base64) {
    feed_base64(bytes, out);
  } else {
    held_ += bytes;
    std::size_t cut = bytes.rfind('\n') == std::string_view::npos ? 0 : held_.rfind('\n') + 1;
    if (cut == 0 && held_.size() > kHeldLine) {
      cut = held_.size();
      const std::size_t code = held_.rfind('=');
      if (code != std::string::npos && held_.size() - code < 3) cut = code;
    }
    lines(std::string_view(held_).substr(0, cut), out);
    held_.erase(0, cut);
  }
}

void TransferDecoder::finish(std::string& out) {
  lines(held_, out);
  held_.clear();
}

void TransferDecoder::lines(std::string_view text, std::string& out) {
  if (kind_ == Kind::quoted_printable) return decode_quoted_printable(text, out);
  while (!text.empty()) {
    const std::size_t lf = std::min(text.find('\n'), text.size() - 1);
    std::string_view line = text.substr(0, lf + 1);
    text.remove_prefix(lf + 1);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    uu_line(line, out);
  }
}

// RFC 2045 §6.8: what is not in the alphabet is passed over. Padding ends a group, and another may follow: some
// programs put encoded pieces one behind the other.
void TransferDecoder::feed_base64(std::string_view bytes, std::string& out) {
  static constexpr auto kTable = base64_table();
  const std::size_t before = out.size();
  out.resize(before + bytes.size());
  char* to = out.data() + before;
  std::uint32_t bits = bits_;
  int count = count_;
  for (const char c : bytes) {
    const int value = kTable[static_cast<unsigned char>(c)];
    if (value < 0) {
      if (c == '=') count = 0;
      continue;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    ++count;
    if (count > 1) *to++ = static_cast<char>(bits >> (count == 2 ? 4 : count == 3 ? 2 : 0) & 0xff);
    if (count == 4) count = 0;
  }
  bits_ = bits;
  count_ = count;
  out.resize(static_cast<std::size_t>(to - out.data()));
}

// "begin 644 name", lines that begin with their length, "end". What stands outside is not part of it.
void TransferDecoder::uu_line(std::string_view line, std::string& out) {
  if (!uu_open_) {
    uu_open_ = line.starts_with("begin ");
    return;
  }
  if (line.empty() || line == "end") {
    uu_open_ = uu_open_ && line.empty();
    return;
  }
  // A grave accent stands for a space, and spaces at the end of a line are often lost.
  auto value = [&](std::size_t at) -> std::uint32_t {
    return at < line.size() ? (static_cast<unsigned char>(line[at]) - 32U) & 63U : 0;
  };
  const std::size_t most = (line.size() - 1) / 4 * 3 + 2;  // more than the line holds is not made up
  const std::size_t length = std::min<std::size_t>(value(0), std::min(most, line.size()));
  for (std::size_t i = 0; i < length; ++i) {
    const std::size_t at = 1 + i / 3 * 4 + i % 3;
    const std::uint32_t pair = value(at) << 6 | value(at + 1);
    out += static_cast<char>(pair >> (i % 3 == 0 ? 4 : i % 3 == 1 ? 2 : 0) & 0xff);
  }
}

std::string decode_transfer(std::string_view body, std::string_view encoding) {
  TransferDecoder decoder(encoding);
  std::string out;
  decoder.feed(body, out);
  decoder.finish(out);
  return out;
}

}  // namespace mime
