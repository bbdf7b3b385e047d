#include "queue/history.h"

#include <algorithm>
#include <deque>

#include "base/text.h"

namespace queue {
namespace {

constexpr std::size_t kMaxText = 500;
constexpr std::size_t kMaxName = 320;
constexpr std::size_t kMaxEvents = 10'000;  // that one answer has

std::string name_of(std::string_view text) {
  text = base::trim(text);
  if (text.starts_with('<') && text.ends_with('>') && text.size() > 2) text = text.substr(1, text.size() - 2);
  return base::lower(text.substr(0, kMaxName));
}

TraceEvent event_of(base::QueueId id, std::uint64_t time, const schema::QueuedEvent& record) {
  return {.id = id,
          .time = wall_time(static_cast<std::int64_t>(time)),
          .event = record.event(),
          .recipient = record.recipient(),
          .text = record.text(),
          .host = record.host(),
          .address = record.address(),
          .tls = record.tls(),
          .status = record.status(),
          .diagnostic = record.diagnostic()};
}

}  // namespace

Noted noted(std::string_view event, std::string_view recipient, std::string_view text,
            const std::vector<std::string>& names, std::uint32_t number) {
  Noted out{.number = number, .event = {}};
  out.event.set_event(std::string(event));
  out.event.set_recipient(std::string(recipient));
  out.event.set_text(std::string(text.substr(0, kMaxText)));
  for (const std::string& name : names) {
    std::string key = name_of(name);
    if (!key.empty()) out.event.add_names(std::move(key));
  }
  return out;
}

void note(store::Txn& tx, std::chrono::seconds keep, base::QueueId id, base::WallTime now,
          const std::vector<Noted>& events) {
  if (keep.count() == 0) return;
  for (const Noted& one : events) {
    // What is told of the whole comes before what is told of recipients at the same moment: kWhole + 1 is 0.
    tx.put(kEvents, {id, static_cast<std::uint64_t>(micros(now)), one.number + 1}, one.event);
    for (const std::string& name : one.event.names()) tx.put(kEventsOf, {name, id}, store::Nothing{});
  }
}

base::Result<std::vector<TraceEvent>> find_events(const store::Reader& reader, std::string_view what,
                                                  std::size_t most) {
  std::deque<base::QueueId> ids;
  const auto number = base::parse_u64(what);
  if (number) {
    ids.push_back(base::QueueId{*number});
  } else {
    auto cursor = reader.scan(kEventsOf, name_of(what));
    for (; cursor.valid(); cursor.next()) {
      ids.push_back(std::get<1>(cursor.key()));
      if (ids.size() > most) ids.pop_front();
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
  }
  std::vector<TraceEvent> events;
  for (const base::QueueId id : ids) {
    auto cursor = reader.scan(kEvents, id);
    for (; cursor.valid() && events.size() < kMaxEvents; cursor.next()) {
      const auto record = cursor.value();
      if (record) events.push_back(event_of(id, std::get<1>(cursor.key()), *record));
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
  }
  return events;
}

base::Result<std::size_t> forget_events(store::Txn& tx, base::WallTime before, std::size_t most) {
  // Ids of entries are the microseconds of their arrival, or a little more (store::Store::next_id).
  const base::QueueId end{static_cast<std::uint64_t>(std::max<std::int64_t>(micros(before), 0))};
  std::vector<std::tuple<base::QueueId, std::uint64_t, std::uint32_t>> keys;
  std::vector<std::tuple<std::string, base::QueueId>> names;
  auto cursor = tx.scan_range(kEvents, {{}, 0, 0}, {end, 0, 0});
  for (; cursor.valid() && keys.size() < most; cursor.next()) {
    keys.push_back(cursor.key());
    if (const auto record = cursor.value()) {
      for (const std::string& name : record->names()) names.emplace_back(name, std::get<0>(cursor.key()));
    }
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& key : keys) tx.erase(kEvents, key);
  for (const auto& key : names) tx.erase(kEventsOf, key);
  return keys.size();
}

}  // namespace queue
