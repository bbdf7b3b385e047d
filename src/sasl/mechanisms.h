#pragma once
// Private to the room: the mechanisms behind make_mechanism(), and the rules that every field of theirs keeps.

#include <memory>
#include <string_view>

#include "sasl/sasl.h"

namespace sasl {

std::unique_ptr<Mechanism> make_plain();
std::unique_ptr<Mechanism> make_login();
std::unique_ptr<Mechanism> make_cram_md5(Setting setting);
std::unique_ptr<Mechanism> make_external(std::vector<std::string> client_names);
/// `plus`: with channel binding. `plus_offered`: the client could have chosen it.
struct ScramKind {
  Wanted wanted = Wanted::scram_sha256;
  bool plus = false;
  bool plus_offered = false;
};
std::unique_ptr<Mechanism> make_scram(ScramKind kind, Setting setting);

inline constexpr std::size_t kMaxFieldBytes = 1024;

/// invalid, in words, unless `field` is non-empty UTF-8 without NUL of at most kMaxFieldBytes. `what` names it.
base::Result<void> check_field(std::string_view what, std::string_view field);

/// What a wrong proof is answered with, whatever was wrong.
std::unexpected<base::Error> wrong_proof();

}  // namespace sasl
