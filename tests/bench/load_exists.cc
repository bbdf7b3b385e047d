// How long a client in IDLE waits to be told: a message is delivered over SMTP to a user whose INBOX an IMAP session
// has selected, --count times, one after the other; the time runs from the final dot to the EXISTS response.

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "load.h"

namespace load {
namespace {

void expect(Connection& connection, std::string_view begin) {
  for (;;) {
    const std::string_view line = connection.line();
    if (!line.starts_with(begin)) throw std::runtime_error("unexpected reply: " + std::string(line));
    if (line.size() < 4 || line[3] != '-') return;
  }
}

void until(Connection& connection, std::string_view begin) {
  while (!connection.line().starts_with(begin)) {
  }
}

}  // namespace

int exists(const Options& options) {
  const std::string host = options.text("host", "127.0.0.1");
  const std::string user = fmt::format("u1@{}", options.text("domain", "example.test"));
  Connection imap(host, static_cast<int>(options.number("imap-port", 2143)));
  imap.line();
  imap.send(fmt::format("a LOGIN {} {}\r\n", user, options.text("password", "test")));
  until(imap, "a OK");
  imap.send("b SELECT INBOX\r\n");
  until(imap, "b OK");
  imap.send("c IDLE\r\n");
  until(imap, "+");
  Connection smtp(host, static_cast<int>(options.number("port", 2025)));
  expect(smtp, "220");
  smtp.send("EHLO load.test\r\n");
  expect(smtp, "250");
  const std::string message = make_message(4096, 1) + ".\r\n";
  std::vector<double> waited;
  for (std::int64_t i = 0; i < options.number("count", 100); ++i) {
    smtp.send("MAIL FROM:<sender@elsewhere.test>\r\n");
    expect(smtp, "250");
    smtp.send(fmt::format("RCPT TO:<{}>\r\n", user));
    expect(smtp, "250");
    smtp.send("DATA\r\n");
    expect(smtp, "354");
    const auto start = Clock::now();
    smtp.send(message);
    while (!imap.line().ends_with(" EXISTS")) {
    }
    waited.push_back(seconds_since(start) * 1000);
    expect(smtp, "250");
    std::this_thread::sleep_for(std::chrono::milliseconds(options.number("pause", 20)));
  }
  std::ranges::sort(waited);
  fmt::print(R"({{"median_ms": {:.3f}, "p99_ms": {:.3f}, "worst_ms": {:.3f}}})"
             "\n",
             waited[waited.size() / 2], waited[waited.size() * 99 / 100], waited.back());
  return 0;
}

}  // namespace load
