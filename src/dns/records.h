#pragma once
// Record data (RFC 1035 §3.3, 6698 §2.1) to values. Pure, total, linear, without recursion: a name in record data has
// been uncompressed by the resolver, so a compression pointer is malformed.

#include <string>
#include <string_view>

#include "dns/resolver.h"

namespace dns {

/// A name in wire form at the front of `data`, which moves behind it: labels in lower case joined by dots, bytes that
/// could be misread (dots, controls, above 126) as \DDD (RFC 1035 §5.1). False when it is malformed.
bool take_name(std::string_view& data, std::string& name);

/// Adds one record to the list of its type. False, and nothing added, when it is malformed.
bool add_record(Answer& answer, Type type, std::string_view data);

/// Lower case, without the final dot.
std::string canonical_name(std::string_view name);

/// The name to ask for the PTR record of a numeric address (RFC 1035 §3.5, 3596 §2.5); "" when it is none.
std::string reverse_name(std::string_view address);

}  // namespace dns
