// RFC 4616: one response, [authzid] NUL authcid NUL passwd, all of it UTF-8.

#include "sasl/mechanisms.h"

namespace sasl {
namespace {

class Plain final : public Mechanism {
 public:
  // RFC 4616 §2: the mechanism is a single message of the client, so what invites it is empty.
  Challenge first_challenge() const override { return {}; }

  base::Result<Outcome> respond(std::string_view response) override {
    if (std::exchange(done_, true)) return base::fail(base::Code::invalid, "the PLAIN exchange is over");
    // RFC 4616 §2: NUL "MUST NOT appear in authzid, authcid, or passwd", so there are exactly two.
    const auto first = response.find('\0');
    const auto second = first == std::string_view::npos ? first : response.find('\0', first + 1);
    if (second == std::string_view::npos) {
      return base::fail(base::Code::invalid, "a PLAIN response is [authzid] NUL user NUL password");
    }
    const auto authorize_as = response.substr(0, first);
    const auto user = response.substr(first + 1, second - first - 1);
    const auto password = response.substr(second + 1);
    if (!authorize_as.empty()) TRY(check_field("the authorization identity", authorize_as));
    TRY(check_field("the user name", user));
    TRY(check_field("the password", password));
    user_ = user;
    return Credentials{std::string(authorize_as), user_, std::string(password)};
  }

 private:
  bool done_ = false;
};

}  // namespace

std::unique_ptr<Mechanism> make_plain() { return std::make_unique<Plain>(); }

}  // namespace sasl
