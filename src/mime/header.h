#pragma once
// Header blocks: fields in order with their offsets, unfolding, RFC 2047 encoded words. Pure, total, linear.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mime {

/// A view of one field of a header block; valid as long as the block.
struct Field {
  std::string_view name;  // without the colon, as written
  std::string_view body;  // raw, after the colon, with folding, without the final line end
  std::string_view raw;   // the whole field with its final line end
};

/// The fields of a block (RFC 5322 §2.2), up to its blank line or its end; lines that are no field belong to the field
/// before, or to none. At most `limit` fields.
std::vector<Field> fields(std::string_view block, std::size_t limit = 1000);

/// The first field of that name (ASCII case-insensitive) or nullptr.
const Field* find(const std::vector<Field>& fields, std::string_view name);

/// Without line ends and without white space at both ends (RFC 5322 §2.2.3); raw bytes otherwise. A line end with no
/// white space behind it, which folds nothing, becomes a space.
std::string unfold(std::string_view body);

/// Unfolded text with encoded words decoded to UTF-8 (RFC 2047). Raw bytes above 127 are UTF-8 where they can be, else
/// of the `likely` charset, else guessed as in charset.h.
std::string decode_text(std::string_view body, std::string_view likely = {});

/// The charset that the text of a message is declared to have, for decode_text() of its header: that of its
/// Content-Type, or "".
std::string likely_charset(const std::vector<Field>& fields);

}  // namespace mime
