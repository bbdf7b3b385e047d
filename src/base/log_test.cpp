#include "base/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/log_follower.h"

using base::Level;
using base::Log;

namespace {

class TurnedClock final : public base::Clock {
 public:
  base::WallTime time{std::chrono::seconds(1'700'000'000)};
  base::WallTime now() const override { return time; }
  base::SteadyTime steady() const override { return {}; }
};

/// Keeps what it takes, and takes nothing while it is full.
struct Kept {
  std::vector<std::string> lines;
  bool full = false;
};
class Keeper final : public base::LogOutput {
 public:
  explicit Keeper(Kept& kept) : kept_(kept) {}
  std::string form(const base::LogLine& line) const override { return base::log_message(line); }
  bool write(const std::string& formed) override {
    if (!kept_.full) kept_.lines.push_back(formed);
    return !kept_.full;
  }

 private:
  Kept& kept_;
};

base::LogLine line_of(std::vector<std::pair<std::string_view, std::string_view>> fields) {
  return {.time = base::WallTime(std::chrono::milliseconds(1'700'000'000'123)),
          .level = Level::warning,
          .event = "smtp.rcpt.refused",
          .fields = std::move(fields)};
}

/// A datagram socket as a log daemon has one.
class Daemon {
 public:
  Daemon() : path_(std::filesystem::temp_directory_path() / ("postrider-log-" + std::to_string(::getpid()))) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    std::filesystem::remove(path_);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Daemon() {
    ::close(fd_);
    std::filesystem::remove(path_);
  }
  std::string path() const { return path_; }
  std::string next() const {
    char bytes[4096];
    const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
    return count < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(count));
  }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace

TEST_CASE("a line as text and as JSON; nothing that a peer sent can end it or paint the terminal") {
  const auto line = line_of({{"code", "550"}, {"why", "no \"such\" user"}, {"raw", "a\r\n\x1b[31m\xff"}, {"none", ""}});
  CHECK(base::log_text(line) ==
        "2023-11-14T22:13:20.123Z warning smtp.rcpt.refused code=550 why=\"no \\\"such\\\" user\" "
        "raw=\"a\\x0d\\x0a\\x1b[31m\\xff\" none=\"\"");
  CHECK(base::log_json(line) ==
        R"({"time":"2023-11-14T22:13:20.123Z","level":"warning","event":"smtp.rcpt.refused","code":"550",)"
        R"("why":"no \"such\" user","raw":"a\u000d\u000a\u001b[31m\u00ff","none":""})");
}

TEST_CASE("fields of with() stand in every line, and lines below the level are not written") {
  Kept kept;
  const Log log = Log::to(std::make_unique<Keeper>(kept), Level::info);
  const Log session = log.with({{"session", 7}}).with({{"user", "ann"}});
  session.debug("smtp.command");
  session.info("smtp.ended", {{"errors", 2}});
  CHECK(kept.lines == std::vector<std::string>{"smtp.ended session=7 user=ann errors=2"});
  CHECK_FALSE(session.enabled(Level::debug));
  Log().error("nobody.hears");
  CHECK_FALSE(Log().enabled(Level::error));
}

TEST_CASE("the level can be changed for all events or for those of a room") {
  Kept kept;
  const Log log = Log::to(std::make_unique<Keeper>(kept), Level::info);
  REQUIRE(log.set_level("smtp", Level::debug).has_value());
  REQUIRE(log.set_level("smtp.rcpt", Level::error).has_value());
  log.debug("smtp.command");
  log.debug("smtpd.command");
  log.debug("imap.command");
  log.info("smtp.rcpt.refused");
  log.info("imap.login");
  CHECK(kept.lines == std::vector<std::string>{"smtp.command", "imap.login"});
  CHECK(log.levels() == std::vector<std::pair<std::string, Level>>{
                            {"", Level::info}, {"smtp.rcpt", Level::error}, {"smtp", Level::debug}});
  log.set_level(Level::warning);
  log.info("smtp.command");
  CHECK(kept.lines.size() == 2);
  CHECK(log.levels().size() == 1);
  for (int i = 0; i < 64; ++i) CHECK(log.set_level("room" + std::to_string(i), Level::info).has_value());
  CHECK_FALSE(log.set_level("one.more", Level::info).has_value());
}

TEST_CASE("a flood of strangers' mistakes is counted; everything else is written") {
  TurnedClock clock;
  Kept kept;
  const Log log = Log::to(std::make_unique<Keeper>(kept), Level::info, clock);
  for (unsigned i = 0; i < 3 * Log::kNoisePerSecond; ++i) log.noise("smtp.rcpt.refused", {{"n", i}});
  for (int i = 0; i < 100; ++i) log.info("smtp.message.accepted");
  CHECK(kept.lines.size() == Log::kNoisePerSecond + 100);
  clock.time += std::chrono::seconds(1);
  log.noise("imap.login.failed");
  REQUIRE(kept.lines.size() == Log::kNoisePerSecond + 102);
  CHECK(kept.lines[Log::kNoisePerSecond + 100] == "log.suppressed event=smtp.rcpt.refused count=40");
  CHECK(log.metrics().text().find("postrider_log_suppressed_lines_total 40\n") != std::string::npos);
}

TEST_CASE("what is still only counted is told at the end") {
  Kept kept;
  {
    const Log log = Log::to(std::make_unique<Keeper>(kept), Level::info);
    for (unsigned i = 0; i < 100 * Log::kNoisePerSecond; ++i) log.noise("net.connection.refused");
  }
  CHECK(kept.lines.back().starts_with("log.suppressed event=net.connection.refused count="));
}

TEST_CASE("lines that were not taken are counted and told of when lines are taken again") {
  Kept kept;
  const Log log = Log::to(std::make_unique<Keeper>(kept), Level::info);
  log.info("a");
  kept.full = true;
  for (int i = 0; i < 3; ++i) log.info("b");
  kept.full = false;
  log.info("c");
  CHECK(kept.lines == std::vector<std::string>{"a", "log.dropped count=3", "c"});
  CHECK(log.metrics().text().find("postrider_log_dropped_lines_total 3\n") != std::string::npos);
}

TEST_CASE("a reader of standard error that has stopped reading does not stop the server") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Log log = Log::to(base::stream_output(ends[1], false), Level::info);
  const std::string text(1000, 'x');
  for (int i = 0; i < 1000; ++i) log.info("app.noise", {{"text", text}});  // more than a pipe holds
  std::string read(1 << 20, '\0');
  read.resize(static_cast<std::size_t>(::read(ends[0], read.data(), read.size())));
  CHECK(read.ends_with("x\n"));
  log.info("app.again");
  log = Log();
  ::close(ends[1]);
  std::string rest(1 << 16, '\0');
  rest.resize(static_cast<std::size_t>(::read(ends[0], rest.data(), rest.size())));
  CHECK(rest.find(" warning log.dropped count=") != std::string::npos);
  CHECK(rest.find(" info app.again\n") != std::string::npos);
  ::close(ends[0]);
}

TEST_CASE("a follower gets what it asked for, also below the log's level, and learns what it has missed") {
  Kept kept;
  const Log log = Log::to(std::make_unique<Keeper>(kept), Level::info);
  auto all = log.follow(Level::debug, "");
  const auto one = log.follow(Level::info, "session=7");
  int woken = 0;
  one->on_lines([&woken] { ++woken; });
  log.with({{"session", 7}}).info("smtp.ended");
  log.with({{"session", 7}}).info("smtp.ended");
  log.debug("smtp.command");
  CHECK(kept.lines.size() == 2);
  CHECK(woken == 1);
  CHECK(one->take().lines.size() == 2);
  const auto taken = all->take();
  REQUIRE(taken.lines.size() == 3);
  CHECK(taken.lines[2].find(R"("level":"debug","event":"smtp.command"})") != std::string::npos);
  CHECK(taken.lost == 0);
  for (std::size_t i = 0; i < base::LogFollower::kLines + 5; ++i) log.info("many");
  CHECK(all->take().lost == 5);
  CHECK(all->take().lost == 0);
  CHECK(log.enabled(Level::debug));
  all.reset();
  log.info("the.next");
  CHECK_FALSE(log.enabled(Level::debug));
}

TEST_CASE("syslog gets lines of the facility mail") {
  const Daemon daemon;
  const auto output = base::syslog_output(daemon.path());
  REQUIRE(output->write(output->form(line_of({{"code", "550"}}))));
  const std::string line = daemon.next();
  CHECK(line.starts_with("<20>Nov 1"));  // mail, warning
  CHECK(line.ends_with(" postrider[" + std::to_string(::getpid()) + "]: smtp.rcpt.refused code=550"));
  auto info = line_of({});
  info.level = Level::info;
  CHECK(output->form(info).starts_with("<22>"));
  CHECK_FALSE(base::syslog_output("/nowhere/log")->write("line"));
}

TEST_CASE("the journal gets fields, also such with line ends") {
  const Daemon daemon;
  const auto output = base::journal_output(daemon.path());
  REQUIRE(output->write(output->form(line_of({{"session", "7"}, {"why", "a\nb"}}))));
  CHECK(daemon.next() ==
        std::string("PRIORITY=4\nMESSAGE=smtp.rcpt.refused session=7 why=\"a\\x0ab\"\nSYSLOG_FACILITY=2\n"
                    "SYSLOG_IDENTIFIER=postrider\nPOSTRIDER_EVENT=smtp.rcpt.refused\n"
                    "POSTRIDER_SESSION=7\nPOSTRIDER_WHY\n") +
            std::string("\3\0\0\0\0\0\0\0", 8) + "a\nb\n");
}

TEST_CASE("a daemon that is restarted is found again, and whoever does not read costs lines, not time") {
  auto output = base::syslog_output(Daemon().path());
  CHECK_FALSE(output->write("nobody"));
  const Daemon daemon;
  CHECK(output->write("somebody"));
  int taken = 0;
  while (taken < 100'000 && output->write("more")) ++taken;
  CHECK(taken < 100'000);
  CHECK(daemon.next() == "somebody");
}
