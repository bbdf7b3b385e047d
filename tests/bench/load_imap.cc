// Reads a mailbox over IMAP without TLS: logs in, selects --mailbox, sends `--command` (with the tag put in front)
// --rounds times and reads everything that it answers; counts lines and bytes, literals by their announced size.

#include <fmt/format.h>

#include "load.h"

namespace load {
namespace {

struct Counted {
  std::uint64_t bytes = 0;
  std::uint64_t responses = 0;
};

/// Reads up to the tagged answer, which must be OK.
Counted answer(Connection& connection, std::string_view tag) {
  Counted counted;
  for (;;) {
    const std::string_view line = connection.line();
    counted.bytes += line.size() + 2;
    if (line.starts_with(tag)) {
      if (!line.substr(tag.size()).starts_with(" OK")) throw std::runtime_error("answered: " + std::string(line));
      return counted;
    }
    counted.responses += line.starts_with("* ");
    if (!line.empty() && line.back() == '}') {
      const std::size_t open = line.rfind('{');
      const std::uint64_t size = std::stoull(std::string(line.substr(open + 1)));
      connection.skip(size);
      counted.bytes += size;
    }
  }
}

}  // namespace

int imap(const Options& options) {
  Connection connection(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2143)));
  connection.line();
  connection.send(
      fmt::format("a LOGIN {} {}\r\n", options.text("user", "u1@example.test"), options.text("password", "test")));
  answer(connection, "a");
  auto start = Clock::now();
  connection.send(fmt::format("b SELECT {}\r\n", options.text("mailbox", "INBOX")));
  answer(connection, "b");
  const double select = seconds_since(start);
  Counted counted;
  const auto rounds = options.number("rounds", 1);
  start = Clock::now();
  for (std::int64_t i = 0; i < rounds; ++i) {
    connection.send(fmt::format("c {}\r\n", options.text("command", "FETCH 1:* (FLAGS)")));
    const Counted round = answer(connection, "c");
    counted.bytes += round.bytes;
    counted.responses += round.responses;
  }
  fmt::print(R"({{"select_seconds": {:.6f}, "seconds": {:.6f}, "bytes": {}, "responses": {}}})"
             "\n",
             select, seconds_since(start), counted.bytes, counted.responses);
  connection.send("d LOGOUT\r\n");
  return 0;
}

}  // namespace load
