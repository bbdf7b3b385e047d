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
  const auto mechanism = make_mechanism(parsed->mechanism);
  if (!mechanism) {
    say(reply::unknown_mechanism());
    co_return;
  }
  std::optional<std::string> response;
  if (parsed->initial_response) response = std::string(*parsed->initial_response);
  // RFC 4954 §4: where the server speaks first there is nothing yet that the client could answer.
  if (response && mechanism->server_first()) {
    say(reply::auth_malformed());
    co_return;
  }
  if (visit_.banned()) {
    co_await end_with(reply::banned(config_->hostname));
    co_return;
  }
  co_await exchange(mechanism, std::move(response));
}

/// A wrong password or proof: the next one is further away.
net::Task<void> Connection::login_failed(std::string user, std::string guess, const base::Error& error) {
  const Reply reply = reply::auth_failed(error);
  mode_->metrics.logins.count(reply);
  log_.noise("smtp.auth.failed", {{"user", base::printable(user)}, {"why", base::name(error.code)}});
  say(reply);
  if (error.code != base::Code::denied) co_return;
  if (co_await visit_.wrong_password(std::move(user), std::move(guess))) {
    co_await end_with(reply::banned(config_->hostname));
  }
}

sasl::Channel Connection::channel() const {
  if (peer_.tls == nullptr) return {};
  return {.can_bind = peer_.tls->can_bind, .client_names = peer_.tls->client_names};
}

std::shared_ptr<sasl::Mechanism> Connection::make_mechanism(std::string_view name) const {
  return sasl::make_mechanism(
      name, config_->mechanisms, channel(),
      {.nonce = config_->nonce(),
       .hostname = config_->hostname,
       .tls_exporter = stream_->channel_binding(net::ChannelBinding::tls_exporter),
       .tls_server_end_point = stream_->channel_binding(net::ChannelBinding::tls_server_end_point)});
}

/// The client's response; nothing when the line was none, which it has been told.
net::Task<std::optional<std::string>> Connection::ask_client(sasl::Challenge challenge) {
  say(reply::challenge(base::base64_encode(challenge.bytes)));
  co_await flush();
  const Line line = co_await next_line();
  if (line.end == LineEnd::crlf) co_return std::string(line.text);
  say(reply::auth_line(line.end));
  co_return std::nullopt;
}

net::Task<void> Connection::exchange(std::shared_ptr<sasl::Mechanism> mechanism, std::optional<std::string> response) {
  sasl::Challenge challenge = mechanism->first_challenge();
  for (int step = 0; step < kMaxSteps; ++step) {
    if (!response) response = co_await ask_client(std::move(challenge));
    if (!response) co_return;
    if (*response == "*") {
      say(reply::auth_cancelled());
      co_return;
    }
    std::optional<std::string> bytes = decode(*std::exchange(response, std::nullopt));
    if (!bytes) break;
    std::string guess = *bytes;
    auto outcome = co_await host_.authenticate(mechanism, *std::move(bytes), peer_);
    if (!outcome) {
      if (outcome.error().code == base::Code::invalid) break;
      co_await login_failed(mechanism->user(), std::move(guess), outcome.error());
      co_return;
    }
    if (auto* user = std::get_if<User>(&*outcome)) {
      if (const auto limit = visit_.take(guard::What::logins, user->account)) {
        mode_->metrics.logins.deferred.add();
        say(reply::too_many_logins());
        co_return;
      }
      log_ = log_.with({{"user", user->address}});
      log_.info("smtp.auth");
      user_ = std::move(*user);
      mode_->metrics.logins.accepted.add();
      say(reply::authenticated());
      co_return;
    }
    challenge = std::get<sasl::Challenge>(std::move(*outcome));
  }
  say(reply::auth_malformed());
}

}  // namespace smtp
