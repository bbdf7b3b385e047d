#include "queue/choice.h"

#include <algorithm>
#include <set>

namespace queue {
namespace {

constexpr std::size_t kMaxSenders = 1000;    // that are looked at in one choice
constexpr std::size_t kMaxDomains = 20'000;  // the same
constexpr std::size_t kMaxRecipients = 100;  // of one transaction (RFC 5321 §4.5.3.1.8)
constexpr std::size_t kMaxItems = 8;         // that one delivery sends one after another
constexpr std::size_t kMaxDownItems = 50;    // of a paused destination: they only share its answer
constexpr std::size_t kMaxGathered = 1000;   // recipients of one message that are looked at
constexpr std::size_t kMaxRemembered = 10'000;
constexpr std::chrono::microseconds kLongStep{20};  // some hundred rows that were removed
constexpr base::QueueId kLast{~std::uint64_t{0}};

bool is_sent(By by) { return by == By::mx || by == By::hosts || by == By::lmtp || by == By::pipe; }

}  // namespace

struct Chooser::Round {
  const store::Reader& reader;
  const Config& config;
  std::size_t most;
  base::SteadyTime now;
  std::size_t domains = 0;                                       // looked at
  std::set<std::pair<std::uint64_t, std::string>> full;          // senders' domains that have no place now
  std::unordered_map<std::string, std::vector<std::size_t>> of;  // batches by their destination
  Chosen chosen;

  bool done() const { return chosen.batches.size() >= most || domains >= kMaxDomains; }
};

/// A walk over queue.ready that leaps over its gaps, and learns them.
class Chooser::Scan {
 public:
  /// Rows with from <= key < to.
  Scan(Chooser& chooser, const store::Reader& reader, const ReadyKey& from, ReadyKey to)
      : chooser_(chooser), reader_(reader), to_(std::move(to)) {
    seek(from);
  }

  bool valid() const { return cursor_ && cursor_->valid(); }
  const ReadyKey& key() const { return cursor_->key(); }
  std::optional<base::Error> error() const { return cursor_ ? cursor_->error() : std::nullopt; }
  void next() {
    const ReadyKey from = successor(key());
    if (chooser_.gaps_.after(from) != from) return seek(from);
    // A step costs less than a seek, unless there is much that it has to step over: only that is worth a gap.
    const auto begin = std::chrono::steady_clock::now();
    cursor_->next();
    if (std::chrono::steady_clock::now() - begin > kLongStep) learn(from);
  }
  void seek(const ReadyKey& key) {
    const ReadyKey from = chooser_.gaps_.after(key);
    if (!(from < to_)) {
      cursor_.reset();
      return;
    }
    if (cursor_) {
      cursor_->seek(from);
    } else {
      cursor_.emplace(reader_.scan_range(kReady, from, to_));
    }
    learn(from);
  }

 private:
  void learn(const ReadyKey& from) {
    if (!cursor_->error()) chooser_.gaps_.learn(from, valid() ? key() : to_, chooser_.epoch_);
  }

  Chooser& chooser_;
  const store::Reader& reader_;
  const ReadyKey to_;
  std::optional<store::Reader::Cursor<ReadyKey, store::Nothing>> cursor_;
};

base::Result<Chosen> Chooser::choose(const store::Reader& reader, const Config& config, std::size_t most,
                                     base::SteadyTime now) {
  Round round{.reader = reader, .config = config, .most = most, .now = now, .full = {}, .of = {}, .chosen = {}};
  TRY_ASSIGN(auto order, ranks(reader));
  if (++choices_ % 4 == 0) std::ranges::reverse(order);
  for (const std::uint8_t rank : order) {
    if (round.done()) break;
    TRY(take_turns(round, rank));
  }
  return std::move(round.chosen);
}

/// Those of which something is ready.
base::Result<std::vector<std::uint8_t>> Chooser::ranks(const store::Reader& reader) {
  std::vector<std::uint8_t> all;
  Scan cursor(*this, reader, {}, {0xFF, 0, "", {}, 0});
  while (cursor.valid()) {
    const std::uint8_t rank = std::get<0>(cursor.key());
    all.push_back(rank);
    cursor.seek({static_cast<std::uint8_t>(rank + 1), 0, "", {}, 0});
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return all;
}

/// From the one behind who had the last turn, round to that one.
base::Result<std::vector<std::uint64_t>> Chooser::senders(const Round& round, std::uint8_t rank) {
  const auto found = last_sender_.find(rank);
  const std::uint64_t last = found == last_sender_.end() ? ~std::uint64_t{0} : found->second;
  std::vector<std::uint64_t> all;
  const std::size_t most = std::min(round.most, kMaxSenders);
  const auto walk = [&](const ReadyKey& from, const ReadyKey& to) -> base::Result<void> {
    Scan cursor(*this, round.reader, from, to);
    while (cursor.valid() && all.size() < most) {
      all.push_back(std::get<1>(cursor.key()));
      cursor.seek({rank, all.back() + 1, "", {}, 0});
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
    return {};
  };
  const ReadyKey end{static_cast<std::uint8_t>(rank + 1), 0, "", {}, 0};
  if (last != ~std::uint64_t{0}) TRY(walk({rank, last + 1, "", {}, 0}, end));
  TRY(walk({rank, 0, "", {}, 0}, last != ~std::uint64_t{0} ? ReadyKey{rank, last + 1, "", {}, 0} : end));
  return all;
}

base::Result<void> Chooser::take_turns(Round& round, std::uint8_t rank) {
  TRY_ASSIGN(auto waiting, senders(round, rank));
  while (!waiting.empty()) {
    std::vector<std::uint64_t> again;
    for (const std::uint64_t sender : waiting) {
      if (round.done()) return {};
      last_sender_[rank] = sender;
      TRY_ASSIGN(const bool took, one_of(round, rank, sender));
      if (took) again.push_back(sender);
    }
    waiting = std::move(again);
  }
  return {};
}

/// One item of the sender, of the domain behind the one that had the last turn.
base::Result<bool> Chooser::one_of(Round& round, std::uint8_t rank, std::uint64_t sender) {
  const ReadyKey begin{rank, sender, "", {}, 0};
  const ReadyKey end{rank, sender + 1, "", {}, 0};
  const auto last = last_domain_.find(sender);
  if (last == last_domain_.end()) return one_between(round, begin, end);
  const ReadyKey middle{rank, sender, last->second, kLast, ~0u};
  TRY_ASSIGN(const bool took, one_between(round, middle, end));
  if (took) return true;
  return one_between(round, begin, middle);
}

base::Result<bool> Chooser::one_between(Round& round, const ReadyKey& from, const ReadyKey& to) {
  Scan cursor(*this, round.reader, from, to);
  while (cursor.valid() && !round.done()) {
    const ReadyKey key = cursor.key();
    const auto& [rank, sender, domain, entry, number] = key;
    const auto skip_domain = [&] { cursor.seek({rank, sender, domain, kLast, ~0u}); };
    if (round.full.contains({sender, domain})) {
      skip_domain();
      continue;
    }
    if (leases_.taken({entry, number})) {
      cursor.next();
      continue;
    }
    ++round.domains;
    TRY_ASSIGN(const bool took, take(round, key));
    if (took) {
      if (last_domain_.size() >= kMaxRemembered) last_domain_.clear();
      last_domain_[sender] = domain;
      return true;
    }
    round.full.contains({sender, domain}) ? skip_domain() : cursor.next();
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return false;
}

/// The recipients that the row leads to; false when there is no place for them now, or the row leads to nothing.
base::Result<bool> Chooser::take(Round& round, const ReadyKey& key) {
  const auto& [rank, sender, domain, entry, number] = key;
  const auto message = round.reader.get(kMessages, {entry});
  const auto recipient = round.reader.get(kRecipients, {entry, number});
  for (const base::Error* error : {message ? nullptr : &message.error(), recipient ? nullptr : &recipient.error()}) {
    if (error == nullptr) continue;
    if (error->code != base::Code::corrupt) return std::unexpected(*error);
    round.chosen.broken.emplace_back(entry, error->text);
    round.chosen.stale.push_back(key);
    return false;
  }
  if (!*message || !*recipient || ready_key({entry, number}, **message, **recipient) != key ||
      (*recipient)->due_us() > 0 || (*recipient)->held()) {
    round.chosen.stale.push_back(key);
    return false;
  }
  Way way;
  if (domain.empty()) {
    way.by = By::local;
  } else {
    way = way_of(round.config, **message, domain);
  }
  Item item{.entry = entry, .message = **message, .recipients = {{number, **recipient}}};
  TRY(add_recipients(round, item, way, key));
  if (place(round, std::move(item), std::move(way))) return true;
  round.full.insert({sender, domain});
  return false;
}

/// The other recipients of the message that go the same way.
base::Result<void> Chooser::add_recipients(Round& round, Item& item, const Way& way, const ReadyKey& first) {
  if (way.by == By::pipe) return {};  // each has a run of the command
  const auto& [rank, sender, domain, entry, number] = first;
  const auto add = [&](std::uint32_t other, const base::Result<schema::QueuedRecipient>& record) {
    if (other == number || item.recipients.size() >= kMaxRecipients || leases_.taken({entry, other})) return;
    // A record that cannot be read is met again when it is the first.
    if (record && record->due_us() == 0 && !record->held()) item.recipients.emplace_back(other, *record);
  };
  if (way.destination.hosts.empty()) {
    auto cursor = round.reader.scan(kReady, rank, sender, domain, entry);
    for (; cursor.valid() && item.recipients.size() < kMaxRecipients; cursor.next()) {
      const std::uint32_t other = std::get<4>(cursor.key());
      const auto record = round.reader.get(kRecipients, {entry, other});
      if (record && *record) add(other, **record);
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
    return {};
  }
  // One destination takes several domains.
  std::unordered_map<std::string, bool> same;
  auto cursor = round.reader.scan(kRecipients, entry);
  for (std::size_t seen = 0; cursor.valid() && seen < kMaxGathered; cursor.next(), ++seen) {
    const auto record = cursor.value();
    if (!record || record->reason() != schema::QUEUED_REASON_REMOTE) continue;
    const std::string other = domain_of(*record);
    const auto [known, added] = same.try_emplace(other, false);
    if (added) known->second = way_of(round.config, item.message, other).key == way.key;
    if (known->second) add(std::get<1>(cursor.key()), record);
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

/// In a batch of its own when the destination takes another delivery; behind what one of this choice sends otherwise.
bool Chooser::place(Round& round, Item item, Way way) {
  std::size_t most = kMaxItems;
  auto start = Destinations::Start::now;
  const bool sent = is_sent(way.by);
  if (sent) {
    const Destinations::Limits limits{.deliveries = way.deliveries, .per_minute = way.messages_per_minute};
    start = destinations_.begin(way.key, limits, round.now);
    if (start == Destinations::Start::down) most = kMaxDownItems;
    if (way.messages_per_minute > 0) most = 1;
  }
  auto& batches = round.of[std::to_string(static_cast<int>(way.by)) + way.key];
  if (start != Destinations::Start::now) {
    const auto shortest =
        std::ranges::min_element(batches, {}, [&](std::size_t i) { return round.chosen.batches[i].items.size(); });
    if (shortest != batches.end() && round.chosen.batches[*shortest].items.size() < most) {
      Batch& batch = round.chosen.batches[*shortest];
      for (const auto& [number, recipient] : item.recipients) leases_.take({item.entry, number}, batch.lease);
      batch.items.push_back(std::move(item));
      return true;
    }
    if (start == Destinations::Start::full) return false;
  }
  Batch batch{.way = std::move(way), .lease = std::make_shared<Lease>(++owner_, round.now), .down = {}, .items = {}};
  batch.placed = sent && start == Destinations::Start::now;
  if (sent && !batch.placed) batch.down = destinations_.down(batch.way.key, round.now);
  for (const auto& [number, recipient] : item.recipients) leases_.take({item.entry, number}, batch.lease);
  batch.items.push_back(std::move(item));
  batches.push_back(round.chosen.batches.size());
  round.chosen.batches.push_back(std::move(batch));
  return true;
}

}  // namespace queue
