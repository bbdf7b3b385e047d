#pragma once
// TransferEncoder: base64 and quoted-printable of bytes as they come (RFC 2045 §6.7, §6.8), in lines of at most 76
// characters. Any pieces give what the whole gives. Holds less than a line. Pure, total, linear.

#include <cstddef>
#include <string>
#include <string_view>

namespace mime {

class TransferEncoder {
 public:
  enum class Kind { base64, quoted_printable };
  explicit TransferEncoder(Kind kind) : kind_(kind) {}

  /// quoted_printable takes CRLF as a line end and any other CR or LF as bytes.
  void feed(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  void base64(std::string_view bytes, std::string& out);
  void quoted(std::string_view text, bool last, std::string& out);

  Kind kind_;
  std::string held_;
  std::size_t column_ = 0;   // of the line under way
  bool soft_start_ = false;  // the line began behind a soft line break
};

}  // namespace mime
