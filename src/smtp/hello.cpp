// The verbs that begin a session: EHLO, HELO (RFC 5321 §4.1.1.1), LHLO (RFC 2033 §4.1) and STARTTLS (RFC 3207).

#include "base/text.h"
#include "smtp/policy.h"
#include "smtp/table.h"

namespace smtp {

namespace {

constexpr std::chrono::seconds kReversePatience{10};

}  // namespace

void Connection::greet(std::string name, bool esmtp) {
  // RFC 5321 §4.1.4: as RSET; a login stays.
  reset_transaction();
  peer_.helo = std::move(name);
  peer_.esmtp = esmtp;
  greeted_ = true;
}

/// What a stranger is told whose name is one that honest hosts do not have. RFC 5321 §4.1.4 forbids to refuse mail
/// because a name and an address do not fit, so that is only logged unless the operator says otherwise.
std::optional<Reply> Connection::disliked(std::string_view helo) {
  if (!is_stranger()) return std::nullopt;
  std::vector<std::string_view> noted;
  const Stranger stranger{.helo = helo, .hostname = config_->hostname, .endpoints = peer_.endpoints};
  const Rule* broken = judge(stranger, *config_, noted);
  for (const std::string_view rule : noted) {
    log_.noise("smtp.hello.odd", {{"helo", base::printable(helo)}, {"rule", rule}});
  }
  if (broken == nullptr) return std::nullopt;
  log_.noise("smtp.hello.refused", {{"helo", base::printable(helo)}, {"rule", broken->name}});
  return broken->reply();
}

/// What a stranger is told whose address has no name, where that counts. It is looked up at the first MAIL.
net::Task<std::optional<Reply>> Connection::nameless() {
  const Policy policy = config_->reverse_dns;
  const auto address = base::Address::parse(peer_.endpoints.peer_address);
  if (policy == Policy::ignore || mode_->resolver == nullptr || !is_stranger() || !address) co_return std::nullopt;
  if (!reverse_name_) {
    reverse_name_ = co_await look_up_reverse(*mode_->resolver, *address, clock_.steady() + kReversePatience);
    if (*reverse_name_ != ReverseName::confirmed) {
      log_.noise("smtp.reverse_dns.odd", {{"found", *reverse_name_ == ReverseName::missing ? "missing" : "unknown"}});
    }
  }
  if (policy != Policy::refuse || *reverse_name_ == ReverseName::confirmed) co_return std::nullopt;
  co_return *reverse_name_ == ReverseName::missing ? reply::no_reverse_name() : reply::reverse_name_unknown();
}

void Connection::say_hello(std::string_view argument, std::string_view syntax) {
  const Parsed<std::string> name = parse_hello(argument);
  if (!name) {
    say(reply::wrong(name.error(), syntax));
    return;
  }
  if (const auto refusal = disliked(*name)) {
    say(*refusal);
    return;
  }
  greet(*name, true);
  say(reply::hello(config_->hostname + "\n" + extension_lines(offer())));
}

net::Task<void> Connection::ehlo(std::string_view argument) {
  say_hello(argument, "EHLO name");
  co_return;
}

net::Task<void> Connection::lhlo(std::string_view argument) {
  say_hello(argument, "LHLO name");
  co_return;
}

net::Task<void> Connection::helo(std::string_view argument) {
  const Parsed<std::string> name = parse_hello(argument);
  if (!name) {
    say(reply::wrong(name.error(), "HELO name"));
    co_return;
  }
  if (const auto refusal = disliked(*name)) {
    say(*refusal);
    co_return;
  }
  greet(*name, false);
  say(reply::hello(config_->hostname));
}

void Connection::reset_transaction() {
  envelope_.reset();
  chunks_.reset();
}

net::Task<void> Connection::starttls(std::string_view) {
  if (peer_.tls != nullptr) {
    say(reply::tls_is_on());
    co_return;
  }
  auto acceptor = tls_ ? tls_() : nullptr;
  if (!acceptor) {
    say(reply::tls_unavailable());
    co_return;
  }
  // Whatever was sent behind STARTTLS was sent in the clear, perhaps by somebody else: it is never looked at.
  if (!in_.empty()) log_.noise("smtp.starttls.discarded", {{"bytes", in_.size()}});
  in_.clear();
  lines_.reset();
  say(reply::ready_for_tls());
  co_await flush();
  co_await handshake(std::move(acceptor));
  // RFC 3207 §4.2: all that the client said before is forgotten.
  reset_transaction();
  peer_.helo.clear();
  peer_.esmtp = false;
  greeted_ = false;
  user_.reset();
}

net::Task<void> Connection::handshake(std::shared_ptr<const tls::Acceptor> acceptor) {
  arm(config_->command_timeout);
  stream_ = co_await tls::accept(std::move(acceptor), std::move(stream_), mode_->metrics.tls, log_);
  peer_.tls = stream_->tls();
  ENSURE(peer_.tls != nullptr);
  log_ = log_.with({{"tls", peer_.tls->version}});
}

}  // namespace smtp
