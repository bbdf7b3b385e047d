#include "queue/entry.h"

#include "queue/records.h"

namespace queue {

schema::QueuedReason reason_of(base::Code code) {
  switch (code) {
    case base::Code::over_quota:
      return schema::QUEUED_REASON_OVER_QUOTA;
    case base::Code::corrupt:
    case base::Code::too_large:
      return schema::QUEUED_REASON_BROKEN;
    case base::Code::not_found:
    case base::Code::denied:
    case base::Code::invalid:
      return schema::QUEUED_REASON_GONE;
    default:
      return schema::QUEUED_REASON_UNAVAILABLE;
  }
}

namespace {

schema::QueuedReturn return_of(smtp::Return ret) {
  switch (ret) {
    case smtp::Return::full:
      return schema::QUEUED_RETURN_FULL;
    case smtp::Return::headers:
      return schema::QUEUED_RETURN_HEADERS;
    case smtp::Return::unsaid:
      break;
  }
  return schema::QUEUED_RETURN_UNSAID;
}

schema::QueuedTls tls_of(const smtp::Envelope& envelope, const mime::Message& parsed) {
  // RFC 8689 §4.1: the parameter counts more than the field.
  if (envelope.require_tls) return schema::QUEUED_TLS_REQUIRED;
  return parsed.tls_optional ? schema::QUEUED_TLS_OPTIONAL : schema::QUEUED_TLS_BY_POLICY;
}

schema::QueuedRecipient make_recipient(const smtp::Recipient& recipient, schema::QueuedReason reason,
                                       std::string text) {
  schema::QueuedRecipient record;
  record.set_address(recipient.address);
  record.set_reason(reason);
  record.set_text(std::move(text));
  record.set_orcpt(recipient.orcpt);
  record.set_notify_never(recipient.notify.never);
  record.set_notify_success(recipient.notify.success);
  record.set_notify_failure(recipient.notify.failure);
  record.set_notify_delay(recipient.notify.delay);
  return record;
}

}  // namespace

schema::QueuedMessage queued_message(const smtp::Envelope& envelope, const mime::Message& parsed,
                                     const store::Body& body, const std::string& prefix, base::WallTime now,
                                     const smtp::User& user) {
  schema::QueuedMessage message;
  message.set_sender(envelope.sender);
  message.set_blob(body.id().value);
  message.set_prefix(prefix);
  message.set_size(prefix.size() + body.size());
  message.set_created_us(micros(now));
  message.set_smtputf8(envelope.smtputf8);
  message.set_eight_bit(envelope.body == smtp::BodyType::eight_bit_mime);
  message.set_account(user.account.value);
  message.set_submitter(user.address);
  message.set_binary(envelope.body == smtp::BodyType::binary_mime);
  message.set_eight_bit_header(parsed.eight_bit_header);
  message.set_envid(envelope.envid);
  message.set_ret(return_of(envelope.ret));
  message.set_priority(envelope.priority);
  message.set_tls(tls_of(envelope, parsed));
  if (envelope.hold) {
    message.set_hold_until_us(micros(envelope.hold->until));
    message.set_hold_request(envelope.hold->request);
  }
  if (envelope.deliver_by) {
    message.set_deliver_by_us(micros(envelope.deliver_by->time));
    message.set_deliver_by_gives_back(envelope.deliver_by->give_back);
    message.set_deliver_by_trace(envelope.deliver_by->trace);
  }
  return message;
}

schema::QueuedRecipient waiting(const smtp::Recipient& recipient, base::AccountId account, const base::Error& why) {
  schema::QueuedRecipient record = make_recipient(recipient, reason_of(why.code), why.text);
  record.set_account(account.value);
  return record;
}

schema::QueuedRecipient to_send(const smtp::Recipient& recipient, const std::string& address) {
  schema::QueuedRecipient record = make_recipient(recipient, schema::QUEUED_REASON_REMOTE, "waits to be sent");
  record.set_address(address);
  if (recipient.address != address) record.set_original(recipient.address);
  return record;
}

schema::QueuedRecipient held(const smtp::Recipient& recipient, const smtp::Hold& hold) {
  return make_recipient(recipient, schema::QUEUED_REASON_HELD, "is held until " + base::rfc3339_seconds(hold.until));
}

schema::QueuedRecipient delivered(const smtp::Recipient& recipient) {
  return make_recipient(recipient, schema::QUEUED_REASON_DELIVERED, "was delivered; its sender asked to be told");
}

smtp::Envelope envelope_of(const schema::QueuedMessage& message) {
  smtp::Envelope envelope{.sender = message.sender(), .smtputf8 = message.smtputf8(), .declared_size = message.size()};
  if (message.eight_bit()) envelope.body = smtp::BodyType::eight_bit_mime;
  if (message.binary()) envelope.body = smtp::BodyType::binary_mime;
  if (message.ret() == schema::QUEUED_RETURN_FULL) envelope.ret = smtp::Return::full;
  if (message.ret() == schema::QUEUED_RETURN_HEADERS) envelope.ret = smtp::Return::headers;
  envelope.envid = message.envid();
  envelope.priority = message.priority();
  envelope.require_tls = message.tls() == schema::QUEUED_TLS_REQUIRED;
  if (message.deliver_by_us() > 0) {
    envelope.deliver_by = smtp::DeliverBy{.time = wall_time(message.deliver_by_us()),
                                          .give_back = message.deliver_by_gives_back(),
                                          .trace = message.deliver_by_trace()};
  }
  return envelope;
}

smtp::Recipient recipient_of(const schema::QueuedRecipient& record) {
  return {.address = record.address(),
          .notify = {.never = record.notify_never(),
                     .success = record.notify_success(),
                     .failure = record.notify_failure(),
                     .delay = record.notify_delay()},
          .orcpt = record.orcpt()};
}

}  // namespace queue
