#pragma once
// Private to the room's tests: a server on loops of its own, and clients of it.

#include <doctest/doctest.h>

#include "net/server.h"

namespace net::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

inline Task<std::string> read_all(Stream& stream) {
  std::string all;
  std::string buffer(1000, '\0');
  while (const std::size_t n = co_await stream.read(buffer)) all.append(buffer, 0, n);
  co_return all;
}

inline Task<std::unique_ptr<Stream>> dial(std::uint16_t port) {
  auto stream = co_await connect_tcp("127.0.0.1", port, Clock::now() + 5s);
  stream->set_deadline(Clock::now() + 10s);
  co_return stream;
}

inline Task<std::string> exchange(Stream& stream, std::string text) {
  co_await stream.write(text);
  std::string buffer(100, '\0');
  buffer.resize(co_await stream.read(buffer));
  co_return buffer;
}

/// Echoes; says goodbye when the server stops.
inline Task<void> echo(std::unique_ptr<Stream> stream, Stopping stopping) {
  std::string buffer(1000, '\0');
  while (true) {
    if (co_await stream->wait() == Ready::woken) {
      if (!stopping.requested()) continue;
      co_await stream->write("bye");
      co_return co_await stream->shutdown();
    }
    const std::size_t n = co_await stream->read(buffer);
    if (n == 0) co_return;
    co_await stream->write(std::string_view(buffer).substr(0, n));
  }
}

/// A server on its own loop and two loops for sessions.
struct Fixture {
  Loops loops{2};
  std::unique_ptr<Server> server;

  explicit Fixture(Server::Serve serve, Limits limits = {}, Server::Whether allowed = {}, Server::Whether proxies = {},
                   std::function<std::optional<Server::Turned>(std::string_view)> admit = {}) {
    auto listener = listen_tcp(loops.at(0), "127.0.0.1", 0);
    REQUIRE(listener);
    server = std::make_unique<Server>(std::move(*listener), loops.at(0), loops,
                                      Server::Options{.name = "test",
                                                      .limits = limits,
                                                      .too_many = "421 too many\r\n",
                                                      .allowed = std::move(allowed),
                                                      .admit = std::move(admit),
                                                      .proxies = std::move(proxies)},
                                      std::move(serve), base::Log());
    server->start();
  }
  ~Fixture() { net::run(server->stop(1s)); }
};

inline Server::Serve echoing() {
  return [](std::unique_ptr<Stream> stream, base::Log, Stopping stopping) { return echo(std::move(stream), stopping); };
}

inline Task<void> until_sessions(Server& server, std::size_t count) {
  const auto end = Clock::now() + 5s;
  while (server.sessions() != count && Clock::now() < end) co_await sleep_for(1ms);
  CHECK(server.sessions() == count);
}

}  // namespace net::test
