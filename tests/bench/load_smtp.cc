// Deliveries over SMTP: --sessions N connections, each sending one message after another (MAIL, RCPT, DATA, each
// waiting for its reply, as Postfix's smtp-source does), until --seconds have passed or --count messages were taken.

#include <fmt/format.h>

#include <atomic>
#include <thread>
#include <vector>

#include "load.h"

namespace load {
namespace {

void expect(Connection& connection, char first) {
  for (;;) {
    const std::string_view line = connection.line();
    if (line.size() < 4 || line[0] != first) throw std::runtime_error("unexpected reply: " + std::string(line));
    if (line[3] != '-') return;
  }
}

struct Shared {
  std::atomic<std::int64_t> left;
  std::atomic<std::int64_t> taken{0};
  std::atomic<bool> failed{false};
  Clock::time_point end;
};

/// A session of at most 1,000 messages; false when there is nothing left to send.
bool session(const Options& options, int number, const std::string& message, Shared& shared) {
  Connection connection(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2025)));
  expect(connection, '2');
  connection.send("EHLO load.test\r\n");
  expect(connection, '2');
  const auto users = options.number("users", 10);
  const auto domains = options.number("domains", 0);  // above 0: the recipients are at d0.DOMAIN, d1.DOMAIN, …
  bool more = true;
  for (int i = 0; i < 1000 && more; ++i) {
    more = shared.left.fetch_sub(1) > 0 && Clock::now() < shared.end;
    if (!more) break;
    connection.send("MAIL FROM:<sender@elsewhere.test>\r\n");
    expect(connection, '2');
    const std::string below = domains > 0 ? fmt::format("d{}.", (number + i) % domains) : "";
    connection.send(
        fmt::format("RCPT TO:<u{}@{}{}>\r\n", (number + i) % users + 1, below, options.text("domain", "example.test")));
    expect(connection, '2');
    connection.send("DATA\r\n");
    expect(connection, '3');
    connection.send(message);
    expect(connection, '2');
    ++shared.taken;
  }
  connection.send("QUIT\r\n");
  expect(connection, '2');
  return more;
}

}  // namespace

int smtp(const Options& options) {
  const auto sessions = options.number("sessions", 10);
  const auto size = static_cast<std::size_t>(options.number("size", 4096));
  Shared shared;
  shared.left = options.number("count", INT64_MAX / 2);
  const auto start = Clock::now();
  shared.end = start + std::chrono::milliseconds(options.number("milliseconds", 60'000));
  std::vector<std::thread> threads;
  for (int i = 0; i < sessions; ++i) {
    threads.emplace_back([&, i] {
      try {
        const std::string message = make_message(size, static_cast<std::uint64_t>(i)) + ".\r\n";
        while (session(options, i, message, shared)) {
        }
      } catch (const std::exception& error) {
        fmt::print(stderr, "session {}: {}\n", i, error.what());
        shared.failed = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  fmt::print(R"({{"messages": {}, "seconds": {:.3f}}})"
             "\n",
             shared.taken.load(), seconds_since(start));
  return shared.failed ? 1 : 0;
}

}  // namespace load
