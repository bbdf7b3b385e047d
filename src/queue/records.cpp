#include "queue/records.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/text.h"
#include "directory/directory.h"

namespace queue {

std::string domain_of_address(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos) return {};
  const std::string domain(address.substr(at + 1));
  // An address literal, and what is no domain, stand as they are: they lead nowhere else.
  return directory::normalize_domain(domain).value_or(base::lower(domain));
}

std::uint64_t sender_key(const schema::QueuedMessage& message) {
  if (message.account() != 0) return message.account();
  constexpr std::uint64_t kNoAccount = 1ull << 63;
  return kNoAccount | base::crc32c(0, domain_of_address(message.sender()));
}

std::uint8_t rank_of(const schema::QueuedMessage& message) {
  return static_cast<std::uint8_t>(9 - std::clamp(message.priority(), -9, 9));
}

std::string domain_of(const schema::QueuedRecipient& recipient) {
  if (recipient.reason() != schema::QUEUED_REASON_REMOTE) return {};
  return domain_of_address(recipient.address());
}

ReadyKey ready_key(Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient) {
  return {rank_of(message), sender_key(message), domain_of(recipient), ref.entry, ref.number};
}

DueKey due_key(Ref ref, const schema::QueuedRecipient& recipient) {
  return {static_cast<std::uint64_t>(recipient.due_us()), ref.entry, ref.number};
}

ReadyKey successor(ReadyKey key) {
  auto& [rank, sender, domain, entry, number] = key;
  if (++number == 0) ++entry.value;  // ids are times: none is near the end of its numbers
  return key;
}

DueKey successor(DueKey key) {
  auto& [time, entry, number] = key;
  if (++number == 0) ++entry.value;
  return key;
}

schema::QueuedRecipient first_state(const schema::QueuedMessage& message, schema::QueuedRecipient recipient) {
  if (message.hold_until_us() > message.created_us()) recipient.set_due_us(message.hold_until_us());
  return recipient;
}

base::Result<void> put_entry(store::Txn& tx, base::QueueId id, schema::QueuedMessage message,
                             const std::vector<schema::QueuedRecipient>& recipients) {
  TRY(tx.link({.blob = base::BlobId{message.blob()}, .owner = kQueueOwner, .item = id.value}));
  message.set_recipients(static_cast<std::uint32_t>(recipients.size()));
  tx.put(kMessages, {id}, message);
  std::uint32_t number = 0;
  for (const schema::QueuedRecipient& given : recipients) {
    const Ref ref{id, number++};
    const schema::QueuedRecipient recipient = first_state(message, given);
    tx.put(kRecipients, {ref.entry, ref.number}, recipient);
    place(tx, ref, message, recipient);
  }
  return {};
}

void place(store::Txn& tx, Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient) {
  if (recipient.held()) return;
  if (recipient.due_us() > 0) {
    tx.put(kDue, due_key(ref, recipient), store::Nothing{});
  } else {
    tx.put(kReady, ready_key(ref, message, recipient), store::Nothing{});
  }
}

void displace(store::Txn& tx, Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& recipient) {
  if (recipient.held()) return;
  if (recipient.due_us() > 0) {
    tx.erase(kDue, due_key(ref, recipient));
  } else {
    tx.erase(kReady, ready_key(ref, message, recipient));
  }
}

void replace(store::Txn& tx, Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& old,
             const schema::QueuedRecipient& next) {
  displace(tx, ref, message, old);
  tx.put(kRecipients, {ref.entry, ref.number}, next);
  place(tx, ref, message, next);
}

void erase(store::Txn& tx, Ref ref, schema::QueuedMessage& message, const schema::QueuedRecipient& recipient) {
  displace(tx, ref, message, recipient);
  tx.erase(kRecipients, {ref.entry, ref.number});
  if (message.recipients() > 0) message.set_recipients(message.recipients() - 1);
}

base::Result<bool> finish(store::Txn& tx, base::QueueId id, const schema::QueuedMessage& message) {
  if (message.recipients() > 0) {
    tx.put(kMessages, {id}, message);
    return false;
  }
  tx.erase(kMessages, {id});
  tx.erase(kBroken, {id});
  const auto unlinked = tx.unlink({.blob = base::BlobId{message.blob()}, .owner = kQueueOwner, .item = id.value});
  // A body that is lost already keeps nobody from removing the entry.
  if (!unlinked && unlinked.error().code != base::Code::not_found) return std::unexpected(unlinked.error());
  return true;
}

base::Result<std::optional<DueKey>> next_due(const store::Reader& reader, DueKey from) {
  auto cursor = reader.scan_range(kDue, from, {~std::uint64_t{0}, {}, 0});
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (!cursor.valid()) return std::nullopt;
  return cursor.key();
}

base::Result<std::vector<ReadyKey>> promote(store::Txn& tx, DueKey from, base::WallTime now, std::size_t limit) {
  std::vector<DueKey> keys;
  {
    const auto end = static_cast<std::uint64_t>(std::max<std::int64_t>(micros(now), 0)) + 1;
    auto cursor = tx.scan_range(kDue, from, {end, {}, 0});
    for (; cursor.valid() && keys.size() < limit; cursor.next()) keys.push_back(cursor.key());
    if (cursor.error()) return std::unexpected(*cursor.error());
  }
  std::vector<ReadyKey> written;
  for (const auto& [time, entry, number] : keys) {
    tx.erase(kDue, {time, entry, number});
    const auto message = tx.get(kMessages, {entry});
    const auto recipient = tx.get(kRecipients, {entry, number});
    for (const base::Error* error : {message ? nullptr : &message.error(), recipient ? nullptr : &recipient.error()}) {
      if (error == nullptr) continue;
      if (error->code != base::Code::corrupt) return std::unexpected(*error);
      TRY(set_aside(tx, entry, error->text, now));
    }
    // A row that leads to nothing was left by a mistake, and does not come back.
    if (!message || !recipient || !*message || !*recipient) continue;
    schema::QueuedRecipient ready = **recipient;
    ready.set_due_us(0);
    tx.put(kRecipients, {entry, number}, ready);
    place(tx, {entry, number}, **message, ready);
    written.push_back(ready_key({entry, number}, **message, ready));
  }
  return written;
}

base::Result<void> set_aside(store::Txn& tx, base::QueueId id, std::string_view reason, base::WallTime now) {
  const auto message = tx.get(kMessages, {id});
  if (message && !*message) return {};  // it was removed meanwhile
  schema::QueuedBroken broken;
  broken.set_reason(std::string(reason));
  broken.set_since_us(micros(now));
  tx.put(kBroken, {id}, broken);
  if (!message) return {};  // its rows cannot be told: whoever meets one removes it
  std::vector<std::pair<std::uint32_t, schema::QueuedRecipient>> recipients;
  auto cursor = tx.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) {
    if (auto recipient = cursor.value()) recipients.emplace_back(std::get<1>(cursor.key()), *std::move(recipient));
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& [number, recipient] : recipients) displace(tx, {id, number}, **message, recipient);
  return {};
}

base::Result<std::string> read_message(const store::Reader& reader, const schema::QueuedMessage& message,
                                       std::uint64_t offset, std::uint64_t length) {
  std::string out;
  if (offset < message.prefix().size()) {
    out = message.prefix().substr(offset, length);
    length -= out.size();
    offset += out.size();
  }
  if (length > 0) {
    TRY(reader.read_body(base::BlobId{message.blob()}, offset - message.prefix().size(), length, out));
  }
  return out;
}

}  // namespace queue
