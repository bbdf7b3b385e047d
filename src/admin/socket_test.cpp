#include "admin/socket.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "admin/test_kit.h"
#include "net/memory_stream.h"

using admin::test::House;

namespace {

std::string conversation(House& house, std::string input, std::size_t piece,
                         std::optional<std::uint32_t> uid = ::geteuid()) {
  std::string output;
  auto stream =
      net::scripted_stream({.input = std::move(input), .piece = piece, .endpoints = {.peer_uid = uid}}, output);
  net::run(admin::serve(std::move(stream), *house.api, {}, {}));
  return output;
}

}  // namespace

TEST_CASE("requests are lines, in whatever pieces they come") {
  House house;
  const std::string input =
      "{\"command\":\"version\"}\nnonsense\n{\"command\":\"domain list\"}\n{\"command\":\"unfinished";
  const std::string expected =
      "{\"ok\":true,\"result\":{\"done\":\"postrider test\",\"version\":\"postrider test\"}}\n"
      "{\"ok\":false,\"code\":\"invalid\",\"error\":\"the request is not a JSON object\"}\n"
      "{\"ok\":true,\"result\":{\"domains\":[]}}\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{10'000}})
    CHECK(conversation(house, input, piece) == expected);
}

TEST_CASE("only root and the server's user are answered, whatever the mode of the file has become") {
  House house;
  const std::string input = "{\"command\":\"version\"}\n";
  CHECK(conversation(house, input, 1000, 0).starts_with("{\"ok\":true"));
  CHECK(conversation(house, input, 1000, ::geteuid()).starts_with("{\"ok\":true"));
  CHECK(conversation(house, input, 1000, ::geteuid() + 12345).starts_with("{\"ok\":false,\"code\":\"denied\""));
  CHECK(conversation(house, input, 1000, std::nullopt).starts_with("{\"ok\":false,\"code\":\"denied\""));
}

TEST_CASE("a line without an end is not collected for ever") {
  House house;
  CHECK(conversation(house, std::string(3 * admin::kMaxRequestBytes, 'x'), 100'000) == "");
}

TEST_CASE("the socket is the owner's alone, and works in however deep a directory") {
  House house;
  std::string directory = std::filesystem::temp_directory_path() / ("postrider-admin-" + std::to_string(::getpid()));
  const std::string top = directory;
  for (int i = 0; i < 3; ++i) directory += "/a-directory-with-quite-a-long-name-" + std::to_string(i);
  std::filesystem::create_directories(directory);
  {
    CHECK(admin::ask(admin::SocketPath(directory).path(), "{}").error().code == base::Code::not_found);
    const admin::SocketPath socket(directory);
    net::Loops loops(1);
    auto listener = net::listen_unix(loops.at(0), socket.path(), 0600);
    REQUIRE(listener.has_value());
    struct stat info{};
    REQUIRE(::stat((directory + "/admin.sock").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    net::Server server(*std::move(listener), loops.at(0), loops, {.name = "admin", .limits = {}, .too_many = {}},
                       [&](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
                         return admin::serve(std::move(stream), *house.api, std::move(log), std::move(stopping));
                       },
                       {});
    server.start();
    const admin::SocketPath other(directory);
    const auto reply = admin::ask(other.path(), admin::encode_request("version", {}));
    REQUIRE(reply.has_value());
    CHECK(admin::show("version", *reply, false).out == "postrider test\n");
    net::run(server.stop(std::chrono::seconds(5)));
    CHECK(admin::ask(other.path(), "{}").error().code == base::Code::not_found);
  }
  std::filesystem::remove_all(top);
}

namespace {

/// A server of the room's over a log that is followed, on a socket in a directory of its own.
class Followed {
 public:
  class Nowhere final : public base::LogOutput {
   public:
    std::string form(const base::LogLine& line) const override { return base::log_text(line); }
    bool write(const std::string&) override { return true; }
  };

  Followed() {
    std::filesystem::create_directories(directory);
    auto listener = net::listen_unix(loops.at(0), directory + "/admin.sock", 0600);
    REQUIRE(listener.has_value());
    server = std::make_unique<net::Server>(
        *std::move(listener), loops.at(0), loops, net::Server::Options{.name = "admin", .limits = {}, .too_many = {}},
        [this](std::unique_ptr<net::Stream> stream, base::Log session, net::Stopping stopping) {
          return admin::serve(std::move(stream), *api, std::move(session), std::move(stopping));
        },
        base::Log());
    server->start();
  }
  ~Followed() {
    net::run(server->stop(std::chrono::seconds(5)));
    std::filesystem::remove_all(directory);
  }
  std::string path() const { return directory + "/admin.sock"; }

  std::string directory = std::filesystem::temp_directory_path() / ("postrider-follow-" + std::to_string(::getpid()));
  House house;
  base::Log log = base::Log::to(std::make_unique<Nowhere>(), base::Level::info);
  std::unique_ptr<admin::Api> api = std::make_unique<admin::Api>(
      house.api->services(), admin::Settings{.status = [] { return admin::Status(); }}, log);
  net::Loops loops{2};
  std::unique_ptr<net::Server> server;
};

}  // namespace

TEST_CASE("the log is followed through the socket, with its filter, until the server ends") {
  Followed followed;
  std::vector<std::string> lines;
  std::thread follower([&] {
    const auto request = admin::encode_request("log follow", {{"level", "debug"}, {"filter", "session=7"}});
    const auto done = admin::ask_for_lines(followed.path(), request, [&](std::string_view line) {
      lines.emplace_back(line);
      if (lines.size() == 1) {
        followed.log.with({{"session", 7}}).debug("smtp.command", {{"verb", "EHLO"}});
        followed.log.with({{"session", 8}}).info("smtp.other");
        for (int i = 0; i < 500; ++i) followed.log.with({{"session", 7}}).info("smtp.many", {{"n", i}});
      }
      return lines.size() < 502;
    });
    CHECK(done.has_value());
  });
  follower.join();
  REQUIRE(lines.size() == 502);
  CHECK(lines[0] == R"({"ok":true,"result":{}})");
  CHECK(admin::show_line(lines[1]).ends_with(" debug smtp.command session=7 verb=EHLO"));
  CHECK(admin::show_line(lines[501]).ends_with(" info smtp.many session=7 n=499"));

  std::atomic<bool> answered = false;
  std::thread until_the_end([&] {
    const auto done =
        admin::ask_for_lines(followed.path(), admin::encode_request("log follow", {}), [&](std::string_view) {
          answered = true;
          answered.notify_one();
          return true;
        });
    CHECK(done.has_value());
    answered = true;
    answered.notify_one();
  });
  answered.wait(false);  // a session that has not answered yet would be ended without an answer
  net::run(followed.server->stop(std::chrono::seconds(10)));
  until_the_end.join();
}

TEST_CASE("levels are shown and set, and what is no level is refused") {
  Followed followed;
  const auto ask = [&](const admin::Arguments& arguments) {
    const auto reply = admin::ask(followed.path(), admin::encode_request("log level", arguments));
    REQUIRE(reply.has_value());
    return admin::show("log level", *reply, false);
  };
  CHECK(ask({}).out == "EVENTS  LEVEL\nall     info\n");
  CHECK(ask({{"level", "debug"}, {"events", "smtp"}}).out == "EVENTS  LEVEL\nall     info\nsmtp    debug\n");
  CHECK(followed.log.enabled(base::Level::debug));
  CHECK(ask({{"level", "warning"}}).out == "EVENTS  LEVEL\nall     warning\n");
  CHECK(ask({{"level", "loud"}}).error == "a level is debug, info, warning or error");
  CHECK(ask({{"level", "info"}, {"events", "no such"}}).status == 1);
  const auto refused = admin::ask(followed.path(), admin::encode_request("log follow", {{"level", "loud"}}));
  REQUIRE(refused.has_value());
  CHECK(admin::show("log follow", *refused, true).status == 1);
  CHECK(net::run(followed.api->call(admin::encode_request("log follow", {}))).find("unsupported") != std::string::npos);
}
