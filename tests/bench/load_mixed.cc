// A mixed IMAP load without TLS: --sessions connections, each with a user's mailbox selected, do what mail programs do
// all day, one command after the other: of 20 commands 4 are NOOP, 3 fetch what a list of 50 messages shows, 3 its
// flags, 3 a whole message, 2 change a flag, 1 is STATUS, 1 LIST, 1 SEARCH UNSEEN, 1 SELECT, 1 APPEND. INBOX must have
// 100 messages.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <random>
#include <thread>
#include <vector>

#include "load.h"

namespace load {
namespace {

enum class Kind { noop, list_50, flags_50, body, store, status, list, search, select, append };
constexpr std::array kMix = {Kind::noop,    Kind::list_50, Kind::flags_50, Kind::body,   Kind::noop,
                             Kind::store,   Kind::list_50, Kind::body,     Kind::status, Kind::flags_50,
                             Kind::noop,    Kind::search,  Kind::list,     Kind::select, Kind::append,
                             Kind::list_50, Kind::store,   Kind::body,     Kind::noop,   Kind::flags_50};

class Client {
 public:
  Client(const Options& options, std::int64_t number)
      : connection_(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 2143))),
        random_(static_cast<std::uint64_t>(number)),
        at_(static_cast<std::size_t>(number)),
        message_(
            make_message(static_cast<std::size_t>(options.number("size", 4096)), static_cast<std::uint64_t>(number))) {
    connection_.line();
    const auto user = number % options.number("users", 10) + 1;
    ask(fmt::format("LOGIN u{}@{} {}", user, options.text("domain", "example.test"), options.text("password", "test")));
    ask("SELECT INBOX");
  }

  void next() {
    switch (kMix[at_++ % kMix.size()]) {
      case Kind::noop:
        return ask("NOOP");
      case Kind::list_50:
        return ask(fmt::format("FETCH {} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", fifty()));
      case Kind::flags_50:
        return ask(fmt::format("FETCH {} (UID FLAGS)", fifty()));
      case Kind::body:
        return ask(fmt::format("FETCH {} (BODY.PEEK[])", one()));
      case Kind::store:
        return ask(fmt::format("STORE {} {}FLAGS.SILENT (\\Seen)", one(), at_ / kMix.size() % 2 == 0 ? '+' : '-'));
      case Kind::status:
        return ask("STATUS Archive (MESSAGES UIDNEXT UNSEEN)");
      case Kind::list:
        return ask("LIST \"\" *");
      case Kind::search:
        return ask("SEARCH UNSEEN");
      case Kind::select:
        return ask("SELECT INBOX");
      case Kind::append:
        connection_.send(fmt::format("t APPEND Archive {{{}}}\r\n", message_.size()));
        while (!connection_.line().starts_with("+")) {
        }
        connection_.send(message_);
        return ask("");
    }
  }

 private:
  std::size_t one() {
    return std::uniform_int_distribution<std::size_t>(1, std::max<std::size_t>(exists_, 1))(random_);
  }
  std::string fifty() {
    const std::size_t first = std::min(one(), exists_ > 50 ? exists_ - 49 : 1);
    return fmt::format("{}:{}", first, std::min(exists_, first + 49));
  }
  /// Sends a command, or only ends the one that was begun, and reads up to the tagged answer, which must be OK.
  void ask(const std::string& command) {
    connection_.send(command.empty() ? "\r\n" : "t " + command + "\r\n");
    for (;;) {
      const std::string_view line = connection_.line();
      if (line.starts_with("t ")) {
        if (!line.starts_with("t OK")) throw std::runtime_error(command + ": " + std::string(line));
        return;
      }
      if (line.starts_with("* ") && line.ends_with(" EXISTS")) {
        std::from_chars(line.data() + 2, line.data() + line.size(), exists_);
      }
      if (!line.empty() && line.back() == '}')
        connection_.skip(std::stoull(std::string(line.substr(line.rfind('{') + 1))));
    }
  }

  Connection connection_;
  std::mt19937_64 random_;
  std::size_t at_;
  std::size_t exists_ = 0;
  std::string message_;
};

}  // namespace

int mixed(const Options& options) {
  const auto end = Clock::now() + std::chrono::milliseconds(options.number("milliseconds", 10'000));
  std::atomic<std::int64_t> done{0};
  std::atomic<bool> failed{false};
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < options.number("sessions", 20); ++i) {
    threads.emplace_back([&, i] {
      try {
        Client client(options, i);
        for (; Clock::now() < end; ++done) client.next();
      } catch (const std::exception& error) {
        fmt::print(stderr, "client {}: {}\n", i, error.what());
        failed = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  fmt::print(R"({{"commands": {}, "seconds": {:.3f}}})"
             "\n",
             done.load(), seconds_since(start));
  return failed ? 1 : 0;
}

}  // namespace load
