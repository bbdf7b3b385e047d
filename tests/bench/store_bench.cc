// Durable deliveries into the mail store without a network: --writers tasks, each filing one message after another of
// --size bytes into the INBOX of one of ten accounts, each in a commit of its own, for --milliseconds. Prints one JSON
// object.

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "mailstore/mailstore.h"
#include "mime/message.h"
#include "net/loop.h"
#include "net/pool.h"
#include "store/store.h"

namespace {

struct Bench {
  store::Store& store;
  mailstore::Mailstore& mail;
  std::string message;
  std::chrono::steady_clock::time_point end;
  std::atomic<std::uint64_t> filed{0};
  std::atomic<int> running{0};
};

net::Task<void> writer(Bench& bench, base::AccountId account) {
  while (std::chrono::steady_clock::now() < bench.end) {
    auto body = bench.store.new_body();
    if (!co_await body->append(bench.message)) std::abort();
    const auto incoming =
        mailstore::make_incoming(body->finish(), std::make_shared<const mime::Message>(mime::parse(bench.message)));
    const mailstore::FileOptions options{.prefix = "Return-Path: <sender@elsewhere.test>\r\n",
                                         .received = {1'700'000'000, 0}};
    const auto done =
        co_await bench.store.write({store::Owner::of(account)}, [&](store::Txn& tx) -> base::Result<void> {
          TRY(bench.mail.file(tx, account, std::nullopt, incoming, options));
          return {};
        });
    if (!done) std::abort();
    bench.mail.changed(account);
    ++bench.filed;
  }
  --bench.running;
}

net::Task<void> all(Bench& bench, int writers) {
  bench.running = writers;
  for (int i = 0; i < writers; ++i) {
    net::Loop::current()->spawn(writer(bench, base::AccountId{static_cast<std::uint64_t>(i % 10 + 1)}));
  }
  while (bench.running > 0) co_await net::sleep_for(std::chrono::milliseconds(10));
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options{
      {"--writers", "32"}, {"--size", "4096"}, {"--milliseconds", "10000"}, {"--dir", "store-bench"}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  net::Pool pool(4);
  auto opened = store::open_embedded({.directory = options["--dir"]}, pool, base::system_clock(), {});
  if (!opened) {
    fmt::print(stderr, "{}\n", opened.error().text);
    return 1;
  }
  auto mail = mailstore::open(**opened, base::system_clock(), {});
  std::string message =
      "From: Load Generator <sender@elsewhere.test>\r\nSubject: bench\r\nMessage-ID: <bench@elsewhere.test>\r\n\r\n";
  while (message.size() < std::stoull(options["--size"]))
    message += "All work and no play makes a dull mail server, it is said.\r\n";
  message.resize(std::stoull(options["--size"]));
  Bench bench{**opened, *mail, message,
              std::chrono::steady_clock::now() + std::chrono::milliseconds(std::stoll(options["--milliseconds"]))};
  const auto start = std::chrono::steady_clock::now();
  net::run(all(bench, std::stoi(options["--writers"])));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(R"({{"messages": {}, "seconds": {:.3f}}})"
             "\n",
             bench.filed.load(), seconds);
  return 0;
}
