#pragma once
// Private to the room: the forms in which names and passwords are compared. Pure, total and linear.

#include <string>
#include <string_view>

#include "base/result.h"
#include "mime/address.h"

namespace directory {

/// The two parts of an address, both normalized, `local` without quotes. mime::format() makes normalize_address() of
/// it.
base::Result<mime::AddrSpec> split_address(std::string_view address);

/// An address whose local part belongs to somebody else: only the domain is normalized (RFC 5321 §2.3.11).
base::Result<std::string> normalize_target(std::string_view address);

/// The form of a password that is hashed: NFC, so that the same keys give the same password on every system, and
/// non-ASCII spaces as spaces (the OpaqueString profile of RFC 8265). invalid: empty, above 1,024 bytes, not UTF-8, or
/// with control characters; no such password can be set, and none matches.
base::Result<std::string> prepare_password(std::string_view password);

}  // namespace directory
