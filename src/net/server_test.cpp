// Listeners and the server: limits, and stopping with sessions that are idle, busy or stuck.
#include "net/test_kit.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

using namespace std::chrono_literals;
using net::Closed;
using net::Ready;
using net::Stream;
using net::Task;
using namespace net::test;

/// Does not look at wakes, as a session in the middle of a command.
Task<void> deaf(std::unique_ptr<Stream> stream) {
  std::string buffer(1000, '\0');
  while (co_await stream->read(buffer) > 0) {
  }
}

Task<void> faulty(std::unique_ptr<Stream> stream) {
  std::string buffer(10, '\0');
  co_await stream->read(buffer);
  throw std::runtime_error("a session's bug");
}

Task<void> serves_story(net::Server& server) {
  std::vector<std::unique_ptr<Stream>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(co_await dial(server.port()));
  for (auto& client : clients) CHECK(co_await exchange(*client, "ping") == "ping");
  CHECK(server.sessions() == 20);
  clients.clear();
  co_await until_sessions(server, 0);
}
TEST_CASE("a server serves many connections and forgets those that ended") {
  Fixture fixture(echoing());
  net::run(serves_story(*fixture.server));
  CHECK(fixture.server->failed_sessions() == 0);
}

Task<void> limits_story(net::Server& server, std::size_t allowed) {
  std::vector<std::unique_ptr<Stream>> clients;
  for (std::size_t i = 0; i < allowed; ++i) {
    clients.push_back(co_await dial(server.port()));
    CHECK(co_await exchange(*clients.back(), "in") == "in");
  }
  auto refused = co_await dial(server.port());
  CHECK(co_await read_all(*refused) == "421 too many\r\n");
  CHECK(server.sessions() == allowed);
  clients.pop_back();
  co_await until_sessions(server, allowed - 1);
  auto next = co_await dial(server.port());
  CHECK(co_await exchange(*next, "in again") == "in again");
}
TEST_CASE("connections above the limit get one line, and a place that becomes free is given again") {
  Fixture fixture(echoing(), {.connections = 3});
  net::run(limits_story(*fixture.server, 3));
}
TEST_CASE("the limit by address") {
  Fixture fixture(echoing(), {.connections = 100, .connections_per_address = 2});
  net::run(limits_story(*fixture.server, 2));
}

Task<void> faulty_story(net::Server& server) {
  auto client = co_await dial(server.port());
  CHECK(co_await exchange(*client, "x") == "");
  co_await until_sessions(server, 0);
}
TEST_CASE("an exception of one session ends and counts that session only") {
  Fixture fixture([](std::unique_ptr<Stream> stream, base::Log, net::Stopping) { return faulty(std::move(stream)); });
  net::run(faulty_story(*fixture.server));
  net::run(faulty_story(*fixture.server));
  CHECK(fixture.server->failed_sessions() == 2);
}

Task<void> keeps_talking(Stream& stream, std::string& last) {
  try {
    while (last != "bye" && !last.ends_with("bye")) last = co_await exchange(stream, "busy");
  } catch (const Closed&) {
    last = "bye";
  }
}

Task<void> graceful_story(net::Server& server) {
  std::vector<std::unique_ptr<Stream>> idle;
  for (int i = 0; i < 10; ++i) idle.push_back(co_await dial(server.port()));
  co_await until_sessions(server, 10);
  auto busy = co_await dial(server.port());
  std::string last;
  net::Loop::current()->spawn(keeps_talking(*busy, last));
  co_await net::sleep_for(20ms);
  const std::uint16_t port = server.port();
  const auto start = Clock::now();
  co_await server.stop(10s);
  CHECK(Clock::now() - start < 5s);
  CHECK(server.sessions() == 0);
  for (auto& client : idle) CHECK(co_await read_all(*client) == "bye");
  co_await net::sleep_for(20ms);
  CHECK(last.ends_with("bye"));
  try {
    co_await dial(port);
    FAIL("a stopped server accepted");
  } catch (const Closed& closed) {
    CHECK(closed.why == Closed::Why::peer);
    CHECK(std::string(closed.what()).find("Connection refused") != std::string::npos);
  }
}
TEST_CASE("stop wakes idle and busy sessions, which end in order") {
  Fixture fixture(echoing());
  net::run(graceful_story(*fixture.server));
}

Task<void> stuck_story(net::Server& server) {
  auto client = co_await dial(server.port());
  co_await until_sessions(server, 1);
  const auto start = Clock::now();
  co_await server.stop(50ms);
  CHECK(Clock::now() - start >= 50ms);
  CHECK(Clock::now() - start < 5s);
  CHECK(server.sessions() == 0);
  CHECK(co_await read_all(*client) == "");
}
TEST_CASE("a session that does not end within the grace is closed") {
  Fixture fixture([](std::unique_ptr<Stream> stream, base::Log, net::Stopping) { return deaf(std::move(stream)); });
  net::run(stuck_story(*fixture.server));
}

Task<void> dials_until_refused(std::uint16_t port, int& dialled) {
  try {
    while (true) {
      auto stream = co_await dial(port);
      ++dialled;
    }
  } catch (const Closed&) {
  }
}

Task<void> stop_under_storm(net::Server& server, int& dialled) {
  for (int i = 0; i < 4; ++i) net::Loop::current()->spawn(dials_until_refused(server.port(), dialled));
  co_await net::sleep_for(5ms);
  co_await server.stop(2s);
  CHECK(server.sessions() == 0);
}
TEST_CASE("stop while connections keep coming leaves nothing behind") {
  for (int round = 0; round < 10; ++round) {
    Fixture fixture(echoing());
    int dialled = 0;
    net::run(stop_under_storm(*fixture.server, dialled));
    CHECK(dialled > 0);
  }
}

TEST_CASE("a server that is stopped twice, or was never started, or is only destroyed") {
  {
    Fixture fixture(echoing());
    net::run(fixture.server->stop(1s));
    net::run(fixture.server->stop(1s));
  }
  for (const bool started : {false, true}) {
    net::Loops loops(2);
    auto listener = net::listen_tcp(loops.at(0), "127.0.0.1", 0);
    REQUIRE(listener);
    net::Server server(std::move(*listener), loops.at(0), loops, {.name = "never", .limits = {}, .too_many = ""},
                       echoing(), base::Log());
    if (started) server.start();
    if (!started) net::run(server.stop(1s));
  }
}

/// Answers each read with one word.
Task<void> says(std::unique_ptr<Stream> stream, std::string word) {
  std::string buffer(100, '\0');
  while (co_await stream->read(buffer) > 0) co_await stream->write(word);
}
net::Server::Serve saying(std::string word) {
  return [word](std::unique_ptr<Stream> stream, base::Log, net::Stopping) { return says(std::move(stream), word); };
}

Task<void> replace_story(net::Server& server) {
  auto before = co_await dial(server.port());
  CHECK(co_await exchange(*before, "?") == "old");
  server.replace({.name = "new", .limits = {.connections = 2}, .too_many = "no more\r\n"}, saying("new"));
  auto after = co_await dial(server.port());
  CHECK(co_await exchange(*after, "?") == "new");
  CHECK(co_await exchange(*before, "?") == "old");
  auto third = co_await dial(server.port());
  CHECK(co_await read_all(*third) == "no more\r\n");
}
TEST_CASE("how connections are served is replaced for new ones, and those that are open keep theirs") {
  Fixture fixture(saying("old"));
  net::run(replace_story(*fixture.server));
}

Task<void> retire_story(net::Server& server, std::uint16_t port) {
  std::vector<std::unique_ptr<Stream>> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(co_await dial(port));  // most are still in the backlog
  server.retire();
  for (auto& client : clients) CHECK(co_await exchange(*client, "still") == "still");
  CHECK(server.sessions() == 50);
  CHECK_FALSE(server.ended());
  CHECK_THROWS_AS(co_await dial(port), Closed);
  clients.clear();
  co_await until_sessions(server, 0);
  for (int i = 0; i < 1000 && !server.ended(); ++i) co_await net::sleep_for(1ms);
  CHECK(server.ended());
}
TEST_CASE("a server that is retired takes whom it has, also out of the backlog, and nobody else") {
  for (int round = 0; round < 5; ++round) {
    Fixture fixture(echoing());
    net::run(retire_story(*fixture.server, fixture.server->port()));
  }
}
Task<void> retire_and_stop_story(net::Server& server) {
  auto client = co_await dial(server.port());
  CHECK(co_await exchange(*client, "in") == "in");
  server.retire();
  co_await server.stop(5s);
  CHECK(co_await read_all(*client) == "bye");
}
TEST_CASE("a retired server with sessions is stopped in order") {
  Fixture fixture(echoing());
  net::run(retire_and_stop_story(*fixture.server));
}

Task<void> move_story(net::Server& all, net::Server& one, std::uint16_t port) {
  // Both listen: the one that names the address gets the connection.
  auto client = co_await dial(port);
  CHECK(co_await exchange(*client, "?") == "one");
  all.retire();
  auto later = co_await dial(port);
  CHECK(co_await exchange(*later, "?") == "one");
  CHECK(one.sessions() == 2);
}
TEST_CASE("a port moves from all addresses to one while it is shared, and is nobody else's") {
  net::Loops loops(2);
  const auto serve = [&](const std::string& address, std::uint16_t port, const std::string& word) {
    auto listener = net::listen_tcp(loops.at(0), address, port);
    REQUIRE_MESSAGE(listener.has_value(), (listener ? "" : listener.error().text));
    auto server = std::make_unique<net::Server>(std::move(*listener), loops.at(0), loops,
                                                net::Server::Options{.name = word, .limits = {}, .too_many = ""},
                                                saying(word), base::Log());
    server->start();
    return server;
  };
  const auto all = serve("0.0.0.0", 0, "all");
  const std::uint16_t port = all->port();
  CHECK_FALSE(net::listen_tcp(loops.at(0), "127.0.0.1", port).has_value());
  all->share_port(true);
  const auto one = serve("127.0.0.1", port, "one");
  all->share_port(false);
  CHECK_FALSE(net::listen_tcp(loops.at(0), "127.0.0.2", port).has_value());
  net::run(move_story(*all, *one, port));
  net::run(all->stop(1s));
  net::run(one->stop(1s));
}

TEST_CASE("addresses that cannot be listened on are named") {
  net::Loop loop;
  auto bad = net::listen_tcp(loop, "localhost", 25);
  REQUIRE(!bad);
  CHECK(bad.error().code == base::Code::invalid);
  CHECK(bad.error().text.find("\"localhost\"") != std::string::npos);
  auto first = net::listen_tcp(loop, "127.0.0.1", 0);
  REQUIRE(first);
  auto second = net::listen_tcp(loop, "127.0.0.1", (*first)->port());
  REQUIRE(!second);
  CHECK(second.error().code == base::Code::unavailable);
  CHECK(second.error().text.find("Address already in use") != std::string::npos);
  auto foreign = net::listen_tcp(loop, "192.0.2.77", 0);
  REQUIRE(!foreign);
  CHECK(foreign.error().text.starts_with("cannot listen on 192.0.2.77:0: "));
}

std::string path_for(const char* name) { return "/tmp/net-" + std::string(name) + "-" + std::to_string(getpid()); }

TEST_CASE("a Unix socket: its mode, a stale file, a living owner, a file that is something else") {
  net::Loop loop;
  const std::string path = path_for("socket");
  struct stat info{};
  {
    auto listener = net::listen_unix(loop, path, 0600);
    REQUIRE(listener);
    CHECK((*listener)->port() == 0);
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    auto second = net::listen_unix(loop, path, 0600);
    REQUIRE(!second);
    CHECK(second.error().code == base::Code::unavailable);
    CHECK(second.error().text.find("in use by another process") != std::string::npos);
  }
  CHECK(::stat(path.c_str(), &info) != 0);  // removed by who made it

  // What a killed process leaves: a socket file that nobody listens on.
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::close(fd);
  {
    auto listener = net::listen_unix(loop, path, 0666);
    REQUIRE(listener);
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0666);
    // Replaced by someone else in the meantime: then it is theirs to remove.
    ::unlink(path.c_str());
    std::ofstream(path) << "precious";
  }
  CHECK(std::filesystem::file_size(path) == 8);
  auto over_file = net::listen_unix(loop, path, 0600);
  REQUIRE(!over_file);
  CHECK(over_file.error().text.find("is not a socket") != std::string::npos);
  std::filesystem::remove(path);

  auto too_long = net::listen_unix(loop, "/tmp/" + std::string(200, 'x'), 0600);
  REQUIRE(!too_long);
  CHECK(too_long.error().code == base::Code::invalid);
}

Task<void> close_while_accepting(std::unique_ptr<net::Listener> listener, bool& ended) {
  try {
    co_await listener->accept(*net::Loop::current());
  } catch (const Closed& closed) {
    ended = closed.why == Closed::Why::local;
  }
}

Task<void> close_listener_story() {
  auto made = net::listen_tcp(*net::Loop::current(), "127.0.0.1", 0);
  net::Listener& listener = **made;
  bool ended = false;
  net::Loop::current()->spawn(close_while_accepting(std::move(*made), ended));
  co_await net::sleep_for(2ms);
  listener.close();
  co_await net::sleep_for(5ms);
  CHECK(ended);
}
TEST_CASE("closing a listener ends the accept under way") { net::run(close_listener_story()); }

/// Lowers the limit of open files to what is open now, for a scope.
class NoMoreFiles {
 public:
  explicit NoMoreFiles(rlim_t free) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::dup(0);
    ::close(lowest);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest) + free;
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;

 private:
  rlimit before_{};
};

Task<void> exhausted_story() {
  net::Loop& loop = *net::Loop::current();
  auto listener = net::listen_tcp(loop, "127.0.0.1", 0);
  REQUIRE(listener);
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
  auto limit = std::make_unique<NoMoreFiles>(1);
  client = co_await dial((*listener)->port());
  bool arrived = false;
  struct Accepting {
    static Task<void> one(net::Listener& from, std::unique_ptr<Stream>& to, bool& done) {
      to = co_await from.accept(*net::Loop::current());
      done = true;
    }
  };
  loop.spawn(Accepting::one(**listener, server, arrived));
  co_await net::sleep_for(150ms);
  CHECK(!arrived);
  limit.reset();
  co_await net::sleep_for(300ms);
  CHECK(arrived);
}
TEST_CASE("when descriptors run out, accepting waits and goes on") { net::run(exhausted_story()); }

Task<void> connect_errors_story() {
  try {
    co_await net::connect_tcp("mail.example", 25, Clock::now() + 1s);
    FAIL("connected to a name");
  } catch (const Closed& closed) {
    CHECK(closed.why == Closed::Why::local);
  }
  try {
    co_await net::connect_unix(path_for("nothing-here"), Clock::now() + 1s);
    FAIL("connected to nothing");
  } catch (const Closed& closed) {
    CHECK(closed.why == Closed::Why::peer);
  }
}
TEST_CASE("connecting to what is not there says so") { net::run(connect_errors_story()); }

}  // namespace

namespace {

/// Says goodbye to the session that is ended alone, and tells of itself.
Task<void> telling(std::unique_ptr<Stream> stream, net::Stopping stopping) {
  stopping.report().user = "ann";
  stopping.report().state = "waiting";
  std::string buffer(1000, '\0');
  while (co_await stream->wait() == Ready::data) {
    const std::size_t n = co_await stream->read(buffer);
    if (n == 0) co_return;
    stopping.report().command = "ECHO";
    co_await stream->write(std::string_view(buffer).substr(0, n));
  }
  if (stopping.alone()) co_await stream->write("go away");
}

Task<void> watch_and_end(net::Server& server, std::uint16_t port) {
  std::vector<std::unique_ptr<Stream>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(co_await dial(port));
    CHECK(co_await exchange(*clients.back(), "12345") == "12345");
  }
  auto list = co_await server.list();
  REQUIRE(list.size() == 5);
  for (const net::SessionInfo& info : list) {
    CHECK(info.report.user == "ann");
    CHECK(info.report.state == "waiting");
    CHECK(info.report.command == "ECHO");
    CHECK(info.endpoints.peer_address == "127.0.0.1");
    CHECK(info.traffic.received == 5);
    CHECK(info.traffic.sent == 5);
    CHECK(info.since <= Clock::now());
  }
  // They came one after the other, on two loops, and are listed so.
  CHECK(co_await server.end_sessions({list[1].id, list[4].id, 1'000'000}, Clock::now() + 5s) == 0);
  CHECK(co_await read_all(*clients[1]) == "go away");
  CHECK(co_await read_all(*clients[4]) == "go away");
  list = co_await server.list();
  CHECK(list.size() == 3);
  CHECK(co_await exchange(*clients[0], "still") == "still");
}

Task<void> cut_the_deaf(net::Server& server, std::uint16_t port) {
  auto client = co_await dial(port);
  auto list = co_await server.list();
  while (list.empty()) list = co_await server.list();
  CHECK(co_await server.end_sessions({list[0].id}, Clock::now() + 100ms) == 1);
  std::string rest = "cut";
  try {
    rest = co_await read_all(*client);
  } catch (const Closed&) {
  }
  CHECK((rest.empty() || rest == "cut"));
}

}  // namespace

TEST_CASE("live sessions are listed with what they tell, and single ones end with their own words") {
  Fixture fixture([](std::unique_ptr<Stream> stream, base::Log, net::Stopping stopping) {
    return telling(std::move(stream), std::move(stopping));
  });
  net::run(watch_and_end(*fixture.server, fixture.server->port()));
}

TEST_CASE("a session that does not end in time is cut") {
  Fixture fixture([](std::unique_ptr<Stream> stream, base::Log, net::Stopping) { return deaf(std::move(stream)); });
  net::run(cut_the_deaf(*fixture.server, fixture.server->port()));
}
