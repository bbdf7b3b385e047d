#pragma once
// Transfer encodings and charsets, for reading text out of parts (RFC 2045 §6). Pure, total, linear.

#include <string>
#include <string_view>

namespace mime {

/// base64 and quoted-printable leniently (what is no code is skipped or kept), everything else as it stands.
std::string decode_transfer(std::string_view body, std::string_view encoding);

/// To UTF-8 by iconv; unknown charsets are read as UTF-8 when valid and ISO-8859-1 otherwise; what cannot be converted
/// becomes U+FFFD.
std::string to_utf8(std::string_view text, std::string_view charset);

/// For substring search (RFC 9051 §6.4.4): UTF-8 case-folded and composed (NFKC_Casefold), white space runs kept.
std::string fold_for_search(std::string_view utf8);

}  // namespace mime
