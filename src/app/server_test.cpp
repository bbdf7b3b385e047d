// The whole server in this process: started, spoken to over real sockets, stopped, started again on what it left.
#include "app/server.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "app/dev.h"
#include "net/listener.h"

namespace {

class Directory {
 public:
  Directory() : path_(std::filesystem::temp_directory_path() / ("postrider-app-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Developer mode's configuration on ports that the system chooses.
app::Config config_in(const std::string& directory) {
  app::Config config = app::dev_config({.directory = directory}).value();
  std::filesystem::create_directories(directory);
  config.tls = app::dev_certificate(directory, {"mail.example.test"}, base::system_clock().now()).value();
  for (app::Listener& listener : config.listeners) listener.port = 0;
  config.stop_timeout = std::chrono::seconds(5);
  return config;
}

base::Result<std::unique_ptr<app::Server>> start(const app::Config& config) {
  return app::Server::start(config, base::system_clock(), base::Log());
}

base::SteadyTime soon() { return base::system_clock().steady() + std::chrono::seconds(10); }

net::Task<std::string> greeting(std::uint16_t port) {
  auto stream = co_await net::connect_tcp("127.0.0.1", port, soon());
  stream->set_deadline(soon());
  std::array<char, 512> block;
  const std::size_t count = co_await stream->read(block);
  co_return std::string(block.data(), count);
}

/// Connects, lets the server stop, and returns all that was said until the end.
net::Task<std::string> last_words(std::unique_ptr<net::Stream>& stream) {
  std::string all;
  std::array<char, 512> block;
  stream->set_deadline(soon());
  for (;;) {
    const std::size_t count = co_await stream->read(block);
    if (count == 0) co_return all;
    all.append(block.data(), count);
  }
}

net::Task<std::string> said_while_stopping(app::Server& server, std::uint16_t port) {
  auto stream = co_await net::connect_tcp("127.0.0.1", port, soon());
  std::array<char, 512> block;
  stream->set_deadline(soon());
  co_await stream->read(block);
  std::thread stopper([&server] { server.stop(); });
  std::string words;
  try {
    words = co_await last_words(stream);
  } catch (const net::Closed& closed) {
    words = std::string("cut: ") + closed.what();
  }
  stopper.join();
  co_return words;
}

}  // namespace

TEST_CASE("a server greets on every listener, stops in order, and starts again on the same directory") {
  const Directory directory;
  const app::Config config = config_in(directory.path() + "/data");
  for (int round = 0; round < 2; ++round) {
    auto server = start(config);
    REQUIRE_MESSAGE(server.has_value(), (server ? "" : server.error().text));
    CHECK(net::run(greeting((*server)->port("smtp").value())).starts_with("220 mail.example.test"));
    CHECK(net::run(greeting((*server)->port("submission").value())).starts_with("220 mail.example.test"));
    CHECK(net::run(greeting((*server)->port("imap").value())).starts_with("* OK"));
    const auto reply = admin::ask(config.socket_path(), admin::encode_request("health", {}));
    REQUIRE(reply.has_value());
    CHECK(admin::show("health", *reply, false).status == 0);
    const std::uint16_t port = (*server)->port("smtp").value();
    const std::string words = net::run(said_while_stopping(**server, port));
    CHECK_MESSAGE(words.starts_with("421"), words);
    CHECK_THROWS_AS(net::run(greeting(port)), net::Closed);
  }
}

TEST_CASE("a second server on the same directory or the same port is told why it cannot start") {
  const Directory directory;
  const app::Config config = config_in(directory.path() + "/data");
  const auto first = start(config);
  REQUIRE(first.has_value());
  const auto second = start(config);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == base::Code::busy);

  app::Config other = config_in(directory.path() + "/other");
  other.listeners[0].port = (*first)->port("smtp").value();
  const auto third = start(other);
  REQUIRE_FALSE(third.has_value());
  CHECK(third.error().text.find("listener smtp") != std::string::npos);
  CHECK(third.error().text.find(std::to_string(other.listeners[0].port)) != std::string::npos);
}

TEST_CASE("without a certificate there is no implicit TLS, and the rest works") {
  const Directory directory;
  app::Config config = config_in(directory.path() + "/data");
  config.tls = {};
  const auto server = start(config);
  REQUIRE(server.has_value());
  CHECK((*server)->port("smtp").has_value());
  CHECK_FALSE((*server)->port("imaps").has_value());
  CHECK_FALSE((*server)->port("submissions").has_value());
}

TEST_CASE("a certificate that cannot be used keeps the server from starting") {
  const Directory directory;
  app::Config config = config_in(directory.path() + "/data");
  const auto other = app::dev_certificate(directory.path(), {"mail.example.test"}, base::system_clock().now()).value();
  std::filesystem::copy_file(other.key, config.tls.key, std::filesystem::copy_options::overwrite_existing);
  const auto server = start(config);
  REQUIRE_FALSE(server.has_value());
  CHECK(server.error().text.find(config.tls.key) != std::string::npos);
}

TEST_CASE("a certificate that is not there yet is waited for, with the listeners that begin with TLS") {
  const Directory directory;
  app::Config config = config_in(directory.path() + "/data");
  const std::string key = std::exchange(config.tls.key, directory.path() + "/late.pem");
  const auto server = start(config);
  REQUIRE_MESSAGE(server.has_value(), (server ? "" : server.error().text));
  CHECK(net::run(greeting((*server)->port("smtp").value())).starts_with("220 "));
  CHECK_FALSE((*server)->port("imaps").has_value());
  (*server)->look_at_files();
  CHECK_FALSE((*server)->port("imaps").has_value());
  std::filesystem::copy_file(key, config.tls.key);
  (*server)->look_at_files();
  CHECK((*server)->port("imaps").has_value());
  CHECK((*server)->port("submissions").has_value());
}

TEST_CASE("a host name that is a mail domain keeps the server from starting") {
  const Directory directory;
  app::Config config = config_in(directory.path() + "/data");
  {
    const auto server = start(config);
    REQUIRE(server.has_value());
    REQUIRE(net::run((*server)->directory().add_domain("example.test")).has_value());
    CHECK_FALSE(net::run((*server)->directory().add_domain("mail.example.test")).has_value());
  }
  config.hostname = "example.test";
  const auto server = start(config);
  REQUIRE_FALSE(server.has_value());
  CHECK(server.error().code == base::Code::unsupported);
}
