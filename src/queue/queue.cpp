#include "queue/queue.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "crypto/random.h"
#include "queue/history.h"
#include "queue/listing.h"
#include "queue/srs.h"
#include "queue/worker.h"

namespace queue {
namespace {

constexpr std::size_t kChangedAtOnce = 100;
constexpr std::size_t kTakenUpAtOnce = 500;
constexpr std::chrono::milliseconds kPoll{10};
constexpr std::chrono::seconds kVerifying{20};

/// Recipients of which the hosts were asked lately. Any thread.
class Verified {
 public:
  std::optional<bool> find(const std::string& address, base::SteadyTime now) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(address);
    return found != known_.end() && now < found->second.second ? std::optional(found->second.first) : std::nullopt;
  }
  void keep(const std::string& address, bool taken, base::SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMost) known_.clear();
    known_[address] = {taken, now + (taken ? std::chrono::minutes(60) : std::chrono::minutes(5))};
  }

 private:
  static constexpr std::size_t kMost = 20'000;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::pair<bool, base::SteadyTime>> known_;  // guarded by mutex_
};

class Service : public Queue {
 public:
  Service(store::Store& store, directory::Directory& directory, mailstore::Mailstore& mail, const base::Clock& clock,
          base::Log log, std::function<std::shared_ptr<const Config>()> config)
      : shared_{.store = store,
                .directory = directory,
                .mail = mail,
                .clock = clock,
                .log = log,
                .config = std::move(config),
                .metrics = Metrics(log.metrics())},
        worker_(shared_) {}

  base::Result<void> start(net::Loops& loops, outbound::Outbound& outbound) override;
  net::Task<void> stop(std::chrono::steady_clock::duration grace) override;

  void added(base::QueueId id, const schema::QueuedMessage& message,
             const std::vector<schema::QueuedRecipient>& recipients) override {
    shared_.totals.add(base::AccountId{message.account()});
    shared_.gaps.fill_entry(id, message, recipients);
    worker_.wake();
  }
  base::Result<void> room_for(base::AccountId submitter) const override;

  std::optional<std::string> relayed(const std::string& address) const override;
  net::Task<base::Result<void>> verify(std::string address) override;

  net::Task<base::Result<std::vector<EntryView>>> list(Filter filter, std::size_t most) override {
    co_return co_await shared_.store.read([this, filter = std::move(filter), most](const store::Reader& reader) {
      return list_entries(reader, filter, most, shared_.leases, shared_.config()->expire);
    });
  }
  net::Task<base::Result<Changed>> change(Filter filter, Change change) override;
  net::Task<base::Result<Summary>> summary() override { co_return co_await shared_.store.read(summarize); }
  net::Task<base::Result<Stats>> stats(std::size_t top) override {
    CO_TRY_ASSIGN(auto stats, co_await shared_.store.read([this, top](const store::Reader& reader) {
      return count_all(reader, shared_.leases, top);
    }));
    stats.paused_destinations = shared_.destinations.paused(shared_.clock.steady());
    co_return stats;
  }

  net::Task<base::Result<std::vector<TraceEvent>>> trace(std::string what, std::size_t most) override {
    co_return co_await shared_.store.read(
        [what = std::move(what), most](const store::Reader& reader) { return find_events(reader, what, most); });
  }

  base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) override {
    return check_queue(reader, report);
  }

 private:
  static net::Task<void> take_up(Service& service);
  net::Task<base::Result<void>> count();
  net::Task<base::Result<void>> read_secret();
  net::Task<base::Result<std::uint64_t>> place_missing(std::vector<Ref> refs);
  static net::Task<void> run(Service& service, net::Loops& loops);

  Shared shared_;
  Verified verified_;
  Worker worker_;
  std::atomic<bool> running_ = false;
};

base::Result<void> Service::start(net::Loops& loops, outbound::Outbound& outbound) {
  shared_.outbound = &outbound;
  TRY(net::run(count()));
  TRY(net::run(read_secret()));
  running_ = true;
  loops.at(0).spawn(run(*this, loops), shared_.log);
  loops.at(0).spawn(take_up(*this), shared_.log);
  return {};
}

net::Task<void> Service::run(Service& service, net::Loops& loops) {
  co_await service.worker_.run(&loops);
  service.running_ = false;
}

net::Task<void> Service::stop(std::chrono::steady_clock::duration grace) {
  shared_.stopping = true;
  worker_.wake();
  const auto end = std::chrono::steady_clock::now() + grace;
  while ((running_ || worker_.active() > 0) && std::chrono::steady_clock::now() < end) co_await net::sleep_for(kPoll);
  shared_.given_up = true;
  if (worker_.active() > 0) {
    shared_.log.warning("queue.stop.interrupted", {{"deliveries", worker_.active()}, {"next", "at the next start"}});
  }
}

/// What a scan of the recipients finds.
struct Missing {
  std::vector<Ref> refs;
  Ref last;
  bool more = false;
};

/// Recipients behind `after` that stand in no table, though nothing holds them: an older version left them so.
base::Result<Missing> find_missing(const store::Reader& reader, Ref after) {
  Missing missing{.refs = {}, .last = after};
  auto cursor = reader.scan_range(kRecipients, {after.entry, after.number}, {base::QueueId{~std::uint64_t{0}}, 0});
  std::size_t seen = 0;
  std::optional<schema::QueuedMessage> message;
  base::QueueId of;
  for (; cursor.valid(); cursor.next()) {
    const Ref ref{std::get<0>(cursor.key()), std::get<1>(cursor.key())};
    if (ref == after && after != Ref{}) continue;
    missing.last = ref;
    if (ref.entry != of) {
      of = ref.entry;
      const auto read = reader.get(kMessages, {of});
      const auto broken = reader.get(kBroken, {of});
      message = read && broken && !*broken ? *read : std::nullopt;
    }
    const auto record = cursor.value();
    if (message && record && !record->held()) {
      const std::string key =
          record->due_us() > 0
              ? store::encode_key(kDue.id, static_cast<std::uint64_t>(record->due_us()), ref.entry, ref.number)
              : std::apply([](const auto&... parts) { return store::encode_key(kReady.id, parts...); },
                           ready_key(ref, *message, *record));
      std::string nothing;
      TRY_ASSIGN(const bool there, reader.get_raw(key, nothing));
      if (!there) missing.refs.push_back(ref);
    }
    if (++seen >= 20 * kTakenUpAtOnce || missing.refs.size() >= kTakenUpAtOnce) {
      missing.more = true;
      break;
    }
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return missing;
}

net::Task<base::Result<std::uint64_t>> Service::place_missing(std::vector<Ref> refs) {
  const base::WallTime now = shared_.clock.now();
  CO_TRY(co_await shared_.store.write(
      {},
      [&](store::Txn& tx) -> base::Result<void> {
        for (const Ref& ref : refs) {
          const auto message = tx.get(kMessages, {ref.entry});
          const auto record = tx.get(kRecipients, {ref.entry, ref.number});
          if (!message || !record || !*message || !*record) continue;
          schema::QueuedRecipient placed = **record;
          if (wall_time((*message)->hold_until_us()) > now && placed.tries() == 0) {
            placed.set_due_us((*message)->hold_until_us());
          }
          tx.put(kRecipients, {ref.entry, ref.number}, placed);
          place(tx, ref, **message, placed);
        }
        return {};
      },
      store::Kind::frees_space));
  shared_.gaps.forget();
  co_return refs.size();
}

net::Task<void> Service::take_up(Service& service) {
  store::Store& store = service.shared_.store;
  std::uint64_t placed = 0;
  for (Ref after; !service.shared_.stopping;) {
    const auto missing =
        co_await store.read([after](const store::Reader& reader) { return find_missing(reader, after); });
    if (!missing) {
      service.shared_.log.warning("queue.takeup.failed",
                                  {{"why", missing.error().text}, {"next", "at the next start"}});
      co_return;
    }
    if (!missing->refs.empty()) {
      const auto count = co_await service.place_missing(missing->refs);
      if (count) placed += *count;
      service.worker_.wake();
    }
    if (!missing->more) break;
    after = missing->last;
  }
  if (placed > 0) service.shared_.log.info("queue.takenup", {{"recipients", placed}});
}

net::Task<base::Result<void>> Service::read_secret() {
  const std::string fresh = crypto::random_bytes(32);
  CO_TRY(co_await shared_.store.write(
      {},
      [&](store::Txn& tx) -> base::Result<void> {
        TRY_ASSIGN(auto secret, tx.get(kSecret, {std::uint8_t{0}}));
        if (!secret) {
          secret.emplace();
          secret->set_key(fresh);
          tx.put(kSecret, {std::uint8_t{0}}, *secret);
        }
        shared_.srs_key = secret->key();
        return {};
      },
      store::Kind::frees_space));
  co_return base::Result<void>();
}

std::optional<std::string> Service::relayed(const std::string& address) const {
  if (!shared_.srs_key.empty() && is_srs(address)) return srs_reverse(shared_.srs_key, address, shared_.clock.now());
  const std::string domain = domain_of_address(address);
  const auto config = shared_.config();
  const bool any = std::ranges::any_of(
      config->routes, [&](const Route& route) { return route.relay && fits(route.recipients, domain) > 0; });
  return any ? std::optional(address) : std::nullopt;
}

net::Task<base::Result<void>> Service::verify(std::string address) {
  const std::string domain = domain_of_address(address);
  const auto config = shared_.config();
  const auto route = std::ranges::find_if(
      config->routes, [&](const Route& one) { return one.relay && one.verify && fits(one.recipients, domain) > 0; });
  if (route == config->routes.end() || shared_.outbound == nullptr) co_return base::Result<void>();
  const base::SteadyTime now = shared_.clock.steady();
  auto known = verified_.find(address, now);
  if (!known) {
    const Way way = way_of(*config, {}, domain);
    const auto outcome = co_await shared_.outbound->verify(way.destination, "", address, now + kVerifying, shared_.log);
    known = outcome.verdict != outbound::Verdict::failed;
    if (outcome.verdict != outbound::Verdict::deferred) verified_.keep(address, *known, shared_.clock.steady());
  }
  if (!*known) co_return base::fail(base::Code::not_found, address + " is refused by the host that it is for");
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::count() {
  CO_TRY(co_await shared_.store.read([this](const store::Reader& reader) -> base::Result<void> {
    auto cursor = reader.scan(kMessages);
    for (; cursor.valid(); cursor.next()) {
      const auto message = cursor.value();
      shared_.totals.add(base::AccountId{message ? message->account() : 0});
    }
    if (cursor.error()) return std::unexpected(*cursor.error());
    return {};
  }));
  shared_.log.info("queue.start", {{"messages", shared_.totals.all()}});
  co_return base::Result<void>();
}

base::Result<void> Service::room_for(base::AccountId submitter) const {
  const auto config = shared_.config();
  if (shared_.totals.all() >= config->max_messages) {
    return base::fail(base::Code::no_space,
                      "the queue is full: it holds " + std::to_string(config->max_messages) + " messages");
  }
  if (submitter && shared_.totals.of(submitter) >= config->max_messages_per_account) {
    return base::fail(base::Code::no_space, "this account has " + std::to_string(config->max_messages_per_account) +
                                                " messages in the queue");
  }
  return {};
}

const char* word_of(Change change) {
  static constexpr const char* kWords[] = {"retried", "held", "released", "removed"};
  return kWords[static_cast<std::size_t>(change)];
}

net::Task<base::Result<Changed>> Service::change(Filter filter, Change change) {
  Changed changed;
  const auto keep = shared_.config()->trace_keep;
  const base::WallTime now = shared_.clock.now();
  for (base::QueueId after;;) {
    CO_TRY_ASSIGN(const Found found, co_await shared_.store.read([&](const store::Reader& reader) {
      return find_entries(reader, filter, after, kChangedAtOnce, shared_.leases);
    }));
    std::vector<store::Owner> owners;
    for (const base::QueueId id : found.ids) owners.push_back(store::Owner::of(id));
    std::vector<Applied> applied;
    if (!found.ids.empty()) {
      CO_TRY(co_await shared_.store.write(
          std::move(owners),
          [&](store::Txn& tx) -> base::Result<void> {
            applied.clear();
            for (const base::QueueId id : found.ids) {
              TRY_ASSIGN(const Applied one, apply_change(tx, id, filter, change, shared_.leases));
              applied.push_back(one);
              if (one.recipients > 0) {
                note(tx, keep, id, now,
                     {noted(word_of(change), "",
                            "by the operator, for " + std::to_string(one.recipients) + " recipients")});
              }
            }
            return {};
          },
          store::Kind::frees_space));
    }
    shared_.gaps.forget();
    for (const Applied& one : applied) {
      changed.recipients += one.recipients;
      if (one.recipients > 0) ++changed.entries;
      if (one.removed) shared_.totals.remove(base::AccountId{one.submitter});
    }
    if (!found.more) break;
    after = found.last;
  }
  if (change == Change::retry) shared_.destinations.forget_pauses();
  worker_.wake();
  co_return changed;
}

}  // namespace

std::vector<store::TableName> tables() {
  return {{kMessages.id, kMessages.name}, {kRecipients.id, kRecipients.name}, {kDue.id, kDue.name},
          {kReady.id, kReady.name},       {kBroken.id, kBroken.name},         {kEvents.id, kEvents.name},
          {kEventsOf.id, kEventsOf.name}, {kSecret.id, kSecret.name}};
}

std::unique_ptr<Queue> open(store::Store& store, directory::Directory& directory, mailstore::Mailstore& mail,
                            const base::Clock& clock, base::Log log,
                            std::function<std::shared_ptr<const Config>()> config) {
  return std::make_unique<Service>(store, directory, mail, clock, std::move(log), std::move(config));
}

}  // namespace queue
