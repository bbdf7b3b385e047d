#include "mailstore/mailstore.h"

#include <algorithm>

#include "base/text.h"
#include "mailstore/encoded.h"
#include "mailstore/impl.h"

namespace mailstore {
namespace {

std::vector<store::Owner> owners(AccountId one, AccountId other) {
  if (one == other) return {store::Owner::of(one)};
  return {store::Owner::of(one), store::Owner::of(other)};
}

schema::EmailRecord email_record(const Incoming& message, const FileOptions& options, const Encoded& encoded,
                                 const Outer& outer, std::uint64_t thread) {
  schema::EmailRecord record;
  record.set_blob(message.body.id().value);
  record.set_prefix(options.prefix);
  record.set_size(options.prefix.size() + message.body.size());
  record.set_received_seconds(options.received.unix_seconds);
  record.set_received_zone_minutes(options.received.zone_minutes);
  record.set_message_id(outer.message_id);
  record.set_thread(thread);
  record.set_envelope(outer.envelope);
  record.set_structure(encoded.structure);
  return record;
}

}  // namespace

base::Result<Threading> find_thread(const store::Reader& reader, AccountId account, const ThreadIds& ids,
                                    EmailId email) {
  Threading out;
  for (const std::uint64_t hash : ids.hashes) {
    auto record = reader.get(kThreads, {account, hash});
    if (!record && record.error().code != base::Code::corrupt) return std::unexpected(std::move(record).error());
    if (record && *record) {
      out.thread = (*record)->thread();
      return out;
    }
    if (std::ranges::find(ids.kept, hash) != ids.kept.end()) out.unknown.push_back(hash);
  }
  out.thread = email.value;
  return out;
}

void put_thread(store::Txn& tx, AccountId account, const Threading& threading) {
  for (const std::uint64_t hash : threading.unknown) {
    schema::ThreadRecord record;
    record.set_thread(threading.thread);
    tx.put(kThreads, {account, hash}, record);
  }
}

base::Result<Filed> Impl::file(store::Txn& tx, AccountId account, std::optional<MailboxId> mailbox,
                               const Incoming& message, const FileOptions& options) {
  // Everything that can be refused comes before the first write: a caller may go on with the other recipients.
  TRY_ASSIGN(Edit edit, Edit::begin(context_, tx, account));
  TRY_ASSIGN(Edit::Box* const box, edit.mailbox(mailbox.value_or(edit.inbox())));
  TRY(Edit::check_uids(*box, 1));
  TRY_ASSIGN(std::string keywords, Edit::keyword_numbers(*box, options.flags.keywords, true));
  const std::uint64_t size = options.prefix.size() + message.body.size();
  TRY(edit.check_quota(options.quota, size));
  const EmailId email{context_.store.next_id()};
  const std::shared_ptr<const Encoded> encoded =
      message.encoded ? message.encoded : std::make_shared<const Encoded>(encode(*message.parsed));
  const auto own_fields = fields_with_prefix(outer_fields(*message.parsed), options.prefix);
  const Outer outer = own_fields ? outer_of(*own_fields) : encoded->outer;
  TRY_ASSIGN(const Threading threading, find_thread(tx, account, outer.ids, email));

  tx.put_body(message.body);
  TRY(tx.link({.blob = message.body.id(), .owner = account.value, .item = email.value}));
  tx.put(kEmails, {account, email}, email_record(message, options, *encoded, outer, threading.thread));
  put_thread(tx, account, threading);
  schema::MailAccount& record = edit.mutable_account();
  record.set_used_bytes(record.used_bytes() + size);
  record.set_emails(record.emails() + 1);

  schema::PlacementRecord placement;
  placement.set_email(email.value);
  const bool own_seen = has_own_seen(box->record, account, options.reader);
  placement.set_flags(options.flags.system & kAllFlags & (own_seen ? ~kSeen : kAllFlags));
  placement.set_keywords(std::move(keywords));
  placement.set_size(size);
  placement.set_saved(base::unix_seconds(context_.clock.now()));
  const Uid uid = edit.place(*box, std::move(placement));
  if (own_seen && (options.flags.system & kSeen) != 0) TRY(edit.set_seen(*box, uid, options.reader, true));
  const Filed filed{.mailbox = box->id, .uid_validity = box->record.uid_validity(), .uid = uid, .email = email};
  TRY(edit.finish());
  return filed;
}

net::Task<base::Result<std::vector<Filed>>> Impl::append(AccountId account, MailboxId mailbox,
                                                         std::vector<AppendMessage> messages) {
  for (AppendMessage& append : messages) {
    Incoming& message = append.message;
    if (!message.encoded) message = make_incoming(std::move(message.body), std::move(message.parsed));
  }
  std::vector<Filed> filed;
  const auto closure = [&](store::Txn& tx) -> base::Result<void> {
    filed.clear();
    for (const AppendMessage& message : messages) {
      TRY_ASSIGN(filed.emplace_back(), file(tx, account, mailbox, message.message, message.options));
    }
    return {};
  };
  CO_TRY(co_await context_.store.write({store::Owner::of(account)}, closure));
  changed(account);
  co_return filed;
}

net::Task<base::Result<Filed>> Impl::replace(AccountId account, MailboxId from, Uid uid, Target to,
                                             AppendMessage message) {
  if (!message.message.encoded) {
    message.message = make_incoming(std::move(message.message.body), std::move(message.message.parsed));
  }
  const AccountId target = to.account.value_or(account);
  Filed filed;
  const auto closure = [&](store::Txn& tx) -> base::Result<void> {
    TRY_ASSIGN(Edit edit, Edit::begin(context_, tx, account));
    TRY_ASSIGN(Edit::Box* const box, edit.mailbox(from));
    TRY_ASSIGN(const auto was, tx.get(kPlacements, {account, from, uid}));
    if (!was) return base::fail(base::Code::not_found, "the message that was to be replaced is gone");
    TRY(edit.unplace(*box, uid, *was));
    TRY(edit.release(EmailId{was->email()}));
    TRY(edit.finish());
    TRY_ASSIGN(filed, file(tx, target, to.mailbox, message.message, message.options));
    return {};
  };
  CO_TRY(co_await context_.store.write(owners(account, target), closure));
  changed(account);
  if (target != account) changed(target);
  co_return filed;
}

net::Task<base::Result<void>> Impl::edit(AccountId account, Step step, store::Kind kind) {
  const auto closure = [this, account, &step](store::Txn& tx) -> base::Result<void> {
    TRY_ASSIGN(Edit first, Edit::begin(context_, tx, account));
    if (!first.fresh()) {
      TRY(step(first));
      return first.finish();
    }
    TRY(first.finish());
    TRY_ASSIGN(Edit second, Edit::begin(context_, tx, account));
    TRY(step(second));
    return second.finish();
  };
  CO_TRY(co_await context_.store.write({store::Owner::of(account)}, closure, kind));
  changed(account);
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::edit_two(AccountId one, AccountId other, StepOfTwo step) {
  const auto closure = [this, one, other, &step](store::Txn& tx) -> base::Result<void> {
    for (const AccountId account : {one, other}) {
      TRY_ASSIGN(Edit first, Edit::begin(context_, tx, account));
      if (first.fresh()) TRY(first.finish());
    }
    TRY_ASSIGN(Edit left, Edit::begin(context_, tx, one));
    TRY_ASSIGN(Edit right, Edit::begin(context_, tx, other));
    TRY(step(left, right));
    TRY(left.finish());
    return right.finish();
  };
  CO_TRY(co_await context_.store.write(owners(one, other), closure));
  changed(one);
  changed(other);
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Impl::ensure_account(AccountId account) {
  return edit(account, [](Edit&) { return base::Result<void>(); });
}

net::Task<base::Result<Usage>> Impl::usage(AccountId account) {
  return context_.store.read([account](const store::Reader& reader) -> base::Result<Usage> {
    TRY_ASSIGN(const auto record, reader.get(kAccounts, {account}));
    if (!record) return Usage{};
    return Usage{.bytes = record->used_bytes(),
                 .messages = record->emails(),
                 .copies = held_messages(*record) - record->emails(),
                 .mailboxes = record->mailboxes()};
  });
}

net::Task<base::Result<void>> Impl::read(AccountId account,
                                         std::move_only_function<base::Result<void>(EmailReader&)> function) {
  return context_.store.read(
      [account, function = std::move(function)](const store::Reader& reader) mutable -> base::Result<void> {
        const auto emails = make_email_reader(reader, account);
        return function(*emails);
      });
}

base::Result<void> Impl::check(const store::Reader& reader, const std::function<void(store::Problem)>& report) {
  return check_records(reader, report);
}

Impl::Impl(store::Store& store, const base::Clock& clock, base::Log log)
    : context_{.store = store, .clock = clock, .log = std::move(log)},
      views_(std::make_shared<Views>(context_, [this](AccountId account, Synced view) {
        finish_later({.account = account, .view = std::move(view)});
      })) {
  find_unfinished();
}

Impl::~Impl() { stop_finishing(); }

std::vector<store::TableName> tables() {
  const auto name = [](const auto& table) { return store::TableName{table.id, table.name}; };
  return {name(kAccounts),      name(kMailboxes), name(kNames),      name(kNameHistory),
          name(kSubscriptions), name(kEmails),    name(kPlacements), name(kPlacementOf),
          name(kThreads),       name(kChanges),   name(kRemovals),   name(kCopies),
          name(kSavedViews),    name(kSavedRows), name(kAccessKeys), name(kGrants)};
}

std::optional<AccountId> account_of(std::string_view key) {
  std::uint8_t table = 0;
  AccountId account;
  if (!store::take_key_part(key, table) || table < kFirstTable || table > kLastTable) return std::nullopt;
  return store::take_key_part(key, account) ? std::optional(account) : std::nullopt;
}

std::unique_ptr<Mailstore> open(store::Store& store, const base::Clock& clock, base::Log log) {
  return std::make_unique<Impl>(store, clock, std::move(log));
}

}  // namespace mailstore
