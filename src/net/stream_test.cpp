// What net/stream.h promises, asked of every kind of stream: the story is the same over TCP, a Unix socket and memory.
#include "net/stream.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/memory_stream.h"

namespace {

using namespace std::chrono_literals;
using net::Closed;
using net::Ready;
using net::Stream;
using net::Task;
using Clock = std::chrono::steady_clock;

constexpr auto kNever = base::SteadyTime::max();

struct Pair {
  std::unique_ptr<Stream> a;
  std::unique_ptr<Stream> b;
};

enum class Kind { tcp, tcp6, unix_socket, memory };
constexpr Kind kKinds[] = {Kind::tcp, Kind::tcp6, Kind::unix_socket, Kind::memory};

std::string socket_path() { return "/tmp/net-stream-test-" + std::to_string(getpid()); }

Task<Pair> connected(Kind kind) {
  net::Loop& loop = *net::Loop::current();
  if (kind == Kind::memory) {
    auto [a, b] = net::memory_pair();
    co_return Pair{std::move(a), std::move(b)};
  }
  auto listener = kind == Kind::tcp    ? net::listen_tcp(loop, "127.0.0.1", 0)
                  : kind == Kind::tcp6 ? net::listen_tcp(loop, "::1", 0)
                                       : net::listen_unix(loop, socket_path(), 0600);
  REQUIRE(listener);
  auto client = kind == Kind::unix_socket ? co_await net::connect_unix(socket_path(), Clock::now() + 5s)
                                          : co_await net::connect_tcp(kind == Kind::tcp ? "127.0.0.1" : "::1",
                                                                      (*listener)->port(), Clock::now() + 5s);
  auto server = co_await (*listener)->accept(loop);
  co_return Pair{std::move(client), std::move(server)};
}

Task<std::string> read_some(Stream& stream, std::size_t limit = 1000) {
  std::string text(limit, '\0');
  text.resize(co_await stream.read(text));
  co_return text;
}

Task<std::string> read_all(Stream& stream) {
  std::string all;
  while (true) {
    const std::string piece = co_await read_some(stream, 10'000);
    if (piece.empty()) co_return all;
    all += piece;
  }
}

/// Awaits a task and tells how it ended: nothing, or why it was closed.
template <class T>
Task<std::optional<Closed::Why>> why_closed(Task<T> task) {
  try {
    co_await std::move(task);
  } catch (const Closed& closed) {
    co_return closed.why;
  }
  co_return std::nullopt;
}

template <class T>
Task<void> into(Task<T> task, std::optional<T>& result) {
  result.emplace(co_await std::move(task));
}

void for_each_kind(Task<void> (*story)(Kind)) {
  for (const Kind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    net::run(story(kind));
  }
}

Task<void> echo_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  co_await a->write("hello");
  CHECK(co_await b->wait() == Ready::data);
  CHECK(co_await b->wait() == Ready::data);  // it takes nothing
  CHECK(co_await read_some(*b, 3) == "hel");
  CHECK(co_await b->wait() == Ready::data);
  CHECK(co_await read_some(*b, 3) == "lo");
  co_await b->write("");
  co_await b->write("back");
  CHECK(co_await read_some(*a) == "back");
}
TEST_CASE("what one side writes the other reads") { for_each_kind(echo_story); }

Task<void> half_close_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  co_await a->write("last words");
  co_await a->shutdown();
  CHECK(co_await read_all(*b) == "last words");
  CHECK(co_await b->wait() == Ready::data);
  CHECK(co_await read_some(*b) == "");
  co_await b->write("an answer still arrives");
  CHECK(co_await read_some(*a) == "an answer still arrives");
  b.reset();
  CHECK(co_await read_some(*a) == "");
}
TEST_CASE("half-close: the end is read as 0 and the other direction goes on") { for_each_kind(half_close_story); }

Task<void> wake_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  b->wake();
  b->wake();
  CHECK(co_await b->wait() == Ready::woken);  // a wake that came earlier is kept, and two are one

  std::optional<Ready> ready;
  net::Loop::current()->spawn(into(b->wait(), ready));
  co_await net::sleep_for(2ms);
  CHECK(!ready);
  b->wake();
  CHECK(!ready);  // never in place
  co_await net::sleep_for(2ms);
  CHECK(ready == Ready::woken);

  co_await a->write("x");
  co_await net::sleep_for(2ms);
  b->wake();
  CHECK(co_await b->wait() == Ready::data);  // data wins, the wake stays
  CHECK(co_await read_some(*b) == "x");
  CHECK(co_await b->wait() == Ready::woken);
}
TEST_CASE("wake before wait, during wait, and data wins") { for_each_kind(wake_story); }

// A wait that was woken has left its event armed; bytes that a read has taken since must not make the next wait return.
Task<void> stale_event_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  for (int round = 0; round < 3; ++round) {
    b->wake();
    std::optional<Ready> ready;
    net::Loop::current()->spawn(into(b->wait(), ready));
    co_await net::sleep_for(1ms);
    std::optional<Ready> second;
    net::Loop::current()->spawn(into(b->wait(), second));
    co_await net::sleep_for(1ms);
    b->wake();
    co_await net::sleep_for(1ms);
    REQUIRE(second == Ready::woken);
    co_await a->write("taken at once");
    CHECK(co_await read_some(*b) == "taken at once");
    std::optional<Ready> third;
    net::Loop::current()->spawn(into(b->wait(), third));
    co_await net::sleep_for(3ms);
    CHECK(!third);
    co_await a->write("!");
    co_await net::sleep_for(3ms);
    CHECK(third == Ready::data);
    CHECK(co_await read_some(*b) == "!");
  }
}
TEST_CASE("an event for bytes that were read meanwhile does not end a wait") { for_each_kind(stale_event_story); }

Task<void> deadline_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  const auto start = Clock::now();
  b->set_deadline(start + 30ms);
  CHECK(co_await why_closed(read_some(*b)) == Closed::Why::timeout);
  CHECK(Clock::now() - start >= 30ms);
  CHECK(Clock::now() - start < 2s);
  CHECK(co_await why_closed(b->wait()) == Closed::Why::timeout);
  CHECK(co_await why_closed(b->write("too late")) == Closed::Why::timeout);

  b->set_deadline(Clock::now() + 10s);  // after a time-out the stream may go on: "421 timed out"
  co_await b->write("421");
  CHECK(co_await read_some(*a) == "421");

  // Moved forward, moved back, and set while an operation is under way.
  b->set_deadline(Clock::now() + 20ms);
  std::optional<std::optional<Closed::Why>> why;
  net::Loop::current()->spawn(into(why_closed(b->wait()), why));
  co_await net::sleep_for(5ms);
  b->set_deadline(Clock::now() + 60ms);
  co_await net::sleep_for(35ms);
  CHECK(!why);
  co_await net::sleep_for(60ms);
  CHECK(why == Closed::Why::timeout);
  why.reset();
  b->set_deadline(kNever);
  net::Loop::current()->spawn(into(why_closed(b->wait()), why));
  co_await net::sleep_for(5ms);
  CHECK(!why);
  b->set_deadline(Clock::now() + 5ms);
  co_await net::sleep_for(30ms);
  CHECK(why == Closed::Why::timeout);
}
TEST_CASE("deadlines end operations, may be moved, and are not for ever") { for_each_kind(deadline_story); }

Task<void> close_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  std::optional<std::optional<Closed::Why>> why;
  net::Loop::current()->spawn(into(why_closed(b->wait()), why));
  co_await net::sleep_for(1ms);
  b->close();
  b->close();
  CHECK(!why);
  co_await net::sleep_for(5ms);
  CHECK(why == Closed::Why::local);
  CHECK(co_await why_closed(read_some(*b)) == Closed::Why::local);
  CHECK(co_await why_closed(b->write("x")) == Closed::Why::local);
  CHECK(co_await why_closed(b->shutdown()) == std::nullopt);
  b->wake();
  b->set_deadline(Clock::now());
  CHECK(co_await read_some(*a) == "");
}
TEST_CASE("close ends what is under way, and everything after it") { for_each_kind(close_story); }

Task<void> destroyed_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  b->set_deadline(Clock::now() + 20ms);
  std::optional<std::optional<Closed::Why>> why;
  net::Loop::current()->spawn(into(why_closed(b->wait()), why));
  co_await net::sleep_for(1ms);
  b->wake();
  b.reset();
  co_await net::sleep_for(40ms);  // past the deadline: its timer must find nothing
  CHECK(why == Closed::Why::local);
  CHECK(co_await why_closed(a->write("x")) != Closed::Why::timeout);
}
TEST_CASE("a stream destroyed while it waits with a timer, a wake and an event outstanding") {
  for_each_kind(destroyed_story);
}

Task<void> waits_for_ever(Pair pair) {
  pair.b->set_deadline(Clock::now() + 1h);
  co_await pair.b->wait();
}

Task<void> abandoned_story(Kind kind) {
  net::Loop::current()->spawn(waits_for_ever(co_await connected(kind)));
  net::Loop::current()->spawn(waits_for_ever(co_await connected(kind)));
  co_await net::sleep_for(1ms);
}
TEST_CASE("a loop that ends with waiting streams frees them") { for_each_kind(abandoned_story); }

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

Task<void> write_and_end(Stream& stream, const std::string& data) {
  co_await stream.write(data);
  co_await stream.shutdown();
}

Task<void> bulk_story(Kind kind) {
  auto [a, b] = co_await connected(kind);
  const std::string up = pattern(5'000'000);
  const std::string down = pattern(3'000'001);
  std::optional<std::string> got_up;
  std::optional<std::string> got_down;
  net::Loop& loop = *net::Loop::current();
  loop.spawn(write_and_end(*a, up));
  loop.spawn(write_and_end(*b, down));
  loop.spawn(into(read_all(*b), got_up));
  loop.spawn(into(read_all(*a), got_down));
  while (!got_up || !got_down) co_await net::sleep_for(1ms);
  CHECK(*got_up == up);
  CHECK(*got_down == down);
}
TEST_CASE("megabytes both ways at once arrive unchanged") { for_each_kind(bulk_story); }

Task<void> full_pipe_story(Kind kind) {
  if (kind == Kind::memory) co_return;  // unbounded
  auto [a, b] = co_await connected(kind);
  const std::string much = pattern(50'000'000);
  a->set_deadline(Clock::now() + 50ms);
  CHECK(co_await why_closed(a->write(much)) == Closed::Why::timeout);
  a->set_deadline(kNever);
  std::optional<std::optional<Closed::Why>> why;
  net::Loop::current()->spawn(into(why_closed(a->write(much)), why));
  co_await net::sleep_for(5ms);
  CHECK(!why);
  b.reset();  // with unread bytes: a reset
  co_await net::sleep_for(20ms);
  CHECK(why == Closed::Why::peer);
}
TEST_CASE("a peer that does not read: the write times out, or ends with the peer") { for_each_kind(full_pipe_story); }

Task<void> busy_reader(Stream& stream, std::size_t& got) {
  std::string buffer(16, '\0');
  while (const std::size_t n = co_await stream.read(buffer)) got += n;
}

Task<void> fairness_story() {
  auto [a, b] = co_await connected(Kind::tcp);
  const std::string much(200'000, 'x');
  co_await a->write(much.substr(0, 100'000));
  std::size_t got = 0;
  net::Loop::current()->spawn(busy_reader(*b, got));
  co_await net::sleep_for(0ms);
  const std::size_t early = got;  // the reader has not had the loop for itself until its socket was empty
  CHECK(early < 100'000);
  while (got < 100'000) co_await net::sleep_for(1ms);
  b->close();
  co_await net::sleep_for(2ms);
}
TEST_CASE("a stream that always has data lets others have their turn") { net::run(fairness_story()); }

Task<void> endpoints_story() {
  auto [a, b] = co_await connected(Kind::tcp);
  CHECK(a->endpoints().peer_address == "127.0.0.1");
  CHECK(b->endpoints().peer_address == "127.0.0.1");
  CHECK(a->endpoints().peer_port == b->endpoints().local_port);
  CHECK(a->endpoints().local_port == b->endpoints().peer_port);
  CHECK(a->tls() == nullptr);
  auto [c, d] = co_await connected(Kind::unix_socket);
  CHECK(d->endpoints().peer_address == "");
  CHECK(d->endpoints().peer_port == 0);
  auto [e, f] = co_await connected(Kind::tcp6);
  CHECK(f->endpoints().peer_address == "::1");
}
TEST_CASE("endpoints") { net::run(endpoints_story()); }

TEST_CASE("loopback addresses") {
  CHECK(net::is_loopback("127.0.0.1"));
  CHECK(net::is_loopback("127.255.0.9"));
  CHECK(net::is_loopback("::1"));
  CHECK(net::is_loopback("::ffff:127.0.0.1"));
  CHECK_FALSE(net::is_loopback("128.0.0.1"));
  CHECK_FALSE(net::is_loopback("::2"));
  CHECK_FALSE(net::is_loopback("127.0.0.1.example.com"));
  CHECK_FALSE(net::is_loopback("localhost"));
  CHECK_FALSE(net::is_loopback(""));
}

Task<void> scripted_story() {
  std::string output;
  auto stream = net::scripted_stream({.input = "abcdefg", .piece = 3}, output);
  CHECK(co_await stream->wait() == Ready::data);
  CHECK(co_await read_some(*stream) == "abc");
  CHECK(co_await read_some(*stream, 2) == "de");
  co_await stream->write("out");
  CHECK(co_await read_all(*stream) == "fg");
  CHECK(co_await read_some(*stream) == "");
  CHECK(output == "out");
  CHECK(stream->endpoints().peer_address == "192.0.2.1");
  stream->set_deadline(Clock::now() - 1s);
  CHECK(co_await why_closed(stream->write("x")) == Closed::Why::timeout);
  stream->set_deadline(kNever);
  stream->close();
  CHECK(co_await why_closed(stream->wait()) == Closed::Why::local);
}
TEST_CASE("a scripted stream hands out pieces and ends") { net::run(scripted_story()); }

Task<void> scripted_failure_story() {
  std::string output;
  auto stream = net::scripted_stream({.input = "ab", .piece = 1, .fail_after = 2}, output);
  CHECK(co_await read_some(*stream) == "a");
  co_await stream->write("1");
  CHECK(co_await why_closed(stream->write("2")) == Closed::Why::peer);
  CHECK(co_await why_closed(read_some(*stream)) == Closed::Why::peer);
  CHECK(output == "1");
}
TEST_CASE("a scripted stream fails after so many operations") { net::run(scripted_failure_story()); }

}  // namespace
