#pragma once
// The encodings that we write (RFC 2045 §6, RFC 2047): bodies in lines of at most 76 characters, and encoded words.
// Pure, total, linear.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mime {

/// With a line end behind each line.
std::string encode_base64(std::string_view bytes);

/// Of a text whose line ends are CRLF. Lines that begin with "From " or a dot are hidden from programs that change
/// them.
std::string encode_quoted_printable(std::string_view text);

/// The words that together decode to `utf8`, each of at most 75 characters and of whole characters; the first of at
/// most `first_room`, if that is enough for one. B or Q, whatever is shorter; Q with what is allowed in phrases too.
std::vector<std::string> encoded_words(std::string_view utf8, std::size_t first_room = 75);

/// UTF-8 with what is none replaced, and each control character by a space; without white space at both ends. Cut at a
/// character to `limit` bytes.
std::string clean_text(std::string_view text, std::size_t limit);

/// Any line ends as CRLF.
std::string with_crlf(std::string_view text);

}  // namespace mime
