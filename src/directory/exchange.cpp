#include "directory/exchange.h"

#include "base/check.h"

namespace directory {
namespace {

std::unexpected<base::Error> for_another(const std::string& authorize_as) {
  return base::fail(base::Code::unsupported, "acting for " + authorize_as + " is not possible");
}

}  // namespace

net::Task<base::Result<LoginStep>> take_response(Directory& directory, std::shared_ptr<sasl::Mechanism> mechanism,
                                                 std::string response, Access access) {
  CO_TRY_ASSIGN(sasl::Outcome outcome, mechanism->respond(response));
  if (auto* question = std::get_if<sasl::Question>(&outcome)) {
    CO_TRY_ASSIGN(const auto secrets, co_await directory.secrets(std::move(question->user), question->wanted));
    CO_TRY_ASSIGN(outcome, mechanism->resume(secrets));
  }
  if (auto* challenge = std::get_if<sasl::Challenge>(&outcome)) co_return std::move(*challenge);
  if (auto* claimed = std::get_if<sasl::Credentials>(&outcome)) {
    CO_TRY_ASSIGN(auto identity,
                  co_await directory.authenticate(claimed->user, std::move(claimed->password), std::move(access)));
    if (!sasl::is_self(claimed->authorize_as, claimed->user)) co_return for_another(claimed->authorize_as);
    co_return std::move(identity);
  }
  auto* proven = std::get_if<sasl::Proven>(&outcome);
  ENSURE(proven != nullptr);
  if (!sasl::is_self(proven->authorize_as, proven->user)) co_return for_another(proven->authorize_as);
  CO_TRY_ASSIGN(auto identity, co_await directory.admit(std::move(proven->user), proven->version, std::move(access)));
  co_return std::move(identity);
}

}  // namespace directory
