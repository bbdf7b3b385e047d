#include "net/server.h"

#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "net/asio.h"
#include "net/proxied_stream.h"

namespace net {

namespace {

/// For a PROXY header; its section 2 asks for three seconds at least.
constexpr std::chrono::seconds kProxyTimeout{5};

class TrackedStream;

/// Something that one coroutine waits for at most until a time, and that any thread opens once.
class Gate : public std::enable_shared_from_this<Gate> {
 public:
  explicit Gate(Loop& loop) : loop_(loop), timer_(loop.impl().context) {}

  void open() {
    loop_.post([self = shared_from_this()] {
      self->open_ = true;
      self->timer_.cancel();
    });
  }

  /// True when it was opened in time. On the gate's loop.
  static Task<bool> wait(std::shared_ptr<Gate> gate, base::SteadyTime until) {
    if (!gate->open_) {
      gate->timer_.expires_at(until);
      co_await Waiting{*gate};
    }
    co_return gate->open_;
  }

 private:
  struct Waiting {
    Gate& gate;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const {
      gate.timer_.async_wait([handle](ErrorCode) { handle.resume(); });
    }
    void await_resume() const noexcept {}
  };

  Loop& loop_;
  Timer timer_;
  bool open_ = false;  // on the loop
};

/// The sessions of one loop; touched only there.
using Tracked = std::unordered_set<TrackedStream*>;

}  // namespace

struct Server::State {
  State(std::unique_ptr<Listener> l, Loop& a, Loops& ls, Options o, Serve s, base::Log g)
      : listener(std::move(l)),
        accept_on(a),
        loops(ls),
        options(std::move(o)),
        serve(std::move(s)),
        log(g.with({{"server", options.name}})),
        tracked(ls.size()) {}

  std::unique_ptr<Listener> listener;  // on accept_on
  Loop& accept_on;
  Loops& loops;
  const Options options;
  const Serve serve;
  const base::Log log;
  Stopping stopping;
  std::atomic<bool> closing = false;  // the grace is over
  std::atomic<std::size_t> sessions = 0;
  std::atomic<std::size_t> failed = 0;
  std::vector<Tracked> tracked;  // by loop

  std::mutex mutex;         // guards what follows
  std::size_t running = 0;  // the accepting task and the sessions
  std::unordered_map<std::string, std::size_t> by_address;
  std::vector<std::shared_ptr<Gate>> at_end;  // opened when nothing runs any more

  bool enter(const std::string& address);
  bool count(const std::string& address);
  void leave(const std::string& address);
  void begin();
  void end();

 private:
  bool count_locked(const std::string& address);
};

namespace {

using Shared = std::shared_ptr<Server::State>;

/// The stream that a session gets: forwards, and stands in the list of its loop while it lives, which may be inside of
/// a TLS stream; a wake or close of the server reaches the session through it.
class TrackedStream final : public Stream {
 public:
  TrackedStream(Shared state, std::size_t loop, std::unique_ptr<Stream> inner)
      : state_(std::move(state)), loop_(loop), inner_(std::move(inner)) {}
  ~TrackedStream() override {
    if (tracked_) state_->tracked[loop_].erase(this);
  }

  /// On the session's loop, before the session starts.
  void track() {
    state_->tracked[loop_].insert(this);
    tracked_ = true;
    // stop() sets these first and walks the lists then: who comes later sees them here.
    if (state_->stopping.requested()) wake();
    if (state_->closing) close();
  }

  Task<Ready> wait() override { return inner_->wait(); }
  Task<std::size_t> read(std::span<char> into) override { return inner_->read(into); }
  Task<void> write(std::string_view data) override { return inner_->write(data); }
  void wake() override { inner_->wake(); }
  void set_deadline(base::SteadyTime deadline) override { inner_->set_deadline(deadline); }
  void close() noexcept override { inner_->close(); }
  Task<void> shutdown() override { return inner_->shutdown(); }
  const Endpoints& endpoints() const override { return inner_->endpoints(); }
  const TlsInfo* tls() const override { return inner_->tls(); }

 private:
  Shared state_;
  std::size_t loop_;
  std::unique_ptr<Stream> inner_;
  bool tracked_ = false;
};

/// One place among the server's sessions, given back at the end.
class Seat {
 public:
  Seat(Shared state, std::string address) : state_(std::move(state)), address_(std::move(address)) {}
  Seat(Seat&&) noexcept = default;
  Seat& operator=(Seat&&) = delete;
  ~Seat() {
    if (state_) state_->leave(address_);
  }
  /// From now on it is that of a peer at this address, if the limits allow it. Once, of a seat without an address.
  bool take(const std::string& address) {
    if (!state_->count(address)) return false;
    address_ = address;
    return true;
  }

 private:
  Shared state_;
  std::string address_;
};

Task<void> refuse(std::unique_ptr<Stream> stream, std::string line) {
  // A new connection has room for a line, so this does not wait; a peer that made it otherwise gets no more than this.
  stream->set_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(1));
  if (!line.empty()) co_await stream->write(line);
  co_await stream->shutdown();
}

void log_refused(const base::Log& log, const std::string& address, const char* why) {
  log.info("net.connection.refused", {{"peer", address}, {"why", why}});
}

/// The connection behind its PROXY header; nothing when it ends here. `seat` has no address yet, and gets the client's.
Task<std::unique_ptr<Stream>> behind_proxy(Shared state, Seat& seat, std::unique_ptr<Stream> stream, base::Log log) {
  ProxyHeader::Kind kind{};
  try {
    stream = co_await read_proxy_header(std::move(stream), std::chrono::steady_clock::now() + kProxyTimeout, kind);
  } catch (const Closed& closed) {
    log.info("net.proxy.refused", {{"why", closed.what()}});
    throw;
  }
  if (kind == ProxyHeader::Kind::local) co_return stream;
  const std::string address = stream->endpoints().peer_address;
  // Where not everybody may connect, somebody without an address may not.
  const bool allowed = !state->options.allowed || (!address.empty() && state->options.allowed(address));
  if (allowed && (address.empty() || seat.take(address))) co_return stream;
  log_refused(log, address, allowed ? "too many connections" : "not an allowed network");
  co_await refuse(std::move(stream), allowed ? state->options.too_many : std::string());
  co_return nullptr;
}

/// One connection, to its end.
Task<void> run_session(Shared state, Seat seat, std::unique_ptr<TrackedStream> tracked, base::Log log, bool proxied) {
  Seat held = std::move(seat);  // given back after the stream, which the session takes with it
  tracked->track();
  try {
    std::unique_ptr<Stream> stream = std::move(tracked);
    if (proxied) {
      log = log.with({{"proxy", stream->endpoints().peer_address}});
      stream = co_await behind_proxy(state, held, std::move(stream), log);
      if (!stream) co_return;
    }
    log = log.with({{"peer", stream->endpoints().peer_address}});
    co_await state->serve(std::move(stream), log, state->stopping);
  } catch (const Closed&) {
    // Lost, timed out or closed by us: the ordinary ends.
  } catch (const std::exception& error) {
    ++state->failed;
    log.error("net.session.failed", {{"why", error.what()}});
  } catch (...) {
    ++state->failed;
    log.error("net.session.failed", {{"why", "an unknown exception"}});
  }
}

Task<void> accept_all(Shared state) {
  static std::atomic<std::uint64_t> next_session = 1;
  std::size_t turn = 0;
  const Server::Options& options = state->options;
  try {
    while (!state->stopping.requested()) {
      const std::size_t at = turn++ % state->loops.size();
      Loop& loop = state->loops.at(at);
      auto stream = co_await state->listener->accept(loop);
      const std::string address = stream->endpoints().peer_address;  // empty: of a Unix socket
      const bool proxied = options.proxies && options.proxies(address);
      if (!proxied && !address.empty() && options.allowed && !options.allowed(address)) {
        log_refused(state->log, address, "not an allowed network");
        loop.spawn(refuse(std::move(stream), {}));
        continue;
      }
      // Of a proxy's connections each counts for its client.
      const std::string counted = proxied ? std::string() : address;
      if (!state->enter(counted)) {
        log_refused(state->log, address, "too many connections");
        loop.spawn(refuse(std::move(stream), options.too_many));
        continue;
      }
      Seat seat(state, counted);
      auto log = state->log.with({{"session", next_session++}});
      auto tracked = std::make_unique<TrackedStream>(state, at, std::move(stream));
      loop.spawn(run_session(state, std::move(seat), std::move(tracked), std::move(log), proxied));
    }
  } catch (const Closed& closed) {
    if (!state->stopping.requested()) state->log.error("net.accept.failed", {{"why", closed.what()}});
  }
  state->listener->close();
  state->end();
}

template <class F>
void on_all_streams(const Shared& state, F function) {
  for (std::size_t i = 0; i < state->loops.size(); ++i) {
    state->loops.at(i).post([state, i, function] {
      for (TrackedStream* stream : state->tracked[i]) function(*stream);
    });
  }
}

/// Waits until nothing of the server runs any more, at most until the time. True when that is so.
Task<bool> wait_for_end(Shared state, base::SteadyTime until) {
  Loop* loop = Loop::current();
  ENSURE(loop != nullptr);
  auto gate = std::make_shared<Gate>(*loop);
  {
    const std::lock_guard lock(state->mutex);
    if (state->running == 0) co_return true;
    state->at_end.push_back(gate);
  }
  co_return co_await Gate::wait(gate, until);
}

}  // namespace

// Counts the session if the limits allow it.
bool Server::State::enter(const std::string& address) {
  const std::lock_guard lock(mutex);
  if (sessions >= options.limits.connections || !count_locked(address)) return false;
  ++sessions;
  ++running;
  return true;
}

bool Server::State::count(const std::string& address) {
  const std::lock_guard lock(mutex);
  return count_locked(address);
}

bool Server::State::count_locked(const std::string& address) {
  if (address.empty()) return true;
  const auto [place, added] = by_address.try_emplace(address, 0);
  if (place->second >= options.limits.connections_per_address) {
    if (added) by_address.erase(place);
    return false;
  }
  ++place->second;
  return true;
}

void Server::State::leave(const std::string& address) {
  {
    const std::lock_guard lock(mutex);
    --sessions;
    const auto place = by_address.find(address);
    if (place != by_address.end() && --place->second == 0) by_address.erase(place);
  }
  end();
}

void Server::State::begin() {
  const std::lock_guard lock(mutex);
  ++running;
}

void Server::State::end() {
  std::vector<std::shared_ptr<Gate>> gates;
  {
    const std::lock_guard lock(mutex);
    if (--running > 0) return;
    gates.swap(at_end);
  }
  for (const auto& gate : gates) gate->open();
}

Server::Server(std::unique_ptr<Listener> listener, Loop& accept_on, Loops& loops, Options options, Serve serve,
               base::Log log)
    : state_(std::make_shared<State>(std::move(listener), accept_on, loops, std::move(options), std::move(serve),
                                     std::move(log))) {}

Server::~Server() {
  if (state_->stopping.requested()) return;
  state_->stopping.request();
  state_->accept_on.post([state = state_] { state->listener->close(); });
}

void Server::start() {
  state_->begin();
  state_->accept_on.spawn(accept_all(state_), state_->log);
}

Task<void> Server::stop(std::chrono::steady_clock::duration grace) {
  const auto until = std::chrono::steady_clock::now() + grace;
  const Shared state = state_;
  state->stopping.request();
  state->accept_on.post([state] { state->listener->close(); });
  on_all_streams(state, [](TrackedStream& stream) { stream.wake(); });
  if (co_await wait_for_end(state, until)) co_return;
  state->log.info("net.stop.closing", {{"sessions", state->sessions.load()}});
  state->closing = true;
  on_all_streams(state, [](TrackedStream& stream) { stream.close(); });
  co_await wait_for_end(state, base::SteadyTime::max());
}

std::size_t Server::sessions() const { return state_->sessions; }
std::size_t Server::failed_sessions() const { return state_->failed; }
std::uint16_t Server::port() const { return state_->listener->port(); }

}  // namespace net
