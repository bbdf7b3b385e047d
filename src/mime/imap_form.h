#pragma once
// ENVELOPE and BODYSTRUCTURE in IMAP's wire form (RFC 9051 §7.5.2, §9). Strings are quoted where they can be and
// literals ("{3}\r\nabc", never non-synchronising) where they hold CR, LF, or bytes above 126; a NUL, which no IMAP
// string can carry, is shown as "?". Linear, no recursion.
//
// What the grammar has no words for: a multipart without parts is shown as text/plain (so that a reader sees what
// came), a message/rfc822 that was not descended into as application/octet-stream. An address without a domain has the
// host "", because NIL would say that it is a group. Types, encodings and parameter names are in lower case.

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
