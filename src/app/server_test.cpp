// The whole server in this process: started, spoken to over real sockets, stopped, started again on what it left.
#include "app/server.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>

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

namespace {

/// A connection that stays open over what a test does to the server.
class Client {
 public:
  explicit Client(std::uint16_t port) : thread_([this] { loop_.run(); }) { run(connect(port)); }
  ~Client() {
    run(close());
    loop_.stop();
    thread_.join();
  }
  /// One line there and, unless it is empty, what comes back.
  std::string ask(const std::string& line) {
    run(exchange(line));
    return said_;
  }
  const std::string& greeting() const { return greeting_; }

 private:
  void run(net::Task<void> task) {
    std::promise<void> done;
    loop_.spawn(whole(std::move(task), done));
    done.get_future().wait();
  }
  static net::Task<void> whole(net::Task<void> task, std::promise<void>& done) {
    struct Ended {
      std::promise<void>& done;
      ~Ended() { done.set_value(); }
    };
    const Ended ended{done};
    co_await std::move(task);
  }
  net::Task<void> connect(std::uint16_t port) {
    stream_ = co_await net::connect_tcp("127.0.0.1", port, soon());
    co_await read();
    greeting_ = said_;
  }
  net::Task<void> exchange(std::string line) {
    said_ = "(the connection is gone)";
    co_await stream_->write(line + "\r\n");
    co_await read();
  }
  net::Task<void> read() {
    stream_->set_deadline(soon());
    std::array<char, 2000> block;
    said_.assign(block.data(), co_await stream_->read(block));
  }
  net::Task<void> close() {
    stream_.reset();
    co_return;
  }

  net::Loop loop_;
  std::thread thread_;
  std::unique_ptr<net::Stream> stream_;
  std::string greeting_;
  std::string said_;
};

/// A server whose configuration a test exchanges.
struct Reloadable {
  explicit Reloadable(const Directory& directory) : config(config_in(directory.path() + "/data")) {
    auto started = app::Server::start(config, base::system_clock(), base::Log(), [this](const app::Sources&) {
      app::Loaded loaded;
      loaded.config = config;
      loaded.config.settle();
      loaded.mistakes = mistakes;
      return loaded;
    });
    REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().text));
    server = *std::move(started);
  }
  app::Listener& listener(const std::string& name) {
    return *std::ranges::find(config.listeners, name, &app::Listener::name);
  }
  /// A port that is free, most likely.
  static std::uint16_t free_port() {
    net::Loop loop;
    return net::listen_tcp(loop, "127.0.0.1", 0).value()->port();
  }

  app::Config config;
  std::vector<app::Mistake> mistakes;
  std::unique_ptr<app::Server> server;
};

}  // namespace

TEST_CASE("a reload adds, moves and removes listeners, and who is connected stays") {
  const Directory directory;
  Reloadable house(directory);
  const std::uint16_t smtp = house.server->port("smtp").value();
  Client on_smtp(smtp);
  Client on_imap(house.server->port("imap").value());

  app::Listener more = house.listener("smtp");
  more.name = "more";
  house.config.listeners.push_back(more);
  house.listener("imap").port = Reloadable::free_port();
  std::erase_if(house.config.listeners, [](const app::Listener& l) { return l.name == "submission"; });
  const app::Reloaded done = house.server->reload("test");
  CHECK(app::located(done.mistakes) == "");
  CHECK(done.changes.changed ==
        std::vector<std::string>{"listener.submission removed",
                                 "listener.imap.port = " + std::to_string(house.listener("imap").port),
                                 "listener.more added"});
  CHECK(house.server->port("smtp") == smtp);
  CHECK_FALSE(house.server->port("submission").has_value());
  CHECK(Client(house.server->port("more").value()).greeting().starts_with("220 "));
  CHECK(Client(house.listener("imap").port).greeting().starts_with("* OK"));
  CHECK(on_smtp.ask("NOOP").starts_with("250 "));
  CHECK(on_imap.ask("a NOOP").ends_with("a OK NOOP completed\r\n"));
  CHECK(on_imap.ask("b LOGOUT").find("b OK") != std::string::npos);
}

TEST_CASE("a limit that a reload changes holds from the next command of a live session on") {
  const Directory directory;
  Reloadable house(directory);
  Client client(house.server->port("smtp").value());
  CHECK(client.ask("EHLO client.test").find("SIZE 26214400") != std::string::npos);
  house.config.max_message_bytes = 1 << 20;
  house.config.imap.append_8bit_headers = false;
  house.config.threads = 9;
  const app::Reloaded done = house.server->reload("test");
  CHECK(done.changes.changed ==
        std::vector<std::string>{"limits.message_size = \"1 MiB\"", "imap.append_8bit_headers = false"});
  CHECK(done.changes.waiting == std::vector<std::string>{"threads = 9"});
  CHECK(client.ask("MAIL FROM:<a@example.org> SIZE=2000000").starts_with("552 "));
  CHECK(client.ask("EHLO client.test").find("SIZE 1048576") != std::string::npos);
  CHECK(house.server->config()->threads == 0);
  CHECK_FALSE(house.server->config()->imap.append_8bit_headers);
}

TEST_CASE("a place that changes its protocol keeps its socket, and sessions keep what they speak") {
  const Directory directory;
  Reloadable house(directory);
  const std::uint16_t port = Reloadable::free_port();
  house.listener("smtp").port = port;
  CHECK(house.server->reload("test").mistakes.empty());
  Client before(port);
  house.listener("smtp").protocol = app::Protocol::imap;
  house.listener("smtp").name = "renamed";
  CHECK(house.server->reload("test").mistakes.empty());
  CHECK(Client(port).greeting().starts_with("* OK"));
  CHECK(before.ask("NOOP").starts_with("250 "));
  CHECK(house.server->port("renamed") == port);
}

namespace {

net::Task<std::string> greeting_at(std::string path) {
  auto stream = co_await net::connect_unix(path, soon());
  stream->set_deadline(soon());
  std::array<char, 512> block;
  co_return std::string(block.data(), co_await stream->read(block));
}

}  // namespace

TEST_CASE("a Unix socket comes with a reload, stays where only the listener's name changes, and goes with its file") {
  const Directory directory;
  Reloadable house(directory);
  const std::string path = directory.path() + "/lmtp";
  house.config.listeners.push_back(app::Listener::standard("local", app::Protocol::lmtp));
  house.config.listeners.back().path = path;
  CHECK(house.server->reload("test").mistakes.empty());
  CHECK(net::run(greeting_at(path)).starts_with("220 mail.example.test LMTP"));
  CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms{0660});
  const auto sockets = house.server->listening();

  house.listener("local").name = "renamed";
  CHECK(house.server->reload("test").mistakes.empty());
  CHECK(house.server->listening() == sockets);
  CHECK(net::run(greeting_at(path)).starts_with("220 mail.example.test LMTP"));

  house.config.listeners.pop_back();
  CHECK(house.server->reload("test").mistakes.empty());
  const auto until = soon();
  while (std::filesystem::exists(path) && base::system_clock().steady() < until)
    net::run(net::sleep_for(std::chrono::milliseconds(5)));
  CHECK_THROWS_AS(net::run(greeting_at(path)), net::Closed);
}

TEST_CASE("with a mistake, a port that is taken or a certificate that does not fit, nothing is changed") {
  const Directory directory;
  Reloadable house(directory);
  Client client(house.server->port("smtp").value());
  const app::Config before = house.config;
  const auto refused = [&](const std::string& why) {
    house.config.max_message_bytes = 1 << 20;
    app::Listener more = house.listener("smtp");
    more.name = "more";
    house.config.listeners.insert(house.config.listeners.begin(), more);
    const app::Reloaded done = house.server->reload("test");
    REQUIRE(done.mistakes.size() == 1);
    CHECK_MESSAGE(done.mistakes[0].text.find(why) != std::string::npos, done.mistakes[0].text);
    CHECK_FALSE(house.server->port("more").has_value());
    CHECK(client.ask("EHLO client.test").find("SIZE 26214400") != std::string::npos);
    CHECK(house.server->config()->max_message_bytes == 25 << 20);
    house.config = before;
    house.mistakes.clear();
  };
  house.mistakes = {{{"p.toml", 5}, "unknown key"}};
  refused("unknown key");
  net::Loop loop;
  const auto taken = net::listen_tcp(loop, "127.0.0.1", 0).value();
  house.listener("imap").port = taken->port();
  refused("listener imap: cannot listen on 127.0.0.1:" + std::to_string(taken->port()));
  const auto other = app::dev_certificate(directory.path(), {"mail.example.test"}, base::system_clock().now()).value();
  house.config.tls.key = other.key;
  refused(other.key);
  CHECK(house.server->reload("test").mistakes.empty());
}
