// Reads a mailbox over IMAP without TLS: logs in, selects --mailbox, sends `--command` (with the tag put in front)
// --rounds times and reads everything that it answers; counts lines and bytes, literals by their announced size. With
// --resync N it then leaves, changes a flag of N messages over a second connection, and comes back by SELECT (QRESYNC
// …).

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

void log_in(Connection& connection, const Options& options) {
  connection.line();
  connection.send(
      fmt::format("a LOGIN {} {}\r\n", options.text("user", "u1@example.test"), options.text("password", "test")));
  answer(connection, "a");
}

/// The number behind `word` in what comes up to the tagged answer.
std::uint64_t number_behind(Connection& connection, std::string_view word, std::string_view tag) {
  std::uint64_t found = 0;
  for (;;) {
    const std::string_view line = connection.line();
    if (line.starts_with(tag)) return found;
    const std::size_t at = line.find(word);
    if (at != std::string_view::npos) found = std::stoull(std::string(line.substr(at + word.size())));
  }
}

/// Seconds that SELECT (QRESYNC …) takes when the flags of `changes` messages have changed meanwhile.
double resync(Connection& connection, const Options& options, std::int64_t changes) {
  const std::string mailbox = options.text("mailbox", "INBOX");
  connection.send("r ENABLE QRESYNC\r\n");
  answer(connection, "r");
  connection.send(fmt::format("r STATUS {} (UIDVALIDITY)\r\n", mailbox));
  const auto validity = number_behind(connection, "UIDVALIDITY ", "r ");
  connection.send(fmt::format("r STATUS {} (HIGHESTMODSEQ)\r\n", mailbox));
  const auto modseq = number_behind(connection, "HIGHESTMODSEQ ", "r ");
  connection.send("r UNSELECT\r\n");
  answer(connection, "r");
  {
    Connection other(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2143)));
    log_in(other, options);
    other.send(fmt::format("b SELECT {}\r\n", mailbox));
    answer(other, "b");
    other.send(fmt::format("c STORE 1:{} +FLAGS.SILENT (resync{})\r\n", changes, modseq % 100));
    answer(other, "c");
  }
  const auto start = Clock::now();
  connection.send(fmt::format("r SELECT {} (QRESYNC ({} {}))\r\n", mailbox, validity, modseq));
  const Counted told = answer(connection, "r");
  const double seconds = seconds_since(start);
  if (told.responses < static_cast<std::uint64_t>(changes)) throw std::runtime_error("not all changes were told");
  return seconds;
}

}  // namespace

int imap(const Options& options) {
  Connection connection(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2143)));
  log_in(connection, options);
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
  const double seconds = seconds_since(start);
  const auto changes = options.number("resync", 0);
  const double resynced = changes > 0 ? resync(connection, options, changes) : 0;
  fmt::print(
      R"({{"select_seconds": {:.6f}, "seconds": {:.6f}, "bytes": {}, "responses": {}, "resync_seconds": {:.6f}}})"
      "\n",
      select, seconds, counted.bytes, counted.responses, resynced);
  connection.send("d LOGOUT\r\n");
  return 0;
}

}  // namespace load
