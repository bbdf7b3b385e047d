// The envelope: MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3).

#include <algorithm>

#include "base/text.h"
#include "smtp/table.h"

namespace smtp {

namespace {

/// HOLDFOR or HOLDUNTIL as a time, and as it may be shown again.
Hold hold_of(const HoldRequest& request, base::WallTime now) {
  if (request.interval) return {now + *request.interval, "HOLDFOR=" + std::to_string(request.interval->count())};
  return {*request.until, "HOLDUNTIL=" + base::rfc3339_seconds(*request.until)};
}

}  // namespace

/// What a parameter asks for and cannot be had here.
std::optional<Reply> Connection::cannot_keep(const Mail& mail) const {
  if (mail.size && *mail.size > config_->max_message_bytes) {  // RFC 1870 §6.1 (2)
    return reply::message_too_large(config_->max_message_bytes);
  }
  // RFC 8689 §2: what came in the clear cannot be kept from being read any more.
  if (mail.require_tls && peer_.tls == nullptr) return reply::require_tls_needs_tls();
  if (!mail.hold) return std::nullopt;
  const std::chrono::seconds most = offer().max_hold;
  if (most.count() == 0) return reply::wrong(Fault::unknown_parameter, {});
  const base::WallTime now = clock_.now();
  if (hold_of(*mail.hold, now).until > now + most) return reply::held_too_long(most);
  return std::nullopt;
}

/// RFC 6710 §5: anybody may ask for less than others get; for more, those who are known here.
int Connection::granted_priority(int asked) const {
  return user_ || peer_.trusted || peer_.relays ? asked : std::min(asked, 0);
}

Envelope Connection::envelope_of(Mail mail) const {
  const base::WallTime now = clock_.now();
  Envelope envelope{.sender = std::move(mail.sender),
                    .smtputf8 = mail.smtputf8,
                    .body = mail.body,
                    .declared_size = mail.size,
                    .ret = mail.ret,
                    .envid = std::move(mail.envid),
                    .priority = granted_priority(mail.priority),
                    .require_tls = mail.require_tls,
                    .answer_each = lmtp(),
                    .recipients = {}};
  if (mail.hold) {
    Hold hold = hold_of(*mail.hold, now);
    if (hold.until > now) envelope.hold = std::move(hold);
  }
  if (mail.by) envelope.deliver_by = DeliverBy{now + mail.by->interval, mail.by->give_back, mail.by->trace};
  return envelope;
}

/// What is told to who has sent enough for now. A message that may begin is counted.
std::optional<Reply> Connection::enough_messages() {
  if (user_) {
    const auto spent = visit_.spent(user_->account);
    if (spent && spent->of == guard::Spent::Of::messages) return reply::day_is_spent(*spent);
  }
  if (const auto limit = visit_.take(guard::What::messages, account())) return reply::limited(*limit);
  return std::nullopt;
}

net::Task<void> Connection::mail(std::string_view argument) {
  Parsed<Mail> parsed = parse_mail(argument);
  if (!parsed) {
    say(reply::wrong(parsed.error(), "MAIL FROM:<address>"));
    co_return;
  }
  if (messages_ >= config_->max_messages) {  // RFC 9422 §4.1
    co_await end_with(reply::too_many_messages(config_->hostname));
    co_return;
  }
  if (const auto refusal = cannot_keep(*parsed)) {
    say(*refusal);
    co_return;
  }
  if (visit_.banned()) {
    co_await end_with(reply::banned(config_->hostname));
    co_return;
  }
  if (const auto refusal = co_await nameless()) {
    log_.noise("smtp.reverse_dns.refused", {{"code", refusal->code}});
    say(*refusal);
    co_return;
  }
  const auto allowed = co_await host_.check_sender(user_ ? &*user_ : nullptr, parsed->sender, peer_);
  if (!allowed) {
    const Reply reply = reply::sender_refused(allowed.error());
    log_refusal("smtp.mail.refused", reply, parsed->sender, true);
    say(reply);
    co_return;
  }
  if (const auto refusal = enough_messages()) {
    log_refusal("smtp.mail.refused", *refusal, parsed->sender, true);
    say(*refusal);
    co_return;
  }
  ++messages_;
  const int asked = parsed->priority;
  envelope_.emplace(envelope_of(*std::move(parsed)));
  say(envelope_->priority == asked ? reply::sender_ok() : reply::other_priority(envelope_->priority));
}

net::Task<void> Connection::rcpt(std::string_view argument) {
  Parsed<Rcpt> parsed = parse_rcpt(argument, envelope_->smtputf8);
  if (!parsed) {
    say(reply::wrong(parsed.error(), "RCPT TO:<address>"));
    co_return;
  }
  if (envelope_->recipients.size() >= config_->max_recipients) {  // RFC 5321 §4.5.3.1.10
    say(reply::too_many_recipients());
    co_return;
  }
  const auto allowed =
      co_await host_.check_recipient(user_ ? &*user_ : nullptr, envelope_->sender, parsed->recipient, peer_);
  const auto limit = allowed ? visit_.take(guard::What::recipients, account()) : std::nullopt;
  if (!allowed || limit) {
    const Reply reply =
        limit ? reply::limited(*limit) : day_spent(allowed.error()).value_or(reply::recipient_refused(allowed.error()));
    mode_->metrics.recipients.count(reply);
    log_refusal("smtp.rcpt.refused", reply, parsed->recipient, true);
    say(reply);
    co_return;
  }
  mode_->metrics.recipients.accepted.add();
  envelope_->recipients.push_back({std::move(parsed->recipient), parsed->notify, std::move(parsed->orcpt)});
  say(reply::recipient_ok());
}

/// A host that is `busy` with a user's mail may mean that the user's day is over.
std::optional<Reply> Connection::day_spent(const base::Error& error) const {
  if (error.code != base::Code::busy || !user_) return std::nullopt;
  const auto spent = visit_.spent(user_->account);
  return spent ? std::optional(reply::day_is_spent(*spent)) : std::nullopt;
}

/// A name that somebody tries is noise; what became of a whole message is always told.
void Connection::log_refusal(std::string_view event, const Reply& reply, std::string_view address, bool noise) {
  if (!log_.enabled(base::Level::info)) return;
  const std::initializer_list<base::Field> fields = {
      {"helo", base::printable(peer_.helo)},
      {"from", envelope_ ? base::printable(envelope_->sender) : std::string()},
      {"address", base::printable(address)},
      {"code", reply.code},
      {"why", reply.text}};
  if (noise) {
    log_.noise(event, fields);
  } else {
    log_.info(event, fields);
  }
}

}  // namespace smtp
