#include "admin/socket.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

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
