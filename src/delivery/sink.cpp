#include "delivery/sink.h"

#include "base/text.h"
#include "delivery/queue.h"
#include "delivery/trace.h"

namespace delivery {
namespace {

/// Whether a recipient's error is that recipient's alone; any other is the store's, and nothing is to be committed.
bool concerns_one(base::Code code) {
  return code == base::Code::over_quota || code == base::Code::not_found || code == base::Code::corrupt ||
         code == base::Code::too_large;
}

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

schema::QueuedRecipient waiting(const std::string& recipient, base::AccountId account, const base::Error& why) {
  schema::QueuedRecipient record;
  record.set_address(recipient);
  record.set_account(account.value);
  record.set_reason(reason_of(why.code));
  record.set_text(why.text);
  return record;
}

schema::QueuedRecipient to_send(const Plan::Remote& remote) {
  schema::QueuedRecipient record;
  record.set_address(remote.address);
  if (remote.recipient != remote.address) record.set_original(remote.recipient);
  record.set_reason(schema::QUEUED_REASON_REMOTE);
  record.set_text("waits to be sent");
  return record;
}

class MessageSink : public smtp::Sink {
 public:
  MessageSink(const Context& context, smtp::Envelope envelope, std::optional<smtp::User> user, const smtp::Peer& peer)
      : context_(context),
        envelope_(std::move(envelope)),
        user_(std::move(user)),
        id_{context.store.next_id()},
        id_text_(std::to_string(id_.value)),
        received_head_(received_head(envelope_, peer, user_.has_value(), context.config.hostname, id_text_)),
        body_(context.store.new_body()) {}

  // Parsing stays on the loop: a block of 64 KiB takes well below a millisecond, less than a trip to the pool and back
  // costs for the small blocks that most mail is.
  net::Task<base::Result<void>> write(std::string_view bytes) override {
    size_ += bytes.size();
    if (size_ > context_.config.max_message_bytes) co_return base::fail(base::Code::too_large, "above the limit");
    parser_.feed(bytes);
    co_return co_await body_->append(bytes);
  }

  net::Task<base::Result<Accepted>> accept() override;

 private:
  /// One commit: what it files, and whom it leaves waiting. A closure may run twice, so it is made anew each time.
  struct Outcome {
    std::vector<base::AccountId> filed;
    std::vector<schema::QueuedRecipient> queued;
  };

  std::vector<mailstore::FileOptions> options_for(const Plan& plan, const std::string& added, base::WallTime now) const;
  schema::QueuedMessage queued_message(const store::Body& body, const std::string& added, base::WallTime now) const;
  base::Result<void> commit(store::Txn& tx, const Plan& plan, const std::vector<mailstore::FileOptions>& options,
                            const mailstore::Incoming& incoming, const schema::QueuedMessage& entry,
                            Outcome& outcome) const;

  const Context& context_;
  smtp::Envelope envelope_;
  std::optional<smtp::User> user_;
  base::QueueId id_;
  std::string id_text_;
  std::string received_head_;
  std::unique_ptr<store::BodyWriter> body_;
  mime::Parser parser_{mailstore::kParseLimits};
  std::uint64_t size_ = 0;
};

net::Task<base::Result<smtp::Sink::Accepted>> MessageSink::accept() {
  const auto parsed = std::make_shared<const mime::Message>(parser_.finish());
  // RFC 5321 §6.3: a message that has passed so many hosts goes round.
  if (parsed->received_fields > context_.config.max_received_fields) {
    co_return base::fail(base::Code::conflict,
                         "the message has " + std::to_string(parsed->received_fields) + " Received fields");
  }
  const mailstore::Incoming incoming = mailstore::make_incoming(body_->finish(), parsed);
  const base::WallTime now = context_.clock.now();
  std::string added = received(received_head_, now);
  if (user_) added += missing_fields(*parsed, now, context_.config.hostname, id_text_);
  const schema::QueuedMessage entry = queued_message(incoming.body, added, now);

  const Plan plan = co_await make_plan(context_.directory, envelope_.recipients, user_.has_value());
  const auto options = options_for(plan, added, now);
  std::vector<store::Owner> owners{store::Owner::of(id_)};
  for (const Plan::Local& local : plan.locals) owners.push_back(store::Owner::of(local.account.id));

  // From the plan to here nothing suspends: see make_plan().
  Outcome outcome;
  CO_TRY(co_await context_.store.write(
      std::move(owners), [&](store::Txn& tx) { return commit(tx, plan, options, incoming, entry, outcome); }));
  for (const base::AccountId account : outcome.filed) context_.mail.changed(account);
  for (const schema::QueuedRecipient& recipient : outcome.queued) {
    context_.log.info(
        "delivery.queued",
        {{"id", id_text_}, {"rcpt", base::printable(recipient.address())}, {"why", base::printable(recipient.text())}});
  }
  co_return Accepted{id_text_};
}

std::vector<mailstore::FileOptions> MessageSink::options_for(const Plan& plan, const std::string& added,
                                                             base::WallTime now) const {
  std::vector<mailstore::FileOptions> options;
  options.reserve(plan.locals.size());
  for (const Plan::Local& local : plan.locals) {
    options.push_back(
        {.prefix = final_fields(envelope_.sender, local.recipient) + added,
         .received = {.unix_seconds = base::unix_seconds(now), .zone_minutes = base::local_offset_minutes(now)},
         .flags = {},
         .quota_bytes = local.account.quota_bytes});
  }
  return options;
}

schema::QueuedMessage MessageSink::queued_message(const store::Body& body, const std::string& added,
                                                  base::WallTime now) const {
  schema::QueuedMessage message;
  message.set_sender(envelope_.sender);
  message.set_blob(body.id().value);
  message.set_prefix(added);
  message.set_size(added.size() + body.size());
  message.set_created_us(now.time_since_epoch().count());
  message.set_smtputf8(envelope_.smtputf8);
  message.set_eight_bit(envelope_.body == smtp::BodyType::eight_bit_mime);
  message.set_account(user_ ? user_->account.value : 0);
  return message;
}

/// A recipient that refuses waits in the queue and harms nobody else; when all of them refuse, so does the message.
base::Result<void> MessageSink::commit(store::Txn& tx, const Plan& plan,
                                       const std::vector<mailstore::FileOptions>& options,
                                       const mailstore::Incoming& incoming, const schema::QueuedMessage& entry,
                                       Outcome& outcome) const {
  outcome = {};
  std::vector<base::Error> refusals;
  for (std::size_t i = 0; i < plan.locals.size(); ++i) {
    const Plan::Local& local = plan.locals[i];
    auto filed = context_.mail.file(tx, local.account.id, std::nullopt, incoming, options[i]);
    if (filed) {
      outcome.filed.push_back(local.account.id);
      continue;
    }
    if (!concerns_one(filed.error().code)) return std::unexpected(std::move(filed).error());
    outcome.queued.push_back(waiting(local.recipient, local.account.id, filed.error()));
    refusals.push_back(std::move(filed).error());
  }
  for (const Plan::Failed& failed : plan.failed) {
    outcome.queued.push_back(waiting(failed.recipient, failed.account, failed.why));
    refusals.push_back(failed.why);
  }
  if (outcome.filed.empty() && plan.remotes.empty()) return std::unexpected(worst_of(refusals));
  for (const Plan::Remote& remote : plan.remotes) outcome.queued.push_back(to_send(remote));
  if (outcome.queued.empty()) return {};
  if (outcome.filed.empty()) tx.put_body(incoming.body);
  return put_entry(tx, id_, entry, outcome.queued);
}

}  // namespace

std::unique_ptr<smtp::Sink> make_sink(const Context& context, smtp::Envelope envelope, std::optional<smtp::User> user,
                                      const smtp::Peer& peer) {
  return std::make_unique<MessageSink>(context, std::move(envelope), std::move(user), peer);
}

}  // namespace delivery
