#include <optional>

#include "queue/records.h"

namespace queue {
namespace {

std::string name_of(base::QueueId id) { return "queue entry " + std::to_string(id.value); }

/// One walk of check_queue().
class Check {
 public:
  Check(const store::Reader& reader, const std::function<void(store::Problem)>& report)
      : reader_(reader), report_(report) {}

  base::Result<void> messages();
  base::Result<void> recipients();
  base::Result<void> links();
  base::Result<void> rows();
  base::Result<void> events();

 private:
  base::Result<void> message(base::QueueId id, const schema::QueuedMessage& record);
  base::Result<void> recipients_of(base::QueueId id, const schema::QueuedMessage& message);
  base::Result<void> place_of(Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& record,
                              bool broken);
  base::Result<void> row(Ref ref, bool due, const std::function<bool(const schema::QueuedRecipient&)>& right);
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
  return recipients_of(id, record);
}

base::Result<void> Check::recipients_of(base::QueueId id, const schema::QueuedMessage& message) {
  const std::uint32_t expected = message.recipients();
  std::uint32_t count = 0;
  std::string nothing;
  TRY_ASSIGN(const bool broken, reader_.get_raw(store::encode_key(kBroken.id, id), nothing));
  auto cursor = reader_.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) {
    ++count;
    const auto record = cursor.value();
    if (!record) {
      report_({name_of(id), record.error().text});
    } else {
      TRY(place_of({id, std::get<1>(cursor.key())}, message, *record, broken));
    }
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (count != expected || count == 0) {
    report_({name_of(id),
             "it has " + std::to_string(count) + " recipients, and its record says " + std::to_string(expected)});
  }
  return {};
}

/// A recipient that stands in no table would wait for ever.
base::Result<void> Check::place_of(Ref ref, const schema::QueuedMessage& message, const schema::QueuedRecipient& record,
                                   bool broken) {
  if (record.held() || broken) return {};
  const std::string key =
      record.due_us() > 0
          ? store::encode_key(kDue.id, static_cast<std::uint64_t>(record.due_us()), ref.entry, ref.number)
          : std::apply([](const auto&... parts) { return store::encode_key(kReady.id, parts...); },
                       ready_key(ref, message, record));
  std::string nothing;
  TRY_ASSIGN(const bool there, reader_.get_raw(key, nothing));
  if (!there) {
    report_(
        {name_of(ref.entry), "recipient " + std::to_string(ref.number) + " is in neither queue.due nor queue.ready"});
  }
  return {};
}

base::Result<void> Check::rows() {
  auto due = reader_.scan(kDue);
  for (; due.valid(); due.next()) {
    const auto& [time, entry, number] = due.key();
    TRY(row({entry, number}, true, [&](const schema::QueuedRecipient& record) {
      return record.due_us() > 0 && static_cast<std::uint64_t>(record.due_us()) == time;
    }));
  }
  if (due.error()) return std::unexpected(*due.error());
  auto broken = reader_.scan(kBroken);
  for (; broken.valid(); broken.next()) {
    const base::QueueId id = std::get<0>(broken.key());
    TRY_ASSIGN(const bool whole, exists(id));
    if (!whole) report_({name_of(id), "it is set aside, and does not exist"});
  }
  if (broken.error()) return std::unexpected(*broken.error());
  auto ready = reader_.scan(kReady);
  for (; ready.valid(); ready.next()) {
    const auto& [rank, sender, domain, entry, number] = ready.key();
    TRY(row({entry, number}, false, [&](const schema::QueuedRecipient& record) {
      return record.due_us() == 0 && domain_of(record) == domain;
    }));
  }
  if (ready.error()) return std::unexpected(*ready.error());
  return {};
}

base::Result<void> Check::row(Ref ref, bool due, const std::function<bool(const schema::QueuedRecipient&)>& right) {
  const auto record = reader_.get(kRecipients, {ref.entry, ref.number});
  if (!record && record.error().code != base::Code::corrupt) return std::unexpected(record.error());
  const char* table = due ? "queue.due" : "queue.ready";
  if (record && (!*record || (*record)->held() || !right(**record))) {
    report_({name_of(ref.entry), std::string(table) + " has a row for recipient " + std::to_string(ref.number) +
                                     " that its record does not ask for"});
  }
  return {};
}

/// What is kept of messages, and what leads there.
base::Result<void> Check::events() {
  std::string nothing;
  auto events = reader_.scan(kEvents);
  for (; events.valid(); events.next()) {
    const base::QueueId id = std::get<0>(events.key());
    const auto record = events.value();
    if (!record) {
      report_({"queue.event of " + std::to_string(id.value), record.error().text});
      continue;
    }
    for (const std::string& name : record->names()) {
      TRY_ASSIGN(const bool there, reader_.get_raw(store::encode_key(kEventsOf.id, name, id), nothing));
      if (!there) report_({"queue.event of " + std::to_string(id.value), "nothing leads to it by its name"});
    }
  }
  if (events.error()) return std::unexpected(*events.error());
  auto names = reader_.scan(kEventsOf);
  for (; names.valid(); names.next()) {
    const base::QueueId id = std::get<1>(names.key());
    if (!reader_.scan(kEvents, id).valid()) {
      report_({"queue.event_of", "it leads to " + std::to_string(id.value) + ", of which there is no event"});
    }
  }
  if (names.error()) return std::unexpected(*names.error());
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

base::Result<void> check_queue(const store::Reader& reader, const std::function<void(store::Problem)>& report) {
  Check check(reader, report);
  TRY(check.messages());
  TRY(check.recipients());
  TRY(check.rows());
  TRY(check.events());
  return check.links();
}

}  // namespace queue
