#include "delivery/sink.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "delivery/submission.h"
#include "delivery/taken.h"
#include "delivery/trace.h"
#include "directory/directory.h"
#include "mime/header.h"
#include "mime/repair.h"
#include "queue/entry.h"
#include "queue/history.h"
#include "queue/records.h"
#include "queue/route.h"

namespace delivery {
namespace {

using queue::delivered;
using queue::held;
using queue::put_entry;
using queue::queued_message;
using queue::to_send;
using queue::waiting;

/// Whether a recipient's error is that recipient's alone; any other is the store's, and nothing is to be committed.
bool concerns_one(base::Code code) {
  return code == base::Code::over_quota || code == base::Code::not_found || code == base::Code::corrupt ||
         code == base::Code::too_large;
}

class MessageSink : public smtp::Sink {
 public:
  MessageSink(const Context& context, smtp::Envelope envelope, std::optional<smtp::User> user, const smtp::Peer& peer,
              base::Log log)
      : context_(context),
        config_(context.config.get()),
        log_(std::move(log)),
        envelope_(std::move(envelope)),
        user_(std::move(user)),
        local_(peer.local),
        anywhere_(user_ || peer.relays),
        id_{context.store.next_id()},
        id_text_(std::to_string(id_.value)),
        received_head_(received_head(envelope_, peer, user_.has_value(), config_->hostname, id_text_)),
        body_(context.store.new_body()) {
    if (!anywhere_) return;
    if (auto sender = rewritten(config_->rewrite_senders, envelope_.sender)) {
      log_.info("delivery.rewritten",
                {{"id", id_text_}, {"sender", base::printable(envelope_.sender)}, {"to", base::printable(*sender)}});
      envelope_.sender = *std::move(sender);
    }
  }

  // Parsing stays on the loop: a block of 64 KiB takes well below a millisecond, less than a trip to the pool and back
  // costs for the small blocks that most mail is.
  net::Task<base::Result<void>> write(std::string_view bytes) override {
    size_ += bytes.size();
    if (size_ > config_->max_message_bytes) co_return base::fail(base::Code::too_large, "above the limit");
    parser_.feed(bytes);
    if (submitted()) long_lines_.feed(bytes);
    co_return co_await body_->append(bytes);
  }

  net::Task<base::Result<Accepted>> accept() override;

 private:
  /// One commit: what it files, and whom it leaves waiting. A closure may run twice, so it is made anew each time.
  struct Outcome {
    std::vector<base::AccountId> filed;
    std::vector<schema::QueuedRecipient> queued;
    std::vector<std::optional<base::Error>> refused;  // of each recipient, when each is answered
    std::optional<base::Error> failure;               // all of them are, so there is nothing to commit
    std::optional<base::QueueId> before;              // it was taken under this id already
  };
  /// Why the locals of a plan could not be filed.
  using LocalErrors = std::vector<std::optional<base::Error>>;

  /// By a user, or by a program of this machine: then it is theirs to be made right, and to answer for.
  bool submitted() const { return user_ || local_; }
  net::Task<base::Result<void>> check_originators(store::Body body, std::uint64_t header_bytes) const;
  net::Task<base::Result<bool>> is_own(std::string address) const;
  net::Task<base::Result<std::optional<Mended>>> rewrite_header(store::Body body, std::uint64_t header_bytes) const;
  std::vector<smtp::Recipient> recipients() const;

  std::vector<mailstore::FileOptions> options_for(const Plan& plan, const std::string& added, base::WallTime now) const;
  base::Result<void> commit(store::Txn& tx, const Plan& plan, const std::vector<mailstore::FileOptions>& options,
                            const mailstore::Incoming& incoming, const schema::QueuedMessage& entry,
                            Outcome& outcome) const;
  base::Result<void> settle(const Plan& plan, const LocalErrors& errors, Outcome& outcome) const;
  std::vector<std::optional<base::Error>> refusals_of(const Plan& plan, const LocalErrors& errors) const;
  void note_reports(const Plan& plan, const LocalErrors& errors, Outcome& outcome) const;
  net::Task<std::unique_ptr<guard::Spending>> spending_of_user();
  void note_events(store::Txn& tx, const Plan& plan, const LocalErrors& errors, const mime::Message& parsed,
                   const Outcome& outcome) const;

  const Context& context_;
  const std::shared_ptr<const Config> config_;
  const base::Log log_;
  smtp::Envelope envelope_;
  std::optional<smtp::User> user_;
  std::optional<smtp::LocalUser> local_;
  bool anywhere_;  // the client may send to other hosts, too: it is a user's program, or one of our networks'
  base::QueueId id_;
  std::string id_text_;
  std::string received_head_;
  std::unique_ptr<store::BodyWriter> body_;
  mime::Parser parser_{mailstore::kParseLimits};
  mime::LongLines long_lines_;  // of what is submitted
  std::uint64_t size_ = 0;
};

/// RFC 6409 §6.1, §8.1: who says to have written it is one of those that the sender may send as.
net::Task<base::Result<void>> MessageSink::check_originators(store::Body body, std::uint64_t header_bytes) const {
  if (!config_->refuse_forged || (local_ && local_->any_sender)) co_return base::Result<void>();
  if (header_bytes > mailstore::kParseLimits.header_bytes) {
    co_return base::fail(base::Code::invalid, "the header has more than 256 KiB");
  }
  CO_TRY_ASSIGN(const std::string header, co_await read_begin(context_.store, std::move(body), header_bytes));
  CO_TRY_ASSIGN(const auto addresses, originators(header));
  for (const std::string& address : addresses) {
    CO_TRY_ASSIGN(const bool own, co_await is_own(address));
    if (own) continue;
    log_.info("delivery.forged", {{"id", id_text_}, {"address", base::printable(address)}});
    const std::string& who = user_ ? user_->address : local_->name;
    co_return base::fail(base::Code::denied,
                         "the header says to be from " + address + ", which " + who + " may not send as");
  }
  co_return base::Result<void>();
}

net::Task<base::Result<bool>> MessageSink::is_own(std::string address) const {
  if (!user_) co_return may_send_locally(*config_, *local_, address);
  if (base::iequals(address, user_->address)) co_return true;
  const auto own = co_await context_.directory.may_send_as({.account = user_->account,
                                                            .address = user_->address,
                                                            .quota = {},
                                                            .credential_version = user_->version,
                                                            .generation = user_->generation},
                                                           std::move(address));
  // What is no address is nobody's.
  if (!own && own.error().code == base::Code::invalid) co_return false;
  co_return own;
}

/// The message with its senders' addresses as the operator wants them; nothing when they are so. What the client sent
/// has been judged before; a header beyond what is parsed stays as it is.
net::Task<base::Result<std::optional<Mended>>> MessageSink::rewrite_header(store::Body body,
                                                                           std::uint64_t header_bytes) const {
  if (config_->rewrite_senders.empty() || header_bytes > mailstore::kParseLimits.header_bytes) {
    co_return std::optional<Mended>();
  }
  CO_TRY_ASSIGN(const std::string header, co_await read_begin(context_.store, body, header_bytes));
  auto anew = rewritten_header(config_->rewrite_senders, header);
  if (!anew) co_return std::optional<Mended>();
  log_.info("delivery.rewritten", {{"id", id_text_}, {"what", "header"}});
  CO_TRY_ASSIGN(auto changed, co_await with_header(context_.store, std::move(body), header_bytes, *std::move(anew)));
  co_return std::optional(std::move(changed));
}

/// As they are to be looked up.
std::vector<smtp::Recipient> MessageSink::recipients() const {
  std::vector<smtp::Recipient> all = envelope_.recipients;
  if (!anywhere_) return all;
  for (smtp::Recipient& recipient : all) recipient.address = queue::of_machine(config_->queue, recipient.address);
  return all;
}

net::Task<base::Result<smtp::Sink::Accepted>> MessageSink::accept() {
  const base::SteadyTime start = context_.clock.steady();
  auto parsed = std::make_shared<const mime::Message>(parser_.finish());
  // RFC 5321 §6.3: a message that has passed so many hosts goes round.
  if (parsed->received_fields > config_->max_received_fields) {
    co_return base::fail(base::Code::conflict,
                         "the message has " + std::to_string(parsed->received_fields) + " Received fields");
  }
  store::Body body = body_->finish();
  if (submitted()) {
    CO_TRY(co_await check_originators(body, parsed->parts[0].body_begin));
    if (parsed->eight_bit || parsed->nul || parsed->bare_cr_or_lf || long_lines_.found()) {
      CO_TRY_ASSIGN(auto mended, co_await mend(context_.store, body, parsed, envelope_.smtputf8));
      if (mended) {
        log_.info("delivery.mended", {{"id", id_text_}, {"before", body.size()}, {"after", mended->body.size()}});
        body = std::move(mended->body);
        parsed = std::move(mended->parsed);
        if (!parsed->eight_bit && !parsed->nul && !parsed->bare_cr_or_lf) envelope_.body = smtp::BodyType::seven_bit;
      }
    }
  }
  if (anywhere_) {
    CO_TRY_ASSIGN(auto changed, co_await rewrite_header(body, parsed->parts[0].body_begin));
    if (changed) {
      body = std::move(changed->body);
      parsed = std::move(changed->parsed);
    }
  }
  const mailstore::Incoming incoming = mailstore::make_incoming(std::move(body), parsed);
  const base::WallTime now = context_.clock.now();
  std::string added = received(received_head_, now);
  if (anywhere_) added += missing_fields(*parsed, now, config_->hostname, id_text_);
  const schema::QueuedMessage entry =
      queued_message(envelope_, *parsed, incoming.body, added, now, user_ ? *user_ : smtp::User());

  const std::unique_ptr<guard::Spending> spending = co_await spending_of_user();
  Plan plan;
  if (!envelope_.hold) plan = co_await make_plan(context_.directory, recipients(), anywhere_);
  const auto options = options_for(plan, added, now);
  std::vector<store::Owner> owners{store::Owner::of(id_)};
  for (const Plan::Local& local : plan.locals) owners.push_back(store::Owner::of(local.account.id));
  if (spending) owners.push_back(store::Owner::of(user_->account));

  // From the plan to here nothing suspends: see make_plan().
  Outcome outcome;
  const auto written = co_await context_.store.write(std::move(owners), [&](store::Txn& tx) -> base::Result<void> {
    if (spending) TRY(spending->take(tx));
    return commit(tx, plan, options, incoming, entry, outcome);
  });
  if (spending) spending->settle();
  if (!written && written.error().code == base::Code::exists && outcome.before)
    co_return Accepted{std::to_string(outcome.before->value), {}};
  if (!written) {
    // An error of the store's own is nobody's refusal, whatever the closure had found.
    const bool refused = outcome.failure && written.error().code == outcome.failure->code &&
                         written.error().text == outcome.failure->text;
    if (!refused || !envelope_.answer_each) co_return std::unexpected(written.error());
    co_return Accepted{id_text_, std::move(outcome.refused)};
  }
  for (const base::AccountId account : outcome.filed) context_.mail.changed(account);
  if (!outcome.queued.empty()) context_.queue.added(id_, entry, outcome.queued);
  context_.metrics.filed.add(outcome.filed.size());
  for (const schema::QueuedRecipient& recipient : outcome.queued) {
    context_.metrics.count_queued(recipient.reason());
    log_.info(
        "delivery.queued",
        {{"id", id_text_}, {"rcpt", base::printable(recipient.address())}, {"why", base::printable(recipient.text())}});
  }
  context_.metrics.seconds.observe(std::chrono::duration<double>(context_.clock.steady() - start).count());
  co_return Accepted{id_text_, std::move(outcome.refused)};
}

/// What the message takes of its user's day; nullptr when nothing is counted. Recipients here are no strangers.
net::Task<std::unique_ptr<guard::Spending>> MessageSink::spending_of_user() {
  if (!user_ || context_.guard == nullptr) co_return nullptr;
  std::vector<std::string> elsewhere;
  for (const smtp::Recipient& recipient : envelope_.recipients) {
    const std::size_t at = recipient.address.rfind('@');
    if (at == std::string::npos) continue;  // postmaster
    const auto local = co_await context_.directory.is_local_domain(recipient.address.substr(at + 1));
    if (!local || !*local) elsewhere.push_back(recipient.address);
  }
  co_return context_.guard->spending(user_->account, user_->address, elsewhere);
}

std::vector<mailstore::FileOptions> MessageSink::options_for(const Plan& plan, const std::string& added,
                                                             base::WallTime now) const {
  std::vector<mailstore::FileOptions> options;
  options.reserve(plan.locals.size());
  for (const Plan::Local& local : plan.locals) {
    options.push_back(
        {.prefix = final_fields(envelope_.sender, envelope_.recipients[local.recipient].address) + added,
         .received = {.unix_seconds = base::unix_seconds(now), .zone_minutes = base::local_offset_minutes(now)},
         .flags = {},
         .quota = local.account.quota});
  }
  return options;
}

base::Result<void> MessageSink::commit(store::Txn& tx, const Plan& plan,
                                       const std::vector<mailstore::FileOptions>& options,
                                       const mailstore::Incoming& incoming, const schema::QueuedMessage& entry,
                                       Outcome& outcome) const {
  outcome = {};
  if (!envelope_.once.empty()) {
    TRY_ASSIGN(outcome.before, find_taken(tx, envelope_.once));
    if (outcome.before) return base::fail(base::Code::exists, "it was taken already");
    put_taken(tx, envelope_.once, id_, context_.clock.now());
  }
  LocalErrors errors(plan.locals.size());
  for (std::size_t i = 0; i < plan.locals.size(); ++i) {
    const base::AccountId account = plan.locals[i].account.id;
    auto filed = context_.mail.file(tx, account, std::nullopt, incoming, options[i]);
    if (filed) {
      outcome.filed.push_back(account);
    } else if (concerns_one(filed.error().code)) {
      errors[i] = std::move(filed).error();
    } else {
      return std::unexpected(std::move(filed).error());
    }
  }
  if (envelope_.hold) {
    for (const smtp::Recipient& recipient : envelope_.recipients) {
      outcome.queued.push_back(held(recipient, *envelope_.hold));
    }
  } else {
    TRY(settle(plan, errors, outcome));
  }
  note_events(tx, plan, errors, *incoming.parsed, outcome);
  if (outcome.queued.empty()) return {};
  if (outcome.filed.empty()) tx.put_body(incoming.body);
  return put_entry(tx, id_, entry, outcome.queued);
}

/// A recipient that refuses waits in the queue and harms nobody else; when all of them refuse, so does the message.
/// Where each is answered, one that refuses is told so and does not wait.
base::Result<void> MessageSink::settle(const Plan& plan, const LocalErrors& errors, Outcome& outcome) const {
  std::vector<base::Error> refusals;
  for (const auto& error : errors) {
    if (error) refusals.push_back(*error);
  }
  for (const Plan::Failed& failed : plan.failed) refusals.push_back(failed.why);
  if (envelope_.answer_each) outcome.refused = refusals_of(plan, errors);
  if (outcome.filed.empty() && plan.remotes.empty() && !envelope_.accepted) {
    outcome.failure = worst_of(refusals);
    return std::unexpected(*outcome.failure);
  }

  std::vector<bool> waits(plan.locals.size(), !envelope_.answer_each);
  for (std::size_t r = 0; r < outcome.refused.size(); ++r) {
    if (outcome.refused[r]) continue;
    for (const std::size_t local : plan.targets[r].locals) waits[local] = true;
  }
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const Plan::Local& local = plan.locals[i];
    if (!errors[i] || !waits[i]) continue;
    outcome.queued.push_back(waiting(envelope_.recipients[local.recipient], local.account.id, *errors[i]));
  }
  std::unordered_set<base::AccountId> waiting_accounts;
  for (const Plan::Failed& failed : plan.failed) {
    if (envelope_.answer_each && outcome.refused[failed.recipient]) continue;
    if (failed.account != base::AccountId{} && !waiting_accounts.insert(failed.account).second) continue;
    outcome.queued.push_back(waiting(envelope_.recipients[failed.recipient], failed.account, failed.why));
  }
  for (const Plan::Remote& remote : plan.remotes) {
    outcome.queued.push_back(to_send(envelope_.recipients[remote.recipient], remote.address));
  }
  note_reports(plan, errors, outcome);
  return {};
}

/// RFC 2033 §4.2: a recipient is refused when nothing that it leads to takes the message.
std::vector<std::optional<base::Error>> MessageSink::refusals_of(const Plan& plan, const LocalErrors& errors) const {
  std::vector<std::vector<base::Error>> reasons(plan.targets.size());
  for (const Plan::Failed& failed : plan.failed) reasons[failed.recipient].push_back(failed.why);
  std::vector<std::optional<base::Error>> refused(plan.targets.size());
  for (std::size_t r = 0; r < refused.size(); ++r) {
    bool taken = !plan.targets[r].remotes.empty();
    for (const std::size_t local : plan.targets[r].locals) {
      if (errors[local]) {
        reasons[r].push_back(*errors[local]);
      } else {
        taken = true;
      }
    }
    if (!taken && !reasons[r].empty()) refused[r] = worst_of(reasons[r]);
  }
  return refused;
}

/// RFC 3461 §5.2.3: who asked for it is told of a delivery; that it is owed is as durable as the delivery. Nobody is
/// told of what came from the null sender (§5.2).
void MessageSink::note_reports(const Plan& plan, const LocalErrors& errors, Outcome& outcome) const {
  if (envelope_.sender.empty()) return;
  for (std::size_t r = 0; r < envelope_.recipients.size(); ++r) {
    if (!envelope_.recipients[r].notify.success) continue;
    const auto& locals = plan.targets[r].locals;
    const bool filed = std::ranges::any_of(locals, [&](std::size_t local) { return !errors[local]; });
    if (filed) outcome.queued.push_back(delivered(envelope_.recipients[r]));
  }
}

/// For `trace`: who sent it, and where each recipient's copy went.
void MessageSink::note_events(store::Txn& tx, const Plan& plan, const LocalErrors& errors, const mime::Message& parsed,
                              const Outcome& outcome) const {
  const auto keep = config_->queue.trace_keep;
  if (keep.count() == 0) return;
  constexpr std::uint32_t kFiled = 1u << 31;  // apart from the numbers of those that are queued
  const std::string message_id = parsed.envelopes.empty() ? std::string() : parsed.envelopes[0].message_id;
  std::string from = mime::unfold(std::string_view(received_head_).substr(std::string_view("Received: ").size()));
  std::ranges::replace(from, '\t', ' ');
  std::vector<queue::Noted> events{queue::noted("accepted", envelope_.sender, from, {envelope_.sender, message_id})};
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (errors[i]) continue;
    const std::string& address = plan.locals[i].account.address;
    events.push_back(queue::noted("filed", address, "",
                                  {address, envelope_.recipients[plan.locals[i].recipient].address},
                                  kFiled | static_cast<std::uint32_t>(i)));
  }
  std::uint32_t number = 0;
  for (const schema::QueuedRecipient& one : outcome.queued) {
    events.push_back(queue::noted("queued", one.address(), one.text(), {one.address(), one.original()}, number++));
  }
  queue::note(tx, keep, id_, context_.clock.now(), events);
}

}  // namespace

std::unique_ptr<smtp::Sink> make_sink(const Context& context, smtp::Envelope envelope, std::optional<smtp::User> user,
                                      const smtp::Peer& peer, base::Log log) {
  return std::make_unique<MessageSink>(context, std::move(envelope), std::move(user), peer, std::move(log));
}

}  // namespace delivery
