#pragma once
// Sections of a message (RFC 9051 §6.4.5.1): where they are by the MIME tree, how a FETCH response names them, and
// transfer encodings undone piece by piece. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imap/command.h"
#include "mailstore/mailstore.h"
#include "mime/message.h"

namespace imap {

/// Bytes [begin, end) of a message; for HEADER.FIELDS they are still to be sifted.
struct Span {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t size() const { return end - begin; }
};

/// Nothing when the message has no such section (FETCH answers NIL).
std::optional<Span> locate(const mime::Message& message, const Section& section);
/// The part of a section that is nothing but numbers; the message itself when it has none.
const mime::Part* find_part(const mime::Message& message, const std::vector<std::uint32_t>& path);

/// The fields that HEADER.FIELDS or HEADER.FIELDS.NOT asks for, and the blank line if the header has one.
std::string sift_fields(std::string_view header, const Section& section);

/// How many bytes from `offset` on are stored in one chunk: they are read at once, because a part of them costs as
/// much.
std::uint64_t to_chunk_end(const mailstore::EmailReader::Email& email, std::uint64_t offset);

/// "BODY[1.HEADER.FIELDS (DATE)]<0>", "RFC822.TEXT"
void append_item_name(std::string& out, const BodyItem& item);

}  // namespace imap
