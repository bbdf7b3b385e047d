#pragma once
// The named character references of HTML (private to mime).

#include <string_view>

namespace mime {

/// The character of a name without & and ; or 0. Names differ by case.
char32_t entity(std::string_view name);

}  // namespace mime
