// Recipients that are here, or were thought to be: looked up anew, and filed in one commit with the end of their wait.
#include <algorithm>

#include "base/text.h"
#include "queue/attempt.h"
#include "queue/entry.h"
#include "queue/history.h"
#include "queue/route.h"

namespace queue {
namespace {

constexpr std::uint64_t kBlock = 64 * 1024;
constexpr int kLookUps = 3;

/// Where one recipient leads now.
struct Target {
  std::vector<directory::Account> accounts;
  std::vector<std::string> elsewhere;
  std::optional<base::Error> error;
};

/// An item that is delivered here.
struct Here {
  Item item;
  std::vector<Target> targets;  // of its recipients
  std::optional<mailstore::Incoming> incoming;
  base::WallTime now;
  // Of the last run of the closure.
  std::vector<base::AccountId> filed;
  std::vector<std::optional<base::Error>> errors;                         // of the recipients: they stay as they are
  std::vector<std::pair<std::uint32_t, schema::QueuedRecipient>> placed;  // recipients that came of them
  bool removed = false;
};

net::Task<Target> look_up(const Shared& shared, schema::QueuedRecipient recipient) {
  Target target;
  auto route = co_await shared.directory.route(of_machine(*shared.config(), recipient.address()));
  if (!route) {
    if (route.error().code != base::Code::denied) {
      target.error = std::move(route).error();
    } else if (recipient.reason() == schema::QUEUED_REASON_REMOTE) {
      target.error = base::Error{base::Code::unavailable,
                                 recipient.address() + " is to be delivered here, and its domain is none of ours"};
    } else {
      target.elsewhere.push_back(recipient.address());
    }
    co_return target;
  }
  for (directory::Account& account : route->accounts) {
    // It waits for one account alone: the others that the address leads to have the message.
    if (recipient.account() == 0 || recipient.account() == account.id.value)
      target.accounts.push_back(std::move(account));
  }
  if (recipient.account() == 0) {
    for (auto& remote : route->remotes) target.elsewhere.push_back(std::move(remote.address));
  }
  if (target.accounts.empty() && target.elsewhere.empty()) {
    target.error = base::Error{base::Code::not_found, "the mailbox that the address led to takes its mail no more"};
  }
  co_return target;
}

net::Task<void> look_up_all(Shared& shared, std::shared_ptr<Here> here) {
  // As with a message that arrives: all of one moment, or an account that is removed meanwhile gets mail behind its
  // purge.
  for (int attempt = 1; attempt <= kLookUps; ++attempt) {
    const std::uint64_t generation = shared.directory.generation();
    here->targets.clear();
    for (const auto& [number, record] : here->item.recipients) {
      here->targets.push_back(record.reason() == schema::QUEUED_REASON_DELIVERED ? Target{}
                                                                                 : co_await look_up(shared, record));
    }
    if (generation == shared.directory.generation()) co_return;
  }
}

/// A body of its own for the accounts: that of the queue is bound to the entry.
net::Task<base::Result<mailstore::Incoming>> copy_body(Shared& shared, schema::QueuedMessage message,
                                                       std::shared_ptr<Lease> lease) {
  const auto writer = shared.store.new_body();
  mime::Parser parser{mailstore::kParseLimits};
  const std::uint64_t size = message.size() - message.prefix().size();
  for (std::uint64_t offset = 0; offset < size;) {
    lease->renew(shared.clock.steady());
    CO_TRY_ASSIGN(const std::string block, co_await shared.store.read([&](const store::Reader& reader) {
      return read_message(reader, message, message.prefix().size() + offset, kBlock);
    }));
    if (block.empty()) co_return base::fail(base::Code::corrupt, "its body ends too early");
    parser.feed(block);
    CO_TRY(co_await writer->append(block));
    offset += block.size();
  }
  co_return mailstore::make_incoming(writer->finish(), std::make_shared<const mime::Message>(parser.finish()));
}

bool concerns_one(base::Code code) {
  return code == base::Code::over_quota || code == base::Code::not_found || code == base::Code::corrupt ||
         code == base::Code::too_large;
}

mailstore::FileOptions options_for(const Here& here, const schema::QueuedRecipient& recipient,
                                   const directory::Account& account) {
  const std::string& named = recipient.original().empty() ? recipient.address() : recipient.original();
  return {
      .prefix = "Return-Path: <" + here.item.message.sender() + ">\r\nDelivered-To: " + named + "\r\n" +
                here.item.message.prefix(),
      .received = {.unix_seconds = base::unix_seconds(here.now), .zone_minutes = base::local_offset_minutes(here.now)},
      .flags = {},
      .quota = account.quota};
}

base::Result<std::uint32_t> next_number(const store::Txn& tx, base::QueueId id) {
  std::uint32_t next = 0;
  auto cursor = tx.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) next = std::get<1>(cursor.key()) + 1;
  if (cursor.error()) return std::unexpected(*cursor.error());
  return next;
}

/// What a recipient becomes: copies in mailboxes, a recipient for each address elsewhere and for each account that
/// takes none now, and, when its sender wants to be told, one that says that it was delivered.
struct Parts {
  std::vector<schema::QueuedRecipient> next;
  std::optional<base::Error> error;
  bool filed = false;
};

base::Result<Parts> file_one(store::Txn& tx, const Shared& shared, Here& here, std::size_t i) {
  const schema::QueuedRecipient& recipient = here.item.recipients[i].second;
  const Target& target = here.targets[i];
  Parts parts{.next = {}, .error = target.error};
  for (const directory::Account& account : target.accounts) {
    std::optional<base::Error> why;
    if (std::ranges::find(here.filed, account.id) != here.filed.end()) {
      parts.filed = true;  // by another recipient of the message
    } else if (account.state == directory::State::suspended) {
      why = base::Error{base::Code::suspended, account.address + " is suspended"};
    } else if (const auto filed = shared.mail.file(tx, account.id, std::nullopt, *here.incoming,
                                                   options_for(here, recipient, account));
               filed) {
      here.filed.push_back(account.id);
      parts.filed = true;
    } else if (concerns_one(filed.error().code)) {
      why = filed.error();
    } else {
      return std::unexpected(filed.error());
    }
    if (!why) continue;
    schema::QueuedRecipient waits = recipient;
    waits.set_account(account.id.value);
    waits.set_reason(reason_of(why->code));
    waits.set_text(why->text);
    parts.next.push_back(std::move(waits));
    parts.error = std::move(why);
  }
  for (const std::string& address : target.elsewhere) {
    schema::QueuedRecipient sent = recipient;
    if (recipient.original().empty() && address != recipient.address()) sent.set_original(recipient.address());
    sent.set_address(address);
    sent.set_account(0);
    sent.set_reason(schema::QUEUED_REASON_REMOTE);
    sent.set_text("waits to be sent");
    parts.next.push_back(std::move(sent));
  }
  if (parts.filed && recipient.notify_success() && !here.item.message.sender().empty()) {
    schema::QueuedRecipient told = recipient;
    told.set_reason(schema::QUEUED_REASON_DELIVERED);
    parts.next.push_back(std::move(told));
  }
  return parts;
}

base::Result<void> file_all(store::Txn& tx, const Shared& shared, Here& here) {
  here.filed.clear();
  here.errors.assign(here.item.recipients.size(), std::nullopt);
  here.placed.clear();
  here.removed = false;
  const base::QueueId id = here.item.entry;
  TRY_ASSIGN(auto message, tx.get(kMessages, {id}));
  if (!message) return base::fail(base::Code::conflict, "the entry was removed");
  TRY_ASSIGN(std::uint32_t number, next_number(tx, id));
  for (std::size_t i = 0; i < here.item.recipients.size(); ++i) {
    const Ref ref{id, here.item.recipients[i].first};
    const schema::QueuedRecipient& was = here.item.recipients[i].second;
    if (was.reason() == schema::QUEUED_REASON_DELIVERED) continue;
    TRY_ASSIGN(const auto record, tx.get(kRecipients, {ref.entry, ref.number}));
    if (!record || record->tries() != was.tries() || record->reason() != was.reason()) continue;
    TRY_ASSIGN(Parts parts, file_one(tx, shared, here, i));
    const bool alone = parts.next.size() <= 1 && !parts.filed && parts.error.has_value();
    if (alone) {  // nothing came of it: it stays, and its attempt is settled like any other
      here.errors[i] = std::move(parts.error);
      continue;
    }
    if (parts.filed) {
      note(tx, shared.config()->trace_keep, id, here.now, {noted("filed", was.address(), "", {}, ref.number)});
    }
    erase(tx, ref, *message, *record);
    for (const schema::QueuedRecipient& next : parts.next) {
      tx.put(kRecipients, {id, number}, next);
      place(tx, {id, number}, *message, next);
      here.placed.emplace_back(number++, next);
      message->set_recipients(message->recipients() + 1);
    }
  }
  TRY_ASSIGN(here.removed, finish(tx, id, *message));
  return {};
}

outbound::Outcome outcome_of(const base::Error& error) {
  const bool gone = error.code == base::Code::not_found || error.code == base::Code::invalid;
  outbound::Outcome outcome{.verdict = gone ? outbound::Verdict::failed : outbound::Verdict::deferred,
                            .status = "4.3.0",
                            .text = error.text,
                            .host = {},
                            .address = {},
                            .diagnostic = {},
                            .tls = {}};
  if (gone) outcome.status = error.code == base::Code::not_found ? "5.1.1" : "5.1.3";
  if (error.code == base::Code::over_quota) outcome.status = "4.2.2";
  if (error.code == base::Code::suspended) outcome.status = "4.2.1";
  return outcome;
}

/// Those that were delivered before, and those that could not be now.
net::Task<void> settle_rest(Shared& shared, std::shared_ptr<Here> here, std::shared_ptr<Lease> lease) {
  Item rest{.entry = here->item.entry, .message = here->item.message, .recipients = {}};
  std::vector<outbound::Outcome> outcomes;
  for (std::size_t i = 0; i < here->item.recipients.size(); ++i) {
    const auto& one = here->item.recipients[i];
    if (one.second.reason() == schema::QUEUED_REASON_DELIVERED) {
      outcomes.push_back({.verdict = outbound::Verdict::delivered,
                          .status = "2.1.5",
                          .text = {},
                          .host = {},
                          .address = {},
                          .diagnostic = {},
                          .tls = {}});
    } else if (here->errors[i]) {
      outcomes.push_back(outcome_of(*here->errors[i]));
    } else {
      continue;
    }
    rest.recipients.push_back(one);
  }
  if (!rest.recipients.empty()) co_await settle(shared, std::move(rest), std::move(outcomes), true, lease);
}

}  // namespace

net::Task<void> deliver_here(Shared& shared, Item item, std::shared_ptr<Lease> lease) {
  const auto here = std::make_shared<Here>();
  here->item = std::move(item);
  here->now = shared.clock.now();
  here->errors.resize(here->item.recipients.size());
  const bool reports_only = std::ranges::all_of(
      here->item.recipients, [](const auto& one) { return one.second.reason() == schema::QUEUED_REASON_DELIVERED; });
  if (!reports_only) {
    auto incoming = co_await copy_body(shared, here->item.message, lease);
    if (!incoming) {
      const base::Code code = incoming.error().code;
      if (code == base::Code::corrupt || code == base::Code::not_found) {
        co_await set_entry_aside(shared, here->item.entry, incoming.error().text);
        co_return;
      }
      here->errors.assign(here->errors.size(), incoming.error());
    } else {
      here->incoming = *std::move(incoming);
      co_await look_up_all(shared, here);
      std::vector<store::Owner> owners{store::Owner::of(here->item.entry)};
      for (const Target& target : here->targets) {
        for (const directory::Account& account : target.accounts) owners.push_back(store::Owner::of(account.id));
      }
      const auto written = co_await shared.store.write(
          std::move(owners), [&shared, here](store::Txn& tx) { return file_all(tx, shared, *here); });
      if (!written) here->errors.assign(here->errors.size(), written.error());
      if (!written) here->filed.clear();
      if (!written) here->placed.clear();
      for (const auto& [number, next] : here->placed) {
        shared.gaps.fill({here->item.entry, number}, here->item.message, next);
      }
      for (const base::AccountId account : here->filed) shared.mail.changed(account);
      if (written && here->removed) shared.totals.remove(base::AccountId{here->item.message.account()});
      if (written && !here->filed.empty()) {
        shared.metrics.delivered.add(here->filed.size());
        shared.log.info("queue.filed", {{"id", here->item.entry.value}, {"accounts", here->filed.size()}});
      }
    }
  }
  co_await settle_rest(shared, here, lease);
}

}  // namespace queue
