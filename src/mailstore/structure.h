#pragma once
// Private to the room (sees protobuf). A parsed message as the bytes that stand in the email record, and back. Pure;
// decoding is total and checks every index, so a broken record cannot lead anybody astray.

#include <optional>
#include <string>
#include <string_view>

#include "mime/message.h"

namespace mailstore {

std::string encode_structure(const mime::Message& message);

/// With all offsets moved by `prefix_bytes`, which belong to the header of the first part. Nothing when the bytes are
/// no structure.
std::optional<mime::Message> decode_structure(std::string_view bytes, std::uint64_t prefix_bytes);

}  // namespace mailstore
