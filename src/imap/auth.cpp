// STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 §6.2, RFC 4959).
#include <algorithm>

#include "base/text.h"
#include "imap/driver.h"
#include "net/loop.h"
#include "sasl/sasl.h"

namespace imap {

namespace {

constexpr std::size_t kMaxFailedLogins = 10;

// RFC 9051 §11.7: whoever guesses is slowed down.
net::Task<Reply> login_failed(Session& session, std::string_view user) {
  session.log.info("imap.login.failed", {{"user", base::printable(user, 100)}});
  if (++session.failed_logins >= kMaxFailedLogins) {
    session.bye(says::kByeLogins);
  } else if (session.failed_logins > 2) {
    co_await net::sleep_for(std::chrono::seconds(1));
  }
  co_return no(says::kLoginFailed);
}

net::Task<Reply> login(Session& session, std::string verb, sasl::Credentials credentials) {
  if (!credentials.authorize_as.empty() && !base::iequals(credentials.authorize_as, credentials.user)) {
    co_return no(says::kLoginOther);
  }
  auto identity = co_await session.services.directory.authenticate(credentials.user, credentials.password);
  if (!identity) {
    const base::Code code = identity.error().code;
    if (code == base::Code::denied || code == base::Code::invalid) {
      co_return co_await login_failed(session, credentials.user);
    }
    co_return code == base::Code::busy ? no(says::kLoginBusy) : refused(identity.error());
  }
  session.identity = std::make_unique<directory::Identity>(std::move(*identity));
  session.log = session.log.with({{"user", session.identity->address}});
  session.log.info("imap.login");
  session.adjust_limits();
  co_return completed(verb, "CAPABILITY" + capabilities(session.situation()));
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
  session.stream->set_deadline(session.login_by);
  session.stream = co_await acceptor->accept(std::move(session.stream));
  session.signal->stream = session.stream.get();
  session.replied = true;
  co_return Reply{};
}

net::Task<Reply> do_login(Session& session, Command& command) {
  if (!session.may_login()) co_return no(says::kPrivacyRequired);
  auto& [user, password] = std::get<Login>(command.arguments);
  co_return co_await login(session, "LOGIN", {.authorize_as = {}, .user = user, .password = std::move(password)});
}

net::Task<Reply> do_authenticate(Session& session, Command& command) {
  const auto& arguments = std::get<Authenticate>(command.arguments);
  const auto mechanism = sasl::make_mechanism(arguments.mechanism);
  if (!mechanism) co_return no(says::kNoMechanism);
  if (!session.may_login()) co_return no(says::kPrivacyRequired);
  std::string response;
  if (arguments.initial) {
    // RFC 4959 §3: "=" is an empty initial response.
    auto bytes = *arguments.initial == "=" ? std::optional(std::string()) : base::base64_decode(*arguments.initial);
    if (!bytes) co_return bad(says::kNotBase64);
    response = std::move(*bytes);
  } else {
    auto answer = co_await ask(session, mechanism->first_challenge().bytes);
    if (!answer) co_return answer.error();
    response = std::move(*answer);
  }
  while (true) {
    auto next = mechanism->respond(response);
    if (!next) co_return bad(base::printable(next.error().text));
    if (auto* credentials = std::get_if<sasl::Credentials>(&*next)) {
      co_return co_await login(session, "AUTHENTICATE", std::move(*credentials));
    }
    auto answer = co_await ask(session, std::get<sasl::Challenge>(*next).bytes);
    if (!answer) co_return answer.error();
    response = std::move(*answer);
  }
}

}  // namespace imap
