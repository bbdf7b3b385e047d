// STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 §6.2, RFC 4959).
#include <algorithm>

#include "base/text.h"
#include "directory/exchange.h"
#include "imap/driver.h"
#include "net/loop.h"
#include "sasl/sasl.h"

namespace imap {

namespace {

constexpr std::size_t kMaxFailedLogins = 10;

// RFC 9051 §11.7: whoever guesses is slowed down, and in the end banned.
net::Task<Reply> login_failed(Session& session, std::string user, std::string guess) {
  session.mode->metrics.logins_refused.add();
  session.log.noise("imap.login.failed", {{"user", base::printable(user, 100)}});
  if (co_await session.visit.wrong_password(std::move(user), std::move(guess))) {
    session.bye(says::kByeBanned);
  } else if (session.visit.take(guard::What::errors)) {
    session.bye(says::kByeErrorsFrom);
  } else if (++session.failed_logins >= kMaxFailedLogins) {
    session.bye(says::kByeLogins);
  } else if (session.failed_logins > 2) {
    co_await net::sleep_for(std::chrono::seconds(1));
  }
  co_return no(says::kLoginFailed);
}

net::Task<Reply> login_refused(Session& session, base::Error error, std::string user, std::string guess) {
  switch (error.code) {
    case base::Code::denied:
    case base::Code::invalid:
      co_return co_await login_failed(session, std::move(user), std::move(guess));
    case base::Code::unsupported:
      co_return no(says::kLoginOther);
    default:
      session.mode->metrics.logins_deferred.add();
      co_return error.code == base::Code::busy ? no(says::kLoginBusy) : refused(error);
  }
}

/// What a client is told that may not try at all.
std::optional<Reply> may_not_try(Session& session) {
  if (!session.may_login()) return no(says::kPrivacyRequired);
  if (!session.visit.banned()) return std::nullopt;
  session.bye(says::kByeBanned);
  return no(says::kLoginFailed);
}

Reply logged_in(Session& session, std::string_view verb, directory::Identity identity) {
  if (session.visit.take(guard::What::logins, identity.account)) {
    session.mode->metrics.logins_deferred.add();
    return no(says::kLoginOften);
  }
  session.identity = std::make_unique<directory::Identity>(std::move(identity));
  session.stranger_log = session.log;
  session.log = session.log.with({{"user", session.identity->address}});
  session.log.info("imap.login");
  session.mode->metrics.logins_accepted.add();
  session.adjust_limits();
  return completed(verb, "CAPABILITY" + capabilities(session.situation()));
}

std::shared_ptr<sasl::Mechanism> make_mechanism(const Session& session, std::string_view name) {
  const net::Stream& stream = *session.stream;
  return sasl::make_mechanism(
      name, session.config->mechanisms, session.channel(),
      {.nonce = session.config->nonce(),
       .hostname = session.config->hostname,
       .tls_exporter = stream.channel_binding(net::ChannelBinding::tls_exporter),
       .tls_server_end_point = stream.channel_binding(net::ChannelBinding::tls_server_end_point)});
}

// The client's response to `challenge`; an error is the reply that ends the exchange.
net::Task<std::expected<std::string, Reply>> ask(Session& session, std::string challenge) {
  session.line("+ " + base::base64_encode(challenge));
  const auto line = co_await session.read_line();
  if (!line) co_return std::unexpected(bad(says::kTooLong));
  if (*line == "*") co_return std::unexpected(bad(says::kCancelled));
  auto response = base::base64_decode(*line);
  if (!response) co_return std::unexpected(bad(says::kNotBase64));
  co_return std::move(*response);
}

directory::Access access_of(const Session& session) {
  return {.protocol = "imap", .address = session.stream->endpoints().peer_address};
}

}  // namespace

net::Task<Reply> do_starttls(Session& session, Command& command) {
  if (session.encrypted()) co_return bad(says::kTlsAlready);
  const auto acceptor = session.tls() ? session.tls()() : nullptr;
  if (!acceptor) co_return no(says::kTlsUnavailable);
  append_reply(session.out, command.tag, ok(std::string(says::kTlsBegin)));
  co_await session.flush();
  // RFC 9051 §6.2.1: nothing that came in the clear behind STARTTLS may be taken for what comes encrypted.
  session.discard_input();
  session.signal->stream = nullptr;
  co_await session.handshake(acceptor);
  session.signal->stream = session.stream.get();
  session.replied = true;
  co_return Reply{};
}

net::Task<Reply> do_login(Session& session, Command& command) {
  if (const auto refusal = may_not_try(session)) co_return *refusal;
  auto& [user, password] = std::get<Login>(command.arguments);
  auto identity = co_await session.services.directory.authenticate(user, password, access_of(session));
  if (!identity) co_return co_await login_refused(session, std::move(identity.error()), user, std::move(password));
  co_return logged_in(session, "LOGIN", *std::move(identity));
}

net::Task<Reply> do_authenticate(Session& session, Command& command) {
  const auto& arguments = std::get<Authenticate>(command.arguments);
  if (const auto refusal = may_not_try(session)) co_return *refusal;
  const auto mechanism = make_mechanism(session, arguments.mechanism);
  if (!mechanism) co_return no(says::kNoMechanism);
  std::string response;
  if (arguments.initial) {
    // RFC 4959 §3: only where the client speaks first; "=" is an empty initial response.
    if (mechanism->server_first()) co_return bad(says::kServerFirst);
    auto bytes = *arguments.initial == "=" ? std::optional(std::string()) : base::base64_decode(*arguments.initial);
    if (!bytes) co_return bad(says::kNotBase64);
    response = std::move(*bytes);
  } else {
    auto answer = co_await ask(session, mechanism->first_challenge().bytes);
    if (!answer) co_return answer.error();
    response = std::move(*answer);
  }
  while (true) {
    std::string guess = response;
    auto step = co_await directory::take_response(session.services.directory, mechanism, std::move(response),
                                                  access_of(session));
    if (!step) {
      // What is malformed is told in words; a name or password of that kind is only wrong.
      if (step.error().code == base::Code::invalid) co_return bad(base::printable(step.error().text));
      co_return co_await login_refused(session, std::move(step.error()), mechanism->user(), std::move(guess));
    }
    if (auto* identity = std::get_if<directory::Identity>(&*step)) {
      co_return logged_in(session, "AUTHENTICATE", std::move(*identity));
    }
    auto answer = co_await ask(session, std::get<sasl::Challenge>(*step).bytes);
    if (!answer) co_return answer.error();
    response = std::move(*answer);
  }
}

// RFC 8437 §3: everything but TLS is as at the beginning. What was pipelined behind it stays.
net::Task<Reply> do_unauthenticate(Session& session, Command&) {
  session.deselect();
  session.forget_login();
  co_return completed("UNAUTHENTICATE");
}

}  // namespace imap
