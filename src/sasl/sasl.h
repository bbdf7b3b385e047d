#pragma once
// SASL mechanisms, the server's side (RFC 4422): pure state machines without I/O that turn the client's responses into
// either a challenge or the credentials to check. One object serves one authentication exchange.
// PLAIN: RFC 4616. LOGIN: draft-murchison-sasl-login.

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace sasl {

/// What the client claims; the directory says whether it is true. UTF-8, no NUL, each at most 1,024 bytes.
struct Credentials {
  std::string authorize_as;  // empty: the same as `user`
  std::string user;
  std::string password;
};

struct Challenge {
  std::string bytes;  // before base64
};

class Mechanism {
 public:
  virtual ~Mechanism() = default;
  /// The challenge that comes first when the client sent no initial response.
  virtual Challenge first_challenge() const = 0;
  /// One response, base64 already undone. invalid: malformed; the exchange is over.
  virtual base::Result<std::variant<Challenge, Credentials>> respond(std::string_view response) = 0;
};

/// The names to announce, strongest first ("PLAIN", "LOGIN").
const std::vector<std::string_view>& mechanisms();

/// nullptr for a name that is not among them (ASCII case-insensitive).
std::unique_ptr<Mechanism> make_mechanism(std::string_view name);

}  // namespace sasl
