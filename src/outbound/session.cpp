#include "outbound/session.h"

#include <algorithm>

#include "base/text.h"
#include "net/listener.h"
#include "outbound/outcome.h"

namespace outbound {

namespace {

using net::Closed;
using net::Task;

constexpr std::uint16_t kSubmissions = 465;  // RFC 8314 §3.3: TLS from the first byte

/// One connection on its way to a session.
struct Attempt {
  const Config& config;
  std::shared_ptr<const tls::Client> tls;
  net::Pool& pool;
  Opening opening;
  base::Log log;
  std::unique_ptr<Session> session{};
  std::string local_address{};
  bool handshaking = false;  // what is lost now is lost by TLS
  bool try_plain_next = false;

  smtp::Client& client() { return *session->client; }
  bool implicit_tls() const { return opening.path.empty() && opening.port == kSubmissions; }
  void tell(TlsResult result, std::string why = {}) const {
    if (!opening.observe) return;
    opening.observe({.result = result,
                     .host = opening.host,
                     .address = opening.address,
                     .local = local_address,
                     .why = std::move(why)});
  }
};

Outcome lost(const Attempt& attempt, const Closed& closed) {
  const bool local = closed.why == Closed::Why::local;
  const std::string where = attempt.opening.path.empty() ? attempt.opening.host : attempt.opening.path;
  const bool late = closed.why == Closed::Why::timeout;
  // RFC 3463 §3.5: no answer from host; bad connection.
  return out_of_reach(local ? "4.3.5" : late ? "4.4.1" : "4.4.2", "connection to " + where + ": " + closed.what());
}

Task<std::unique_ptr<net::Stream>> connect(const Attempt& attempt) {
  const Opening& opening = attempt.opening;
  const auto deadline = std::min(opening.deadline, std::chrono::steady_clock::now() + attempt.config.connect_timeout);
  if (!opening.path.empty()) return net::connect_unix(opening.path, deadline);
  return net::connect_tcp(opening.address, opening.port, deadline, opening.source);
}

TlsResult result_of(tls::CertificateFault fault) {
  switch (fault) {
    case tls::CertificateFault::host_mismatch:
      return TlsResult::certificate_host_mismatch;
    case tls::CertificateFault::expired:
      return TlsResult::certificate_expired;
    case tls::CertificateFault::not_trusted:
      return TlsResult::certificate_not_trusted;
    case tls::CertificateFault::none:
    case tls::CertificateFault::other:
      break;
  }
  return TlsResult::validation_failure;
}

/// The handshake, and what is to be thought of the certificate; a problem when it must not be used.
Task<std::optional<Outcome>> encrypt(Attempt& attempt) {
  const Security& security = attempt.opening.security;
  attempt.handshaking = true;
  attempt.client().stream().set_deadline(
      std::min(attempt.opening.deadline, std::chrono::steady_clock::now() + attempt.config.timeouts.command));
  tls::ClientRequest request{
      .server_name = attempt.opening.host, .check = security.check, .names = security.names, .tlsa = security.tlsa};
  // RFC 7672 §8.1: the name sent is the TLSA base domain.
  if (security.check == tls::Check::dane) request.server_name = security.names.front();
  auto made = co_await attempt.tls->connect(attempt.client().take_stream(), std::move(request));
  attempt.handshaking = false;
  Session& session = *attempt.session;
  session.encrypted = true;
  session.verified = made.verified;
  const net::TlsInfo& info = *made.stream->tls();
  session.tls = info.version + " " + info.cipher + " (" + words(security, made.verified) + ")";
  attempt.client().put_stream(std::move(made.stream));
  if (security.check == tls::Check::none || made.verified) {
    attempt.tell(TlsResult::success);
    co_return std::nullopt;
  }
  attempt.tell(result_of(made.fault), made.why);
  attempt.log.info("outbound.tls.unverified", {{"host", attempt.opening.host},
                                               {"address", attempt.opening.address},
                                               {"policy", words(security, true)},
                                               {"why", made.why},
                                               {"enforced", security.require_check ? "yes" : "no"}});
  if (!security.require_check) co_return std::nullopt;
  co_return out_of_reach("4.7.5", "the certificate of " + attempt.opening.host + " cannot be verified (" +
                                      words(security, true) + "): " + made.why);
}

Task<std::optional<Outcome>> say_hello(Attempt& attempt) {
  const smtp::Answer answer = co_await attempt.client().hello(attempt.opening.helo);
  if (!answer.positive()) co_return outcome_of(answer, Stage::session);
  if (attempt.opening.by_mx && base::iequals(attempt.client().host_name(), attempt.config.hostname)) {
    co_return failed("5.4.6", "the host " + attempt.opening.host +
                                  " is this server itself, which does not serve the recipient's domain");
  }
  co_return std::nullopt;
}

/// STARTTLS, when it is offered and wanted.
Task<std::optional<Outcome>> start_tls(Attempt& attempt) {
  const Security& security = attempt.opening.security;
  std::string why = "the host does not offer STARTTLS";
  if (attempt.client().extensions().starttls) {
    const smtp::Answer answer = co_await attempt.client().start_tls();
    if (answer.positive()) {
      if (auto problem = co_await encrypt(attempt)) co_return problem;
      co_return co_await say_hello(attempt);
    }
    why = "the host refuses STARTTLS: " + answer.text();
  }
  attempt.tell(TlsResult::starttls_not_supported, why);
  if (!security.require_tls) co_return std::nullopt;
  co_return out_of_reach("4.7.4", attempt.opening.host + " must be spoken to over TLS: " + why);
}

Task<std::optional<Outcome>> log_in(Attempt& attempt) {
  const Opening& opening = attempt.opening;
  if (opening.user.empty()) co_return std::nullopt;
  const auto answer = co_await attempt.client().authenticate(opening.user, opening.password, attempt.pool);
  // Wrong credentials are the operator's, who can mend them: no message is given up for them.
  if (!answer) co_return out_of_reach("4.7.8", "the login at " + opening.host + " failed: " + answer.error().text);
  if (answer->positive()) co_return std::nullopt;
  Outcome problem = out_of_reach("4.7.8", "the login at " + opening.host + " was refused: " + answer->text());
  problem.diagnostic = answer->text();
  attempt.log.warning("outbound.auth.failed",
                      {{"host", opening.host}, {"user", opening.user}, {"why", answer->text()}});
  co_return problem;
}

/// Everything up to where MAIL may be said. Throws Closed.
Task<std::optional<Outcome>> establish(Attempt& attempt) {
  const Security& security = attempt.opening.security;
  auto stream = co_await connect(attempt);
  attempt.local_address = stream->endpoints().local_address;
  attempt.session = std::make_unique<Session>();
  Session& session = *attempt.session;
  session.client = std::make_unique<smtp::Client>(std::move(stream), attempt.opening.lmtp, attempt.config.timeouts);
  session.client->set_limit(attempt.opening.deadline);
  session.host = attempt.opening.path.empty() ? attempt.opening.host : attempt.opening.path;
  session.address = attempt.opening.address;
  session.security = security;
  if (attempt.implicit_tls()) {
    if (auto problem = co_await encrypt(attempt)) co_return problem;
  }
  const smtp::Answer greeting = co_await attempt.client().greeting();
  if (!greeting.positive()) co_return outcome_of(greeting, Stage::session);
  if (auto problem = co_await say_hello(attempt)) co_return problem;
  if (!session.encrypted && security.use_tls) {
    if (auto problem = co_await start_tls(attempt)) co_return problem;
  }
  co_return co_await log_in(attempt);
}

Task<std::optional<Outcome>> try_once(Attempt& attempt) {
  std::optional<Outcome> problem;
  bool answered = false;
  try {
    problem = co_await establish(attempt);
    answered = true;
  } catch (const Closed& closed) {
    problem = lost(attempt, closed);
    if (attempt.handshaking || closed.why == Closed::Why::tls) {
      problem->status = "4.7.5";
      attempt.tell(TlsResult::validation_failure, closed.what());
      attempt.log.info("outbound.tls.failed", {{"host", attempt.opening.host},
                                               {"address", attempt.opening.address},
                                               {"why", closed.what()},
                                               {"enforced", attempt.opening.security.require_tls ? "yes" : "no"}});
      attempt.try_plain_next = !attempt.opening.security.require_tls && !attempt.implicit_tls();
    }
  }
  if (!problem) co_return problem;
  problem->host = attempt.opening.path.empty() ? attempt.opening.host : attempt.opening.path;
  problem->address = attempt.opening.address;
  if (attempt.session) {
    problem->tls = attempt.session->tls;
    if (answered) co_await attempt.client().quit();
    attempt.session.reset();
  }
  co_return problem;
}

}  // namespace

const char* name(TlsResult result) {
  switch (result) {
    case TlsResult::success:
      return "success";
    case TlsResult::starttls_not_supported:
      return "starttls-not-supported";
    case TlsResult::certificate_host_mismatch:
      return "certificate-host-mismatch";
    case TlsResult::certificate_expired:
      return "certificate-expired";
    case TlsResult::certificate_not_trusted:
      return "certificate-not-trusted";
    case TlsResult::validation_failure:
      return "validation-failure";
    case TlsResult::tlsa_invalid:
      return "tlsa-invalid";
    case TlsResult::dnssec_invalid:
      return "dnssec-invalid";
    case TlsResult::dane_required:
      return "dane-required";
    case TlsResult::sts_policy_fetch_error:
      return "sts-policy-fetch-error";
    case TlsResult::sts_policy_invalid:
      return "sts-policy-invalid";
    case TlsResult::sts_webpki_invalid:
      return "sts-webpki-invalid";
  }
  return "validation-failure";
}

void Session::sign(Outcome& outcome) const {
  outcome.host = host;
  outcome.address = address;
  outcome.tls = tls;
}

Task<Opened> open_session(const Config& config, std::shared_ptr<const tls::Client> tls, net::Pool& pool,
                          Opening opening, base::Log log) {
  Attempt attempt{
      .config = config, .tls = std::move(tls), .pool = pool, .opening = std::move(opening), .log = std::move(log)};
  auto problem = co_await try_once(attempt);
  if (problem && attempt.try_plain_next) {
    // RFC 7435 §3: who would take the mail in the clear gets it so when TLS does not come about.
    attempt.opening.security.use_tls = false;
    attempt.handshaking = attempt.try_plain_next = false;
    problem = co_await try_once(attempt);
  }
  if (problem) co_return Opened{.session = nullptr, .problem = std::move(problem)};
  co_return Opened{.session = std::move(attempt.session), .problem = std::nullopt};
}

}  // namespace outbound
