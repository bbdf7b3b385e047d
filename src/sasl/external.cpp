// EXTERNAL (RFC 4422, appendix A): one response, the identity to act as or nothing. Who the client is, its certificate
// has said, and TLS has verified it.

#include <algorithm>

#include "base/text.h"
#include "sasl/mechanisms.h"

namespace sasl {
namespace {

class External final : public Mechanism {
 public:
  explicit External(std::vector<std::string> names) : names_(std::move(names)) {}

  Challenge first_challenge() const override { return {}; }

  base::Result<Outcome> respond(std::string_view response) override {
    if (std::exchange(done_, true)) return base::fail(base::Code::invalid, "the EXTERNAL exchange is over");
    if (response.empty()) {
      user_ = names_.front();
      return Proven{.authorize_as = {}, .user = user_};
    }
    TRY(check_field("the authorization identity", response));
    user_ = response;
    const bool named = std::ranges::any_of(names_, [&](const auto& name) { return base::iequals(name, response); });
    if (!named) return base::fail(base::Code::denied, "the certificate is not for " + base::printable(response));
    return Proven{.authorize_as = {}, .user = user_};
  }

 private:
  const std::vector<std::string> names_;  // at least one
  bool done_ = false;
};

}  // namespace

std::unique_ptr<Mechanism> make_external(std::vector<std::string> client_names) {
  return std::make_unique<External>(std::move(client_names));
}

}  // namespace sasl
