#include "queue/listing.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "queue/schedule.h"

namespace queue {
namespace {

/// Entries that one search looks at before it lets others have the pool.
constexpr std::size_t kLookedAt = 20'000;
constexpr std::size_t kMaxDomains = 100'000;

bool contains(std::string_view text, std::string_view part) {
  return part.empty() || base::lower(text).contains(base::lower(part));
}

State state_of(Ref ref, const schema::QueuedRecipient& record, bool broken, const Leases& leases) {
  if (broken) return State::broken;
  if (record.held()) return State::held;
  if (leases.active(ref)) return State::active;
  return record.due_us() > 0 ? State::waiting : State::ready;
}

bool means(const Filter& filter, Ref ref, const schema::QueuedRecipient& record, bool broken, const Leases& leases) {
  return (contains(record.address(), filter.recipient) || contains(record.original(), filter.recipient)) &&
         (filter.domain.empty() || base::iequals(domain_of_address(record.address()), filter.domain)) &&
         (!filter.state || state_of(ref, record, broken, leases) == *filter.state);
}

bool means(const Filter& filter, base::QueueId id, const schema::QueuedMessage& message) {
  return (filter.ids.empty() || std::ranges::find(filter.ids, id) != filter.ids.end()) &&
         contains(message.sender(), filter.sender) &&
         (!filter.created_before || wall_time(message.created_us()) <= *filter.created_before);
}

RecipientView view_of(Ref ref, const schema::QueuedRecipient& record, bool broken, const Leases& leases) {
  RecipientView view{.number = ref.number,
                     .address = record.address(),
                     .original = record.original(),
                     .domain = domain_of(record),
                     .state = state_of(ref, record, broken, leases),
                     .reason = record.text(),
                     .tries = record.tries(),
                     .tried = {},
                     .next = {},
                     .status = record.status(),
                     .host = record.host(),
                     .diagnostic = record.diagnostic()};
  if (record.tried_us() > 0) view.tried = wall_time(record.tried_us());
  if (record.due_us() > 0 && view.state == State::waiting) view.next = wall_time(record.due_us());
  return view;
}

base::Result<std::optional<schema::QueuedBroken>> broken_of(const store::Reader& reader, base::QueueId id) {
  auto broken = reader.get(kBroken, {id});
  if (broken || broken.error().code != base::Code::corrupt) return broken;
  schema::QueuedBroken unreadable;
  unreadable.set_reason(broken.error().text);
  return unreadable;
}

base::Result<EntryView> entry_of(const store::Reader& reader, base::QueueId id, const schema::QueuedMessage& message,
                                 const Filter& filter, const Leases& leases, std::chrono::seconds expire) {
  EntryView entry{.id = id,
                  .sender = message.sender(),
                  .submitter = message.submitter(),
                  .size = message.size(),
                  .created = wall_time(message.created_us()),
                  .expires = since(message) + expire,
                  .priority = message.priority(),
                  .state = State::waiting,
                  .reason = {},
                  .recipients = {}};
  TRY_ASSIGN(const auto broken, broken_of(reader, id));
  auto cursor = reader.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) {
    const Ref ref{id, std::get<1>(cursor.key())};
    const auto record = cursor.value();
    if (!record) {
      entry.state = State::broken;
      entry.reason = record.error().text;
    } else if (means(filter, ref, *record, broken.has_value(), leases)) {
      entry.recipients.push_back(view_of(ref, *record, broken.has_value(), leases));
      entry.state = std::min(entry.state, entry.recipients.back().state);
    }
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (broken) {
    entry.state = State::broken;
    entry.reason = broken->reason();
  } else if (entry.reason.empty() && !entry.recipients.empty()) {
    entry.reason = entry.recipients.front().reason;
  }
  return entry;
}

bool wants_broken(const Filter& filter) {
  return filter.sender.empty() && filter.recipient.empty() && filter.domain.empty() && !filter.created_before &&
         (!filter.state || *filter.state == State::broken);
}

bool named(const Filter& filter, base::QueueId id) {
  return filter.ids.empty() || std::ranges::find(filter.ids, id) != filter.ids.end();
}

/// Calls `visit(id, message or its error)`, which returns whether to go on, for the entries that the ids of the filter
/// name, or for all behind `after`.
template <class Visit>
base::Result<void> walk(const store::Reader& reader, const Filter& filter, base::QueueId after, Visit visit) {
  if (!filter.ids.empty()) {
    auto ids = filter.ids;
    std::ranges::sort(ids);
    for (const base::QueueId id : ids) {
      if (id <= after) continue;
      const auto message = reader.get(kMessages, {id});
      if (message && !*message) continue;
      base::Result<schema::QueuedMessage> value =
          message ? base::Result<schema::QueuedMessage>(**message) : std::unexpected(message.error());
      TRY_ASSIGN(const bool go_on, visit(id, value));
      if (!go_on) break;
    }
    return {};
  }
  auto cursor = reader.scan_range(kMessages, {base::QueueId{after.value + 1}}, {base::QueueId{~std::uint64_t{0}}});
  for (; cursor.valid(); cursor.next()) {
    TRY_ASSIGN(const bool go_on, visit(std::get<0>(cursor.key()), cursor.value()));
    if (!go_on) break;
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

base::Result<bool> has_any(const store::Reader& reader, base::QueueId id, const Filter& filter, const Leases& leases) {
  if (filter.recipient.empty() && filter.domain.empty() && !filter.state) return true;
  TRY_ASSIGN(const auto broken, broken_of(reader, id));
  auto cursor = reader.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) {
    const auto record = cursor.value();
    if (record && means(filter, {id, std::get<1>(cursor.key())}, *record, broken.has_value(), leases)) return true;
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return false;
}

/// An entry whose message does not decode: all that can be told of it.
EntryView unreadable(base::QueueId id, const base::Error& error) {
  EntryView entry;
  entry.id = id;
  entry.state = State::broken;
  entry.reason = error.text;
  return entry;
}

}  // namespace

const char* name(State state) {
  static constexpr const char* kNames[] = {"broken", "held", "active", "ready", "waiting"};
  return kNames[static_cast<std::size_t>(state)];
}

std::optional<State> parse_state(std::string_view text) {
  for (const State state : {State::broken, State::held, State::active, State::ready, State::waiting}) {
    if (text == name(state)) return state;
  }
  return std::nullopt;
}

base::Result<std::vector<EntryView>> list_entries(const store::Reader& reader, const Filter& filter, std::size_t most,
                                                  const Leases& leases, std::chrono::seconds expire) {
  std::vector<EntryView> entries;
  const auto visit = [&](base::QueueId id, const base::Result<schema::QueuedMessage>& message) -> base::Result<bool> {
    if (!message) {
      if (message.error().code != base::Code::corrupt) return std::unexpected(message.error());
      if (wants_broken(filter)) entries.push_back(unreadable(id, message.error()));
    } else if (means(filter, id, *message)) {
      TRY_ASSIGN(auto entry, entry_of(reader, id, *message, filter, leases, expire));
      const bool chooses = !filter.recipient.empty() || !filter.domain.empty() || filter.state;
      if (!chooses || !entry.recipients.empty()) entries.push_back(std::move(entry));
    }
    return entries.size() < most;
  };
  TRY(walk(reader, filter, {}, visit));
  return entries;
}

base::Result<Summary> summarize(const store::Reader& reader) {
  Summary summary;
  auto cursor = reader.scan(kMessages);
  for (; cursor.valid(); cursor.next()) {
    ++summary.messages;
    if (summary.oldest) continue;
    if (const auto message = cursor.value()) summary.oldest = wall_time(message->created_us());
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return summary;
}

base::Result<Stats> count_all(const store::Reader& reader, const Leases& leases, std::size_t top) {
  Stats stats;
  std::unordered_map<std::string, Stats::Domain> domains;
  const auto visit = [&](base::QueueId id, const base::Result<schema::QueuedMessage>& message) -> base::Result<bool> {
    ++stats.messages;
    TRY_ASSIGN(const auto broken, broken_of(reader, id));
    if (!message || broken) {
      ++stats.broken;
      return true;
    }
    stats.bytes += message->size();
    auto cursor = reader.scan(kRecipients, id);
    for (; cursor.valid(); cursor.next()) {
      const auto record = cursor.value();
      if (!record) continue;
      const State state = state_of({id, std::get<1>(cursor.key())}, *record, false, leases);
      ++(state == State::held     ? stats.held
         : state == State::active ? stats.active
         : state == State::ready  ? stats.ready
                                  : stats.waiting);
      const std::string domain = domain_of(*record);
      if (domains.size() >= kMaxDomains && !domains.contains(domain)) continue;
      auto& of = domains[domain];
      if (of.recipients++ == 0) of.oldest = wall_time(message->created_us());
      of.bytes += message->size();
      if (of.reason.empty() && record->tries() > 0) of.reason = record->text();
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
    return true;
  };
  TRY(walk(reader, {}, {}, visit));
  for (auto& [domain, of] : domains) {
    of.domain = domain;
    stats.domains.push_back(std::move(of));
  }
  std::ranges::sort(stats.domains, [](const Stats::Domain& a, const Stats::Domain& b) {
    return std::tie(b.recipients, a.domain) < std::tie(a.recipients, b.domain);
  });
  if (stats.domains.size() > top) stats.domains.resize(top);
  return stats;
}

base::Result<Found> find_entries(const store::Reader& reader, const Filter& filter, base::QueueId after,
                                 std::size_t most, const Leases& leases) {
  Found found{.ids = {}, .last = after};
  std::size_t seen = 0;
  const auto visit = [&](base::QueueId id, const base::Result<schema::QueuedMessage>& message) -> base::Result<bool> {
    found.last = id;
    bool meant = false;
    if (!message) {
      if (message.error().code != base::Code::corrupt) return std::unexpected(message.error());
      meant = wants_broken(filter) && named(filter, id);
    } else if (means(filter, id, *message)) {
      TRY_ASSIGN(meant, has_any(reader, id, filter, leases));
    }
    if (meant) found.ids.push_back(id);
    found.more = found.ids.size() >= most || ++seen >= kLookedAt;
    return !found.more;
  };
  TRY(walk(reader, filter, after, visit));
  return found;
}

namespace {

void change_one(store::Txn& tx, Ref ref, schema::QueuedMessage& message, const schema::QueuedRecipient& record,
                Change change) {
  schema::QueuedRecipient next = record;
  switch (change) {
    case Change::remove:
      return erase(tx, ref, message, record);
    case Change::hold:
      next.set_held(true);
      break;
    case Change::retry:
      if (!record.held()) next.set_due_us(0);
      break;
    case Change::release:
      next.set_held(false);
      if (record.held() || record.reason() == schema::QUEUED_REASON_HELD || message.hold_until_us() > 0) {
        next.set_due_us(0);
      }
      break;
  }
  replace(tx, ref, message, record, next);
}

/// Without its records: what can be found of it by keys.
base::Result<Applied> remove_unreadable(store::Txn& tx, base::QueueId id) {
  std::vector<std::uint32_t> numbers;
  auto cursor = tx.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) numbers.push_back(std::get<1>(cursor.key()));
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const std::uint32_t number : numbers) tx.erase(kRecipients, {id, number});
  // Which body it had can only be told by the link to it.
  std::optional<store::Link> link;
  auto links = tx.scan(kLinks);
  for (; links.valid() && !link; links.next()) {
    const auto& [blob, owner, item] = links.key();
    if (owner == kQueueOwner && item == id.value) link = store::Link{.blob = blob, .owner = owner, .item = item};
  }
  if (links.error()) return std::unexpected(*links.error());
  if (link) TRY(tx.unlink(*link));
  tx.erase(kMessages, {id});
  tx.erase(kBroken, {id});
  return Applied{.recipients = numbers.size(), .removed = true};
}

}  // namespace

base::Result<Applied> apply_change(store::Txn& tx, base::QueueId id, const Filter& filter, Change change,
                                   const Leases& leases) {
  Applied applied;
  auto stored = tx.get(kMessages, {id});
  if (!stored) {
    if (stored.error().code != base::Code::corrupt) return std::unexpected(stored.error());
    return change == Change::remove ? remove_unreadable(tx, id) : Applied{};
  }
  if (!*stored || !means(filter, id, **stored)) return applied;
  schema::QueuedMessage message = **std::move(stored);
  applied.submitter = message.account();
  TRY_ASSIGN(const auto broken, broken_of(tx, id));
  if (broken && change != Change::retry && change != Change::remove) return applied;
  std::vector<std::pair<Ref, std::optional<schema::QueuedRecipient>>> recipients;
  auto cursor = tx.scan(kRecipients, id);
  for (; cursor.valid(); cursor.next()) {
    const Ref ref{id, std::get<1>(cursor.key())};
    const auto record = cursor.value();
    // What was set aside comes back as a whole.
    const bool whole = broken && change == Change::retry;
    if (record && (whole || means(filter, ref, *record, broken.has_value(), leases))) {
      recipients.emplace_back(ref, *record);
    }
    if (!record && change == Change::remove && wants_broken(filter)) recipients.emplace_back(ref, std::nullopt);
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& [ref, record] : recipients) {
    if (record) {
      change_one(tx, ref, message, *record, change);
    } else {
      erase(tx, ref, message, schema::QueuedRecipient());
    }
    ++applied.recipients;
  }
  // What was set aside stands in neither table; now it does.
  if (broken && change == Change::retry) tx.erase(kBroken, {id});
  if (applied.recipients > 0) {
    TRY_ASSIGN(applied.removed, finish(tx, id, message));
  }
  return applied;
}

}  // namespace queue
