#include "queue/worker.h"

#include "queue/attempt.h"
#include "queue/history.h"

namespace queue {
namespace {

constexpr std::size_t kPromotedAtOnce = 200;
constexpr std::size_t kForgottenAtOnce = 2000;
constexpr std::chrono::seconds kForgetting{600};
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kLongestWait{60};
constexpr std::chrono::milliseconds kSoon{50};
constexpr std::chrono::milliseconds kGather{2};
constexpr std::chrono::seconds kGapsKept{60};
constexpr std::chrono::seconds kAfterFailure{2};

}  // namespace

void Worker::wake() {
  if (woken_.exchange(true)) return;
  std::shared_ptr<net::Completion<bool>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::exchange(waiting_, nullptr);
  }
  if (waiting) waiting->set(true);
}

/// Until woken, or until the time has come: tick() sees to that, or, when it is sooner, one nudge().
net::Task<void> Worker::wait_until(base::WallTime time) {
  const auto woken = std::make_shared<net::Completion<bool>>();
  const auto left = time - shared_.clock.now();
  if (left < kTick && !nudging_.exchange(true)) net::Loop::current()->spawn(nudge(*this, left), shared_.log);
  {
    const std::lock_guard lock(mutex_);
    if (woken_) co_return;
    waiting_ = woken;
    alarm_ = time;
  }
  co_await woken->wait();
}

net::Task<void> Worker::nudge(Worker& worker, std::chrono::microseconds after) {
  co_await net::sleep_for(std::max(after, std::chrono::microseconds(0)));
  worker.nudging_ = false;
  worker.wake();
}

net::Task<void> Worker::tick(Worker& worker) {
  while (!worker.shared_.given_up) {
    co_await net::sleep_for(kTick);
    bool late = false;
    {
      const std::lock_guard lock(worker.mutex_);
      late = worker.waiting_ && worker.shared_.clock.now() >= worker.alarm_;
    }
    if (late) worker.wake();
  }
}

/// Old events go a few at a time, now and then.
net::Task<void> Worker::forget() {
  const auto keep = shared_.config()->trace_keep;
  const base::WallTime now = shared_.clock.now();
  if (now < next_forgetting_) co_return;
  std::size_t count = 0;
  const auto done = co_await shared_.store.write(
      {},
      [&](store::Txn& tx) -> base::Result<void> {
        TRY_ASSIGN(count, forget_events(tx, now - keep, kForgottenAtOnce));
        return {};
      },
      store::Kind::frees_space);
  const bool more = done && count == kForgottenAtOnce;
  next_forgetting_ = now + (more ? std::chrono::seconds(1) : kForgetting);
}

net::Task<void> Worker::run(net::Loops* loops) {
  net::Loop::current()->spawn(tick(*this), shared_.log);
  auto looked = std::chrono::steady_clock::now() - kGather;
  while (!shared_.stopping) {
    // Deliveries that end one after another are answered by one look; mail that comes to an idle queue is not kept
    // waiting.
    if (std::chrono::steady_clock::now() - looked < kGather) co_await net::sleep_for(kGather);
    woken_ = false;
    looked = std::chrono::steady_clock::now();
    const base::WallTime next = co_await look(loops);
    co_await forget();
    if (!shared_.stopping) co_await wait_until(std::min(next, next_forgetting_));
  }
}

net::Task<base::WallTime> Worker::look(net::Loops* loops) {
  const std::size_t expired = shared_.leases.expire(shared_.clock.steady());
  if (expired > 0) shared_.log.error("queue.lease.expired", {{"recipients", expired}});
  std::optional<base::WallTime> next;
  while (!shared_.stopping) {
    const auto config = shared_.config();
    const std::size_t running = active();
    const std::size_t free = config->deliveries - std::min(config->deliveries, running);
    // Were a row ever missed, because its commit was reported as failed, it is found within the minute.
    if (shared_.clock.steady() - gaps_since_ >= kGapsKept) {
      gaps_since_ = shared_.clock.steady();
      shared_.gaps.forget();
    }
    chooser_.begin();
    const std::uint64_t epoch = shared_.gaps.due.epoch();
    auto seen =
        co_await shared_.store.read([&](const store::Reader& reader) { return see(reader, *config, free, epoch); });
    if (!seen) co_return after(kAfterFailure);
    const std::size_t begun = seen->chosen.batches.size();
    const bool stale = !seen->chosen.stale.empty();
    begin(seen->chosen, loops);
    if (!co_await clean_up(seen->chosen)) co_return after(kAfterFailure);
    next = seen->next_due;
    const bool due = next && *next <= shared_.clock.now();
    if (due && !co_await promote_some()) co_return after(kAfterFailure);
    // What was not chosen for want of a place has its turn when one is given back.
    if (!due && !stale && (begun == 0 || begun < free)) break;
  }
  shared_.metrics.active.set(static_cast<double>(active()));
  shared_.metrics.paused.set(static_cast<double>(shared_.destinations.paused(shared_.clock.steady())));
  base::WallTime wake_at = after(kLongestWait);
  if (next) wake_at = std::min(wake_at, std::max(*next, after(kSoon)));
  const base::SteadyTime now = shared_.clock.steady();
  if (const auto rate = shared_.destinations.next(now)) {
    wake_at = std::min(wake_at, after(std::chrono::duration_cast<std::chrono::microseconds>(*rate - now)));
  }
  co_return wake_at;
}

base::Result<std::optional<base::WallTime>> Worker::next_due(const store::Reader& reader, std::uint64_t epoch) {
  const DueKey from = shared_.gaps.due.after({});
  TRY_ASSIGN(const auto first, queue::next_due(reader, from));
  shared_.gaps.due.learn(from, first.value_or(DueKey{~std::uint64_t{0}, {}, 0}), epoch);
  if (!first) return std::nullopt;
  return wall_time(static_cast<std::int64_t>(std::get<0>(*first)));
}

/// On the pool.
base::Result<Worker::Seen> Worker::see(const store::Reader& reader, const Config& config, std::size_t free,
                                       std::uint64_t epoch) {
  Seen seen;
  TRY_ASSIGN(seen.next_due, next_due(reader, epoch));
  if (free > 0) {
    TRY_ASSIGN(seen.chosen, chooser_.choose(reader, config, free, shared_.clock.steady()));
  }
  return seen;
}

net::Task<bool> Worker::promote_some() {
  const base::WallTime now = shared_.clock.now();
  const DueKey from = shared_.gaps.due.after({});
  std::vector<ReadyKey> written;
  const auto moved = co_await shared_.store.write(
      {},
      [&](store::Txn& tx) -> base::Result<void> {
        TRY_ASSIGN(written, promote(tx, from, now, kPromotedAtOnce));
        return {};
      },
      store::Kind::frees_space);
  for (const ReadyKey& key : written) shared_.gaps.ready.fill(key);
  if (!moved) shared_.log.warning("queue.unmoved", {{"why", moved.error().text}, {"next", "it is tried again"}});
  co_return moved.has_value();
}

void Worker::begin(Chosen& chosen, net::Loops* loops) {
  for (Batch& batch : chosen.batches) {
    ++active_;
    net::Loop* loop = loops == nullptr ? net::Loop::current() : &loops->at(turn_++ % loops->size());
    loop->spawn(deliver(*this, std::move(batch)), shared_.log);
  }
  chosen.batches.clear();
}

net::Task<void> Worker::deliver(Worker& worker, Batch batch) {
  co_await run_batch(worker.shared_, std::move(batch));
  --worker.active_;
  worker.wake();
}

/// Rows that lead to nothing would be met each time.
net::Task<bool> Worker::clean_up(Chosen& chosen) {
  for (const auto& [entry, why] : chosen.broken) co_await set_entry_aside(shared_, entry, why);
  if (chosen.stale.empty()) co_return true;
  const auto removed = co_await shared_.store.write(
      {},
      [&](store::Txn& tx) -> base::Result<void> {
        for (const ReadyKey& key : chosen.stale) {
          const Ref ref{std::get<3>(key), std::get<4>(key)};
          const auto message = tx.get(kMessages, {ref.entry});
          const auto recipient = tx.get(kRecipients, {ref.entry, ref.number});
          const bool right = message && recipient && *message && *recipient && (*recipient)->due_us() == 0 &&
                             !(*recipient)->held() && ready_key(ref, **message, **recipient) == key;
          if (!right) tx.erase(kReady, key);
        }
        return {};
      },
      store::Kind::frees_space);
  if (!removed) shared_.log.warning("queue.stale", {{"why", removed.error().text}});
  co_return removed.has_value();
}

}  // namespace queue
