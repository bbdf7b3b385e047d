#pragma once
// For tests and fuzzers of mime: what holds for the Message of any input, and a checker of IMAP's grammar for ENVELOPE
// and BODYSTRUCTURE. Both answer "" or a sentence that says what is wrong.

#include <string>
#include <string_view>

#include "mime/message.h"

namespace mime {

/// Links, order and nesting of the parts, against the bytes that they describe.
std::string check_message(const Message& message, std::string_view bytes, const Limits& limits);

/// RFC 9051 §9: `envelope` and `body`. The whole text must match.
std::string check_imap_envelope(std::string_view text);
std::string check_imap_body(std::string_view text, bool extended);

}  // namespace mime
