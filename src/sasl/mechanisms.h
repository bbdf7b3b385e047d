#pragma once
// Private to the room: the mechanisms behind make_mechanism(), and the rules that every field of theirs keeps.

#include <memory>
#include <string_view>

#include "sasl/sasl.h"

namespace sasl {

std::unique_ptr<Mechanism> make_plain();
std::unique_ptr<Mechanism> make_login();

inline constexpr std::size_t kMaxFieldBytes = 1024;

/// invalid, in words, unless `field` is non-empty UTF-8 without NUL of at most kMaxFieldBytes. `what` names it.
base::Result<void> check_field(std::string_view what, std::string_view field);

}  // namespace sasl
