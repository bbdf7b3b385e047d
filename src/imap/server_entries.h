#pragma once
// Shared entries of the server, which the operator gives (RFC 5464 §3.2.1.1). Pure.

#include <string_view>

#include "base/result.h"
#include "mailstore/types.h"

namespace imap {

/// "/shared/comment = Welcome". invalid: it is no shared entry; the value of "/shared/admin" is no URI; that of
/// "/shared/filters/values/…" holds no search keys (RFC 5466 §3.2).
base::Result<mailstore::Annotation> parse_server_entry(std::string_view text);

}  // namespace imap
