#include "mime/transfer_encoder.h"

#include <algorithm>

#include "base/text.h"
#include "mime/encode.h"

namespace mime {
namespace {

constexpr std::size_t kLine = 76;
constexpr std::size_t kLineBytes = kLine / 4 * 3;
// What may follow a character and decides how it is written: "From " (five), a blank and a line end (three).
constexpr std::size_t kLookAhead = 5;
constexpr std::string_view kDigits = "0123456789ABCDEF";

}  // namespace

void TransferEncoder::feed(std::string_view bytes, std::string& out) {
  if (kind_ == Kind::base64) {
    base64(bytes, out);
    return;
  }
  held_ += bytes;
  quoted(held_, false, out);
}

void TransferEncoder::finish(std::string& out) {
  if (kind_ == Kind::base64) {
    out += encode_base64(held_);
  } else {
    quoted(held_, true, out);
  }
  held_.clear();
}

void TransferEncoder::base64(std::string_view bytes, std::string& out) {
  if (held_.size() + bytes.size() < kLineBytes) {
    held_ += bytes;
    return;
  }
  const std::size_t missing = held_.empty() ? 0 : kLineBytes - held_.size();
  if (missing > 0) {
    held_ += bytes.substr(0, missing);
    out += encode_base64(held_);
    bytes.remove_prefix(missing);
  }
  const std::size_t whole = bytes.size() / kLineBytes * kLineBytes;
  if (whole > 0) out += encode_base64(bytes.substr(0, whole));
  held_ = bytes.substr(whole);
}

void TransferEncoder::quoted(std::string_view text, bool last, std::string& out) {
  const std::size_t stop = last ? text.size() : text.size() - std::min(text.size(), kLookAhead);
  std::size_t i = 0;
  for (; i < stop; ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\r\n")) {
      out += "\r\n";
      column_ = 0;
      soft_start_ = false;
      ++i;
      continue;
    }
    const char c = rest[0];
    // RFC 2045 §6.7 (3): white space must not end a line.
    const bool ends = rest.size() == 1 || rest.substr(1).starts_with("\r\n");
    const bool blank = base::is_space(c);
    bool plain = blank ? !ends : c > ' ' && c < 127 && c != '=';
    if (column_ + (plain ? 1 : 3) > (ends ? kLine : kLine - 1)) {
      out += "=\r\n";
      column_ = 0;
      soft_start_ = true;
    }
    if (column_ == 0) {
      // Programs change lines that begin with a dot or "From "; and a line that begins here, but did not before, must
      // not become the delimiter of a multipart.
      plain = plain && c != '.' && !rest.starts_with("From ") && !(soft_start_ && c == '-');
    }
    if (plain) {
      out += c;
      column_ += 1;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '=';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15U];
      column_ += 3;
    }
  }
  if (!last) held_.erase(0, i);
}

}  // namespace mime
