#include "delivery/queue.h"

#include <algorithm>

namespace delivery {
namespace {

// The store's table of links (docs/storage.md): blob, owner, item.
constexpr store::Table<std::tuple<base::BlobId, std::uint64_t, std::uint64_t>, store::Nothing> kLinks{3, "store.link"};

base::WallTime wall_time(std::int64_t micros) { return base::WallTime(std::chrono::microseconds(micros)); }

std::string name_of(base::QueueId id) { return "queue entry " + std::to_string(id.value); }

/// One walk of check_queue().
class Check {
 public:
  Check(const store::Reader& reader, const std::function<void(store::Problem)>& report)
      : reader_(reader), report_(report) {}

  base::Result<void> messages();
  base::Result<void> recipients();
  base::Result<void> links();

 private:
  base::Result<void> message(base::QueueId id, const schema::QueuedMessage& record);
  base::Result<void> recipients_of(base::QueueId id, std::uint32_t expected);
  base::Result<bool> exists(base::QueueId id) const {
    std::string value;
    return reader_.get_raw(store::encode_key(kMessages.id, id), value);
  }

  const store::Reader& reader_;
  const std::function<void(store::Problem)>& report_;
};

base::Result<void> Check::messages() {
  auto cursor = reader_.scan(kMessages);
  for (; cursor.valid(); cursor.next()) {
    const base::QueueId id = std::get<0>(cursor.key());
    const auto record = cursor.value();
    if (!record) {
      report_({name_of(id), record.error().text});
      continue;
    }
    TRY(message(id, *record));
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

base::Result<void> Check::message(base::QueueId id, const schema::QueuedMessage& record) {
  const base::BlobId blob{record.blob()};
  const std::string body = "its body " + std::to_string(blob.value);
  const auto size = reader_.body_size(blob);
  if (!size) {
    if (size.error().code == base::Code::unavailable) return std::unexpected(size.error());
    report_({name_of(id), body + ": " + size.error().text});
  } else if (*size + record.prefix().size() != record.size()) {
    report_({name_of(id), "its size is " + std::to_string(record.size()) + ", but its prefix and body have " +
                              std::to_string(*size + record.prefix().size()) + " bytes"});
  }
  std::string nothing;
  TRY_ASSIGN(const bool linked, reader_.get_raw(store::encode_key(kLinks.id, blob, kQueueOwner, id.value), nothing));
  if (!linked) report_({name_of(id), body + " has no link to it"});
  return recipients_of(id, record.recipients());
}

base::Result<void> Check::recipients_of(base::QueueId id, std::uint32_t expected) {
  std::uint32_t count = 0;
  auto cursor = reader_.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) {
    ++count;
    const auto record = cursor.value();
    if (!record) report_({name_of(id), record.error().text});
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (count != expected || count == 0) {
    report_({name_of(id),
             "it has " + std::to_string(count) + " recipients, and its record says " + std::to_string(expected)});
  }
  return {};
}

base::Result<void> Check::recipients() {
  auto cursor = reader_.scan(kRecipients);
  base::QueueId last;
  for (; cursor.valid(); cursor.next()) {
    const base::QueueId id = std::get<0>(cursor.key());
    if (id == std::exchange(last, id)) continue;
    TRY_ASSIGN(const bool whole, exists(id));
    if (!whole) report_({name_of(id), "it has recipients, and no message"});
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

/// A link without its entry would keep a body for ever.
base::Result<void> Check::links() {
  auto cursor = reader_.scan(kLinks);
  for (; cursor.valid(); cursor.next()) {
    const auto& [blob, owner, item] = cursor.key();
    if (owner != kQueueOwner) continue;
    TRY_ASSIGN(const bool whole, exists(base::QueueId{item}));
    if (!whole) {
      report_({"body " + std::to_string(blob.value),
               "it is linked to " + name_of(base::QueueId{item}) + ", which does not exist"});
    }
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

}  // namespace

base::Result<void> put_entry(store::Txn& tx, base::QueueId id, schema::QueuedMessage message,
                             const std::vector<schema::QueuedRecipient>& recipients) {
  TRY(tx.link({.blob = base::BlobId{message.blob()}, .owner = kQueueOwner, .item = id.value}));
  message.set_recipients(static_cast<std::uint32_t>(recipients.size()));
  tx.put(kMessages, {id}, message);
  std::uint32_t number = 0;
  for (const schema::QueuedRecipient& recipient : recipients) tx.put(kRecipients, {id, number++}, recipient);
  return {};
}

base::Result<std::uint64_t> count_queue(const store::Reader& reader) {
  std::uint64_t count = 0;
  auto cursor = reader.scan(kMessages);
  for (; cursor.valid(); cursor.next()) ++count;
  if (cursor.error()) return std::unexpected(*cursor.error());
  return count;
}

base::Result<std::vector<QueueEntry>> list_queue(const store::Reader& reader) {
  std::vector<QueueEntry> entries;
  auto cursor = reader.scan(kMessages);
  for (; cursor.valid(); cursor.next()) {
    const auto message = cursor.value();
    if (!message) continue;
    QueueEntry entry{.id = std::get<0>(cursor.key()),
                     .sender = message->sender(),
                     .recipients = {},
                     .size = message->size(),
                     .created = wall_time(message->created_us()),
                     .reason = {}};
    auto recipients = reader.scan(kRecipients, entry.id);
    for (; recipients.valid(); recipients.next()) {
      const auto recipient = recipients.value();
      if (!recipient) continue;
      entry.recipients.push_back(recipient->address());
      if (entry.reason.empty()) entry.reason = recipient->text();
    }
    if (recipients.error()) return std::unexpected(*recipients.error());
    entries.push_back(std::move(entry));
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return entries;
}

base::Result<QueueSummary> summarize_queue(const store::Reader& reader) {
  QueueSummary summary;
  auto cursor = reader.scan(kMessages);
  for (; cursor.valid(); cursor.next()) {
    ++summary.messages;
    if (summary.oldest) continue;
    if (const auto message = cursor.value()) summary.oldest = wall_time(message->created_us());
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return summary;
}

std::vector<store::TableName> tables() {
  return {{kMessages.id, kMessages.name}, {kRecipients.id, kRecipients.name}, {kTaken.id, kTaken.name}};
}

base::Result<void> check_queue(const store::Reader& reader, const std::function<void(store::Problem)>& report) {
  Check check(reader, report);
  TRY(check.messages());
  TRY(check.recipients());
  return check.links();
}

}  // namespace delivery
