#pragma once
// Charsets to UTF-8, as the text comes (RFC 2045 §2.2, RFC 2046 §4.1.2): the C library's iconv, with the names and the
// lies of mail (charset_names.h). Every input gives well-formed UTF-8, of at most 16 bytes for each byte of input; what
// is no character becomes U+FFFD. Stateful charsets and characters that are cut by the end of a piece come out as from
// the whole; only what is broken may be judged elsewhere. Linear, no exception but for memory; not thread-safe.
//
// A charset that is not named, or not known, or us-ascii, is guessed for each character: UTF-8 where the bytes are, and
// windows-1252 where they are not.

#include <memory>
#include <string>
#include <string_view>

namespace mime {

class CharsetDecoder {
 public:
  explicit CharsetDecoder(std::string_view charset);
  ~CharsetDecoder();
  CharsetDecoder(CharsetDecoder&&) noexcept;
  CharsetDecoder& operator=(CharsetDecoder&&) noexcept;

  void feed(std::string_view bytes, std::string& out);
  /// The end of the text; the decoder must not be used afterwards.
  void finish(std::string& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// CharsetDecoder fed at once.
std::string to_utf8(std::string_view text, std::string_view charset);

}  // namespace mime
