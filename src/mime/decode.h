#pragma once
// Transfer encodings, for reading what is in parts (RFC 2045 §6; uuencode as old programs name it). Lenient: what is no
// code is skipped or kept. Pure, total, linear; a decoder holds at most a line (64 KiB) back and gives no more bytes
// than it took.

#include <cstdint>
#include <string>
#include <string_view>

namespace mime {

/// Undoes a transfer encoding as the bytes come. What is no known encoding is passed as it stands.
class TransferDecoder {
 public:
  /// False for an encoding that is not known. None at all is known.
  static bool knows(std::string_view encoding);
  explicit TransferDecoder(std::string_view encoding);
  void feed(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  enum class Kind { identity, base64, quoted_printable, uuencode };

  void feed_base64(std::string_view bytes, std::string& out);
  void uu_line(std::string_view line, std::string& out);
  void lines(std::string_view text, std::string& out);

  Kind kind_;
  std::string held_;        // of a line that is not complete
  std::uint32_t bits_ = 0;  // of base64: the group under way
  int count_ = 0;
  bool uu_open_ = false;  // between "begin" and "end"
};

/// TransferDecoder fed at once.
std::string decode_transfer(std::string_view body, std::string_view encoding);

}  // namespace mime
