#pragma once
// ENVELOPE and BODYSTRUCTURE in IMAP's wire form (RFC 9051 §7.5.2, §9). Strings are quoted where they can be and
// literals ("{3}\r\nabc", never non-synchronising) where they hold CR, LF, NUL, or bytes above 126. Linear, no
// recursion.

#include <string>

#include "mime/message.h"

namespace mime {

/// "(date subject from sender …)".
std::string imap_envelope(const EnvelopeFields& fields);

/// The body structure of parts[root] and below: BODYSTRUCTURE when `extended`, BODY otherwise.
std::string imap_body(const Message& message, bool extended, std::uint32_t root = 0);

/// nstring / string by the rule above; NIL for an empty `text` when `nil_if_empty`.
void append_imap_string(std::string& out, std::string_view text, bool nil_if_empty);

}  // namespace mime
