// A queue of --entries messages for --destinations domains of which --dead do not answer, over hosts that are part of
// this program: how long the others take to be drained, the memory, the CPU of each delivery, and what a look at the
// queue costs when nothing is due. Prints one JSON object.

#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "net/loop.h"
#include "net/pool.h"
#include "queue/choice.h"
#include "queue/queue.h"
#include "queue/records.h"
#include "store/store.h"

namespace {

using Time = std::chrono::steady_clock;

double seconds_since(Time::time_point start) { return std::chrono::duration<double>(Time::now() - start).count(); }

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return of(used.ru_utime) + of(used.ru_stime);
}

double resident_mib() {
  std::ifstream status("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  status >> all >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

std::string domain_of(std::uint64_t number) { return "d" + std::to_string(number) + ".example"; }

/// Hosts that answer at once, and dead ones, which take as long as a connection that is never made.
class Hosts final : public outbound::Outbound {
 public:
  Hosts(std::uint64_t dead, std::chrono::milliseconds timeout) : dead_(dead), timeout_(timeout) {}

  net::Task<std::vector<outbound::Outcome>> send(outbound::Destination destination, outbound::Message message,
                                                 std::vector<smtp::Recipient> recipients,
                                                 std::function<bool()> may_commit, base::SteadyTime,
                                                 base::Log) override {
    outbound::Outcome outcome{
        .status = "2.0.0", .text = {}, .host = destination.domain, .address = {}, .diagnostic = {}, .tls = {}};
    if (std::strtoull(destination.domain.c_str() + 1, nullptr, 10) < dead_) {
      co_await net::sleep_for(timeout_);
      outcome.status = "4.4.1";
      outcome.text = "no host could be reached";
      outcome.destination_down = true;
      ++dead_attempts;
    } else {
      for (std::uint64_t at = 0;;) {
        const auto block = co_await message.read(at);
        if (!block || block->empty()) break;
        at += block->size();
      }
      if (may_commit()) {
        outcome.verdict = outbound::Verdict::delivered;
        delivered += recipients.size();
      }
    }
    co_return std::vector<outbound::Outcome>(recipients.size(), outcome);
  }
  net::Task<outbound::Outcome> verify(outbound::Destination, std::string, std::string, base::SteadyTime,
                                      base::Log) override {
    co_return outbound::Outcome{};
  }

  std::atomic<std::uint64_t> delivered = 0;
  std::atomic<std::uint64_t> dead_attempts = 0;

 private:
  const std::uint64_t dead_;
  const std::chrono::milliseconds timeout_;
};

struct Bench {
  store::Store& store;
  std::uint64_t entries;
  std::uint64_t destinations;
  std::uint64_t size;
  std::int64_t due_us = 0;  // 0: at once
};

net::Task<void> fill(Bench bench) {
  constexpr std::uint64_t kAtOnce = 200;
  const std::string content = "Subject: bench\r\n\r\n" + std::string(bench.size, 'x') + "\r\n";
  for (std::uint64_t first = 0; first < bench.entries; first += kAtOnce) {
    std::vector<store::Body> bodies;
    for (std::uint64_t i = first; i < std::min(first + kAtOnce, bench.entries); ++i) {
      const auto writer = bench.store.new_body();
      if (!co_await writer->append(content)) std::abort();
      bodies.push_back(writer->finish());
    }
    std::vector<base::QueueId> ids;
    for (std::size_t i = 0; i < bodies.size(); ++i) ids.push_back(base::QueueId{bench.store.next_id()});
    const auto now = base::system_clock().now();
    const auto done = co_await bench.store.write({}, [&](store::Txn& tx) -> base::Result<void> {
      for (std::size_t i = 0; i < bodies.size(); ++i) {
        queue::schema::QueuedMessage message;
        message.set_sender("sender" + std::to_string((first + i) % 50) + "@sender.example");
        message.set_account((first + i) % 50 + 1);
        message.set_blob(bodies[i].id().value);
        message.set_size(bodies[i].size());
        message.set_created_us(queue::micros(now));
        message.set_hold_until_us(bench.due_us);
        queue::schema::QueuedRecipient recipient;
        recipient.set_address("r@" + domain_of((first + i) % bench.destinations));
        recipient.set_text("waits to be sent");
        tx.put_body(bodies[i]);
        TRY(queue::put_entry(tx, ids[i], message, {recipient}));
      }
      return {};
    });
    if (!done) std::abort();
  }
}

/// A look when nothing is due: what the worker asks each time.
double look_microseconds(const store::Store& store, const queue::Config& config) {
  queue::Destinations destinations;
  queue::Leases leases;
  queue::TableGaps gaps;
  queue::Chooser chooser(destinations, leases, gaps.ready);
  constexpr int kLooks = 2000;
  const auto start = Time::now();
  for (int i = 0; i < kLooks; ++i) {
    chooser.begin();
    const auto reader = store.reader();
    if (!reader || !queue::next_due(**reader, {}) ||
        !chooser.choose(**reader, config, 200, base::system_clock().steady())) {
      std::abort();
    }
  }
  return seconds_since(start) * 1e6 / kLooks;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options{{"--entries", "200000"}, {"--destinations", "1000"}, {"--dead", "100"},
                                             {"--size", "4096"},      {"--timeout-ms", "30000"},  {"--dir", ""}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto number = [&](const char* name) { return std::strtoull(options[name].c_str(), nullptr, 10); };
  const std::filesystem::path scratch =
      options["--dir"].empty()
          ? std::filesystem::temp_directory_path() / ("postrider-queue-bench-" + std::to_string(::getpid()))
          : std::filesystem::path(options["--dir"]);
  std::filesystem::create_directories(scratch);
  {
    net::Pool pool(4);
    const auto& clock = base::system_clock();
    auto store = store::open_embedded({.directory = scratch / "store"}, pool, clock, {}).value();
    auto directory = directory::open(*store, clock, {}, {}, "mx.bench.example").value();
    const auto mail = mailstore::open(*store, clock, {});
    const auto config = std::make_shared<const queue::Config>();
    const double empty_look = look_microseconds(*store, *config);
    const auto far = queue::micros(clock.now() + std::chrono::hours(100));
    net::run(fill({*store, number("--entries"), number("--destinations"), 64, far}));
    const double full_look = look_microseconds(*store, *config);
    net::run(fill({*store, number("--entries"), number("--destinations"), number("--size")}));
    const double memory_before = resident_mib();

    Hosts hosts(number("--dead"), std::chrono::milliseconds(number("--timeout-ms")));
    net::Loops loops(2);
    const auto queue = queue::open(*store, *directory, *mail, clock, {}, [&] { return config; });
    const auto begin = Time::now();
    const double cpu_begin = cpu_seconds();
    if (!queue->start(loops, hosts)) std::abort();
    const double start_seconds = seconds_since(begin);
    const std::uint64_t good =
        number("--entries") / number("--destinations") * (number("--destinations") - number("--dead"));
    double memory_peak = 0;
    while (hosts.delivered < good && seconds_since(begin) < 600) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      memory_peak = std::max(memory_peak, resident_mib());
    }
    const double drained = seconds_since(begin) - start_seconds;
    const double cpu = cpu_seconds() - cpu_begin;
    net::run(queue->stop(std::chrono::seconds(60)));
    fmt::print(
        "{{\"entries\": {}, \"delivered\": {}, \"start_seconds\": {:.2f}, \"drain_seconds\": {:.2f}, \"per_second\": "
        "{:.0f}, "
        "\"cpu_ms_each\": {:.3f}, \"memory_before_mib\": {:.0f}, \"memory_peak_mib\": {:.0f}, \"dead_attempts\": {}, "
        "\"look_empty_us\": {:.1f}, \"look_with_as_many_waiting_us\": {:.1f}}}\n",
        number("--entries"), hosts.delivered.load(), start_seconds, drained,
        static_cast<double>(hosts.delivered) / drained,
        cpu * 1000 / static_cast<double>(std::max<std::uint64_t>(hosts.delivered, 1)), memory_before, memory_peak,
        hosts.dead_attempts.load(), empty_look, full_look);
  }
  std::filesystem::remove_all(scratch);
}
