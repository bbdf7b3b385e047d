#pragma once
// Private to the room's tests: the queue over the in-memory engine, a clock that the test turns, and hosts that answer
// as a script says.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/pool.h"
#include "outbound/outbound.h"
#include "queue/entry.h"
#include "queue/listing.h"
#include "queue/queue.h"
#include "queue/records.h"
#include "queue/worker.h"

namespace queue::test {

/// What net::run() makes of a Result that must be good.
template <class T>
T good(base::Result<T> result) {
  if (!result) throw std::runtime_error(std::string(base::name(result.error().code)) + ": " + result.error().text);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

class TurnedClock final : public base::Clock {
 public:
  base::WallTime now() const override { return base::WallTime(std::chrono::microseconds(wall_.load())); }
  base::SteadyTime steady() const override { return base::SteadyTime(std::chrono::nanoseconds(steady_.load())); }
  void pass(std::chrono::microseconds time) {
    wall_ += time.count();
    steady_ += std::chrono::nanoseconds(time).count();
  }
  /// The wall clock alone.
  void jump(std::chrono::microseconds time) { wall_ += time.count(); }

 private:
  std::atomic<std::int64_t> wall_{1'800'000'000'000'000};
  std::atomic<std::int64_t> steady_{1'000'000'000'000};
};

/// Lets a test fail the next syncs.
class FailingSync final : public store::Faults {
 public:
  base::Result<void> sync() override {
    if (failures_.load() == 0) return {};
    --failures_;
    return base::fail(base::Code::unavailable, "the sync failed (a test)");
  }
  void fail(int times) { failures_ = times; }

 private:
  std::atomic<int> failures_{0};
};

inline outbound::Outcome delivered(std::string host = "mx.remote.example", bool reports = false) {
  return {.verdict = outbound::Verdict::delivered,
          .status = "2.0.0",
          .text = "delivered",
          .host = std::move(host),
          .address = "192.0.2.25",
          .diagnostic = "250 2.0.0 OK",
          .reports = reports,
          .tls = {}};
}
inline outbound::Outcome failed(std::string diagnostic = "550 5.1.1 no such user") {
  return {.verdict = outbound::Verdict::failed,
          .status = "5.1.1",
          .text = "the host refuses the recipient",
          .host = "mx.remote.example",
          .address = "192.0.2.25",
          .diagnostic = std::move(diagnostic),
          .tls = {}};
}
inline outbound::Outcome deferred(bool down = false) {
  return {.verdict = outbound::Verdict::deferred,
          .status = down ? "4.4.1" : "4.2.0",
          .text = down ? "no host could be reached" : "the host is greylisting",
          .host = "mx.remote.example",
          .address = "192.0.2.25",
          .diagnostic = down ? "" : "450 4.2.0 later",
          .destination_down = down,
          .tls = {}};
}

/// Hosts by script: what they answer for each recipient, and what they were sent.
class ScriptedOutbound : public outbound::Outbound {
 public:
  struct Sent {
    outbound::Destination destination;
    std::string sender;
    std::string content;
    std::vector<std::string> recipients;
  };
  using Answer = std::function<outbound::Outcome(const outbound::Destination&, const smtp::Recipient&)>;

  explicit ScriptedOutbound(const base::Clock& clock) : clock_(clock) {}

  net::Task<std::vector<outbound::Outcome>> send(outbound::Destination destination, outbound::Message message,
                                                 std::vector<smtp::Recipient> recipients,
                                                 std::function<bool()> may_commit, base::SteadyTime,
                                                 base::Log) override {
    ++attempts;
    ++running;
    most_running = std::max(most_running, ++at_once[destination.domain]);
    Sent sent{.destination = destination, .sender = message.envelope.sender, .content = {}, .recipients = {}};
    if (takes.count() > 0) co_await net::sleep_for(takes);
    std::vector<outbound::Outcome> outcomes;
    base::Result<std::string> block{std::string()};
    while (reads && (block = co_await message.read(sent.content.size())) && !block->empty()) sent.content += *block;
    const bool commits = block.has_value() && may_commit();
    for (const smtp::Recipient& recipient : recipients) {
      outcomes.push_back(commits ? answer(destination, recipient) : deferred());
      if (outcomes.back().verdict == outbound::Verdict::delivered) sent.recipients.push_back(recipient.address);
    }
    --running;
    --at_once[destination.domain];
    if (!sent.recipients.empty()) {
      order.push_back(sent.recipients.front());
      all.push_back(std::move(sent));
    }
    co_return outcomes;
  }
  net::Task<outbound::Outcome> verify(outbound::Destination destination, std::string, std::string recipient,
                                      base::SteadyTime, base::Log) override {
    co_return answer(destination, {.address = std::move(recipient), .orcpt = {}});
  }

  Answer answer = [](const outbound::Destination&, const smtp::Recipient&) { return delivered(); };
  bool reads = true;
  std::chrono::milliseconds takes{0};
  std::atomic<std::size_t> attempts = 0;
  std::size_t running = 0;
  std::size_t most_running = 0;  // to one domain
  std::map<std::string, std::size_t> at_once;
  std::vector<Sent> all;
  std::vector<std::string> order;  // the first recipient of each that was sent

 private:
  const base::Clock& clock_;
};

class World {
 public:
  explicit World(Config first = {.hostname = "mx.example.test",
                                 .retry = Config().retry,
                                 .smarthost = {},
                                 .smarthost_user = {},
                                 .smarthost_password = {},
                                 .routes = {}})
      : config(std::make_shared<Config>(std::move(first))), outbound(clock) {
    store = store::open_memory(pool, clock, {}, &faults);
    directory = good(directory::open(*store, clock, {}, {}, "mx.example.test"));
    mail = mailstore::open(*store, clock, {});
    reopen();
    good(net::run(directory->add_domain("example.test")));
  }

  /// As a restart does: what was in memory is gone.
  void reopen() {
    worker.reset();
    shared.reset();
    shared = std::unique_ptr<Shared>(new Shared{.store = *store,
                                                .directory = *directory,
                                                .mail = *mail,
                                                .clock = clock,
                                                .log = {},
                                                .config = [this] { return std::shared_ptr<const Config>(config); },
                                                .metrics = Metrics(base::Metrics())});
    shared->outbound = &outbound;
    worker = std::make_unique<Worker>(*shared);
  }

  directory::Account add(const std::string& name, std::uint64_t quota = 0) {
    return good(net::run(directory->add_account(name + "@example.test", "secret", quota)));
  }

  /// An entry as delivery writes it; `change` may set what the sender asked for.
  base::QueueId put(std::string sender, std::vector<schema::QueuedRecipient> recipients,
                    std::function<void(schema::QueuedMessage&)> change = {},
                    std::string content = "Message-ID: <1@example.test>\r\nSubject: hello\r\n\r\ntext\r\n") {
    return good(
        net::run(put_task(*this, std::move(sender), std::move(recipients), std::move(change), std::move(content))));
  }
  static schema::QueuedRecipient to(const std::string& address, smtp::Notify notify = {}, std::string orcpt = {}) {
    return to_send({.address = address, .notify = notify, .orcpt = std::move(orcpt)}, address);
  }

  /// One look of the worker, and all that it began has ended.
  void look() { net::run(look_task(*this)); }
  /// Looks until nothing is under way or ready any more.
  void settle() {
    for (int i = 0; i < 200; ++i) {
      const std::size_t before = outbound.attempts.load();
      look();
      if (outbound.attempts == before && !anything_ready()) return;
    }
  }
  bool anything_ready() { return good(store->reader())->scan(kReady).valid(); }
  /// To the next time at which something is due, and looks; false when nothing is.
  bool next() {
    const auto first = good(next_due(*good(store->reader()), {}));
    if (!first) return false;
    const base::WallTime due = wall_time(static_cast<std::int64_t>(std::get<0>(*first)));
    clock.pass(std::max(due - clock.now(), base::WallTime::duration(0)) + std::chrono::milliseconds(1));
    look();
    return true;
  }

  std::vector<EntryView> list(Filter filter = {}) {
    return good(list_entries(*good(store->reader()), filter, 100'000, shared->leases, config->expire));
  }

  /// The messages in the INBOX, whole, in order of arrival.
  std::vector<std::string> inbox(base::AccountId account) {
    const auto box = good(net::run(mail->mailbox(account, "INBOX")));
    const auto view = good(net::run(mail->view(account, box.id)));
    std::vector<std::string> messages(view->size());
    good(net::run(mail->read(account, [&](mailstore::EmailReader& reader) -> base::Result<void> {
      for (std::size_t i = 0; i < view->size(); ++i) {
        TRY_ASSIGN(const auto email, reader.email(view->at(i).email));
        TRY(reader.bytes(email, 0, email.size, messages[i]));
      }
      return {};
    })));
    return messages;
  }

  /// What the checks of all rooms say, a line for each problem.
  std::string problems() {
    std::string found;
    const auto report = [&](store::Problem problem) { found += problem.where + ": " + problem.what + "\n"; };
    const auto reader = good(store->reader());
    good(store->check(report));
    good(mail->check(*reader, report));
    good(check_queue(*reader, report));
    return found;
  }

  net::Pool pool{2};
  TurnedClock clock;
  FailingSync faults;
  std::shared_ptr<Config> config;
  ScriptedOutbound outbound;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<mailstore::Mailstore> mail;
  std::unique_ptr<Shared> shared;
  std::unique_ptr<Worker> worker;

 private:
  static net::Task<void> look_task(World& world) {
    co_await world.worker->look(nullptr);
    while (world.worker->active() > 0) co_await net::sleep_for(std::chrono::milliseconds(1));
  }
  static net::Task<base::Result<base::QueueId>> put_task(World& world, std::string sender,
                                                         std::vector<schema::QueuedRecipient> recipients,
                                                         std::function<void(schema::QueuedMessage&)> change,
                                                         std::string content) {
    const base::QueueId id{world.store->next_id()};
    const auto writer = world.store->new_body();
    CO_TRY(co_await writer->append(content));
    const store::Body body = writer->finish();
    schema::QueuedMessage message;
    message.set_sender(sender);
    message.set_blob(body.id().value);
    message.set_prefix("Received: from there\r\n");
    message.set_size(message.prefix().size() + body.size());
    message.set_created_us(micros(world.clock.now()));
    if (change) change(message);
    CO_TRY(co_await world.store->write({store::Owner::of(id)}, [&](store::Txn& tx) {
      tx.put_body(body);
      return put_entry(tx, id, message, recipients);
    }));
    world.shared->gaps.fill_entry(id, message, recipients);
    co_return id;
  }
};

}  // namespace queue::test
