// The envelope: MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3).

#include "base/text.h"
#include "smtp/table.h"

namespace smtp {

net::Task<void> Connection::mail(std::string_view argument) {
  Parsed<Mail> parsed = parse_mail(argument);
  if (!parsed) {
    say(reply::wrong(parsed.error(), "MAIL FROM:<address>"));
    co_return;
  }
  if (parsed->size && *parsed->size > config_.max_message_bytes) {  // RFC 1870 §6.1 (2)
    say(reply::message_too_large(config_.max_message_bytes));
    co_return;
  }
  const auto allowed = co_await host_.check_sender(user_ ? &*user_ : nullptr, parsed->sender, peer_);
  if (!allowed) {
    const Reply reply = reply::sender_refused(allowed.error());
    log_refusal("smtp.mail.refused", reply, parsed->sender);
    say(reply);
    co_return;
  }
  envelope_.emplace(Envelope{.sender = std::move(parsed->sender),
                             .smtputf8 = parsed->smtputf8,
                             .body = parsed->body,
                             .declared_size = parsed->size,
                             .recipients = {}});
  say(reply::sender_ok());
}

net::Task<void> Connection::rcpt(std::string_view argument) {
  Parsed<Rcpt> parsed = parse_rcpt(argument, envelope_->smtputf8);
  if (!parsed) {
    say(reply::wrong(parsed.error(), "RCPT TO:<address>"));
    co_return;
  }
  if (envelope_->recipients.size() >= config_.max_recipients) {  // RFC 5321 §4.5.3.1.10
    say(reply::too_many_recipients());
    co_return;
  }
  const auto allowed =
      co_await host_.check_recipient(user_ ? &*user_ : nullptr, envelope_->sender, parsed->recipient, peer_);
  if (!allowed) {
    const Reply reply = reply::recipient_refused(allowed.error());
    log_refusal("smtp.rcpt.refused", reply, parsed->recipient);
    say(reply);
    co_return;
  }
  envelope_->recipients.push_back(std::move(parsed->recipient));
  say(reply::recipient_ok());
}

void Connection::log_refusal(std::string_view event, const Reply& reply, std::string_view address) {
  if (!log_.enabled(base::Level::info)) return;
  log_.info(event, {{"helo", base::printable(peer_.helo)},
                    {"from", envelope_ ? base::printable(envelope_->sender) : std::string()},
                    {"address", base::printable(address)},
                    {"code", reply.code},
                    {"why", reply.text}});
}

}  // namespace smtp
