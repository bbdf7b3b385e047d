// LOGIN (draft-murchison-sasl-login): two responses, the user name and the password. Obsolete, and what Outlook and
// many devices still use first.

#include "sasl/mechanisms.h"

namespace sasl {
namespace {

class Login final : public Mechanism {
 public:
  // draft-murchison-sasl-login-00 §2.2: widely deployed clients require these two texts, not those of the draft.
  Challenge first_challenge() const override { return {"Username:"}; }

  base::Result<Outcome> respond(std::string_view response) override {
    switch (std::exchange(step_, Step::done)) {
      case Step::user:
        TRY(check_field("the user name", response));
        user_ = response;
        step_ = Step::password;
        return Challenge{"Password:"};
      case Step::password:
        TRY(check_field("the password", response));
        return Credentials{{}, user_, std::string(response)};
      case Step::done:
        break;
    }
    return base::fail(base::Code::invalid, "the LOGIN exchange is over");
  }

 private:
  enum class Step { user, password, done };
  Step step_ = Step::user;
};

}  // namespace

std::unique_ptr<Mechanism> make_login() { return std::make_unique<Login>(); }

}  // namespace sasl
