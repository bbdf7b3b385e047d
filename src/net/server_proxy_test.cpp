// Who may connect to a server, and clients behind proxies.
#include "net/test_kit.h"

namespace {

using namespace std::chrono_literals;
using namespace net::test;
using net::Stream;
using net::Task;

bool is_192(std::string_view address) { return address.starts_with("192."); }

Task<void> talks_story(net::Server& server) {
  auto client = co_await dial(server.port());
  CHECK(co_await exchange(*client, "ping") == "ping");
}
Task<void> closed_story(net::Server& server) {
  auto client = co_await dial(server.port());
  CHECK(co_await read_all(*client) == "");
  co_await until_sessions(server, 0);
}
TEST_CASE("who is not allowed is closed at once; others come in") {
  Fixture closed(echoing(), {}, is_192);
  net::run(closed_story(*closed.server));
  Fixture open(echoing(), {}, net::is_loopback);
  net::run(talks_story(*open.server));
}

std::optional<net::Server::Turned> not_198(std::string_view address) {
  if (!address.starts_with("198.")) return std::nullopt;
  return net::Server::Turned{.line = "421 not you\r\n", .why = "a test"};
}

/// Says who the peer is, then echoes.
Task<void> introduce(std::unique_ptr<Stream> stream, net::Stopping stopping) {
  co_await stream->write(stream->endpoints().peer_address + "!");
  co_await echo(std::move(stream), stopping);
}
net::Server::Serve introducing() {
  return [](std::unique_ptr<Stream> stream, base::Log, net::Stopping stopping) {
    return introduce(std::move(stream), stopping);
  };
}

std::string header_of(std::string address) { return "PROXY TCP4 " + address + " 192.0.2.25 1 25\r\n"; }

Task<std::unique_ptr<Stream>> dial_as(std::uint16_t port, std::string header) {
  auto stream = co_await dial(port);
  co_await stream->write(header);
  co_return stream;
}

Task<void> proxied_story(net::Server& server) {
  std::vector<std::unique_ptr<Stream>> clients;
  for (const char* address : {"192.0.2.1", "192.0.2.1", "192.0.2.2"}) {
    clients.push_back(co_await dial_as(server.port(), header_of(address)));
    CHECK(co_await exchange(*clients.back(), "") == std::string(address) + "!");
  }
  const auto sessions = co_await server.list();
  CHECK(sessions.size() == 3);
  CHECK(sessions.back().endpoints.peer_address == "192.0.2.2");
  // Two of one client are enough, and somebody else is not allowed.
  auto third = co_await dial_as(server.port(), header_of("192.0.2.1"));
  CHECK(co_await read_all(*third) == "421 too many\r\n");
  for (const std::string& other :
       {header_of("198.51.100.1"), std::string("PROXY UNKNOWN\r\n"), std::string("EHLO\r\n")}) {
    auto stranger = co_await dial_as(server.port(), other);
    CHECK(co_await read_all(*stranger) == "");
  }
  // The proxy's own connections are neither counted nor asked.
  for (int i = 0; i < 5; ++i) {
    clients.push_back(co_await dial_as(server.port(), std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16)));
    CHECK(co_await exchange(*clients.back(), "") == "127.0.0.1!");
  }
  clients.erase(clients.begin());
  co_await until_sessions(server, 7);
  auto again = co_await dial_as(server.port(), header_of("192.0.2.1"));
  CHECK(co_await exchange(*again, "") == "192.0.2.1!");
  clients.clear();
  again.reset();
  co_await until_sessions(server, 0);
}
TEST_CASE("behind a proxy the client counts: for the session, the limit by address, and who is allowed") {
  Fixture fixture(introducing(), {.connections = 100, .connections_per_address = 2}, is_192, net::is_loopback);
  net::run(proxied_story(*fixture.server));
  CHECK(fixture.server->failed_sessions() == 0);
}

Task<void> turned_away_story(net::Server& server) {
  auto client = co_await dial_as(server.port(), header_of("198.51.100.1"));
  CHECK(co_await read_all(*client) == "421 not you\r\n");
  auto other = co_await dial_as(server.port(), header_of("192.0.2.1"));
  CHECK(co_await exchange(*other, "") == "192.0.2.1!");
  auto proxy = co_await dial_as(server.port(), std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));
  CHECK(co_await exchange(*proxy, "") == "127.0.0.1!");
}
Task<void> is_turned_away(net::Server& server) {
  auto client = co_await dial(server.port());
  CHECK(co_await read_all(*client) == "127.0.0.1\r\n");
}
TEST_CASE("who is turned away hears why; behind a proxy it is the client that counts, and never the proxy") {
  Fixture fixture(introducing(), {}, {}, net::is_loopback, not_198);
  net::run(turned_away_story(*fixture.server));
  const auto loopback = [](std::string_view address) -> std::optional<net::Server::Turned> {
    return net::Server::Turned{.line = std::string(address) + "\r\n", .why = "a test"};
  };
  Fixture plain(introducing(), {}, {}, {}, loopback);
  net::run(is_turned_away(*plain.server));
}

Task<void> stop_before_header_story(net::Server& server) {
  auto client = co_await dial_as(server.port(), "PROXY TCP4 ");
  co_await until_sessions(server, 1);
  const auto start = Clock::now();
  co_await server.stop(100ms);
  CHECK(Clock::now() - start < 3s);
  CHECK(server.sessions() == 0);
}
TEST_CASE("a proxy that has not said its header does not hold the stop") {
  Fixture fixture(introducing(), {}, {}, net::is_loopback);
  net::run(stop_before_header_story(*fixture.server));
}

}  // namespace
