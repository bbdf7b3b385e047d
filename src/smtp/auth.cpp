// AUTH (RFC 4954) with the mechanisms of room sasl.

#include "base/text.h"
#include "sasl/sasl.h"
#include "smtp/table.h"

namespace smtp {

namespace {

constexpr int kMaxSteps = 8;  // no mechanism takes more

/// A response of the client: base64, "=" for an empty one (RFC 4954 §4).
std::optional<std::string> decode(std::string_view text) {
  if (text == "=") return std::string();
  return base::base64_decode(text);
}

}  // namespace

/// What an exchange led to; nothing when it was cancelled or malformed, which the client has been told.
struct Login {
  std::string user;
  std::string password;
};

bool Connection::auth_allowed() const {
  if (mode_->service != Service::submission) return false;
  return peer_.tls != nullptr || (mode_->plaintext_auth && peer_.trusted);
}

std::optional<Reply> Connection::not_authenticated() const {
  if (mode_->service != Service::submission || user_) return std::nullopt;
  return auth_allowed() ? reply::needs_authentication() : reply::needs_tls();
}

net::Task<std::optional<Reply>> Connection::login_ended() {
  if (!user_) co_return std::nullopt;
  base::Result<User> user = co_await host_.recheck(*user_);
  if (user) {
    user_ = *std::move(user);
    co_return std::nullopt;
  }
  if (user.error().code != base::Code::denied) co_return reply::auth_failed(user.error());
  log_.info("smtp.auth.ended");
  user_.reset();
  envelope_.reset();
  co_return reply::authentication_ended();
}

net::Task<void> Connection::auth(std::string_view argument) {
  if (!peer_.esmtp) {
    say(reply::auth_needs_ehlo());
    co_return;
  }
  if (user_) {
    say(reply::auth_is_done());
    co_return;
  }
  if (!auth_allowed()) {
    say(reply::auth_needs_tls());
    co_return;
  }
  const Parsed<Auth> parsed = parse_auth(argument);
  if (!parsed) {
    say(reply::wrong(parsed.error(), "AUTH mechanism [initial-response]"));
    co_return;
  }
  std::optional<std::string> response;
  if (parsed->initial_response) response = std::string(*parsed->initial_response);
  std::optional<Login> login = co_await sasl_exchange(std::string(parsed->mechanism), std::move(response));
  if (!login) co_return;

  base::Result<User> user = co_await host_.authenticate(login->user, std::move(login->password), peer_);
  if (!user) {
    const Reply reply = reply::auth_failed(user.error());
    mode_->metrics.logins.count(reply);
    log_.noise("smtp.auth.failed", {{"user", base::printable(login->user)}, {"why", base::name(user.error().code)}});
    say(reply);
    co_return;
  }
  log_ = log_.with({{"user", user->address}});
  log_.info("smtp.auth");
  user_ = *std::move(user);
  mode_->metrics.logins.accepted.add();
  say(reply::authenticated());
}

net::Task<std::optional<Login>> Connection::sasl_exchange(std::string mechanism_name,
                                                          std::optional<std::string> response) {
  const auto mechanism = sasl::make_mechanism(mechanism_name);
  if (!mechanism) {
    say(reply::unknown_mechanism());
    co_return std::nullopt;
  }
  sasl::Challenge challenge = mechanism->first_challenge();
  for (int step = 0; step < kMaxSteps; ++step) {
    if (!response) {
      say(reply::challenge(base::base64_encode(challenge.bytes)));
      co_await flush();
      const Line line = co_await next_line();
      if (line.end != LineEnd::crlf) {
        say(reply::auth_line(line.end));
        co_return std::nullopt;
      }
      response = std::string(line.text);
    }
    if (*response == "*") {
      say(reply::auth_cancelled());
      co_return std::nullopt;
    }
    const std::optional<std::string> bytes = decode(*std::exchange(response, std::nullopt));
    auto outcome = bytes ? mechanism->respond(*bytes) : base::fail(base::Code::invalid, "not base64");
    if (!outcome) break;
    if (auto* credentials = std::get_if<sasl::Credentials>(&*outcome)) {
      // RFC 4616 §2: to act for somebody else is a right that nobody has here.
      const std::string& other = credentials->authorize_as;
      if (!other.empty() && !base::iequals(other, credentials->user)) {
        say(reply::auth_failed({base::Code::denied, "authorization identity"}));
        co_return std::nullopt;
      }
      co_return Login{std::move(credentials->user), std::move(credentials->password)};
    }
    challenge = std::get<sasl::Challenge>(std::move(*outcome));
  }
  say(reply::auth_malformed());
  co_return std::nullopt;
}

}  // namespace smtp
