#include "net/server.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "net/asio.h"
#include "net/completion.h"
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

/// How connections are served, until another way is given; each session keeps the one that it began with.
struct How {
  How(Server::Options o, Server::Serve s, const base::Log& of_server)
      : options(std::move(o)),
        serve(std::move(s)),
        log(of_server.with({{"server", options.name}})),
        accepted(log.metrics().counter("postrider_connections_total", "Connections that were taken.",
                                       {{"listener", options.name}})),
        refused(
            log.metrics().counter("postrider_connections_refused_total",
                                  "Connections that were turned away: too many, banned, not allowed, no PROXY header.",
                                  {{"listener", options.name}})),
        failed(log.metrics().counter("postrider_sessions_failed_total",
                                     "Sessions that a bug of ours, or want of memory, has ended.",
                                     {{"listener", options.name}})),
        open(log.metrics().gauge("postrider_connections_open", "Connections at this moment.",
                                 {{"listener", options.name}})) {}

  const Server::Options options;
  const Server::Serve serve;
  const base::Log log;
  const base::Counter accepted, refused, failed;
  const base::Gauge open;
};

}  // namespace

struct Server::State {
  State(std::unique_ptr<Listener> l, Loop& a, Loops& ls, base::Log g)
      : listener(std::move(l)), accept_on(a), loops(ls), log(std::move(g)), tracked(ls.size()) {}

  std::unique_ptr<Listener> listener;  // on accept_on
  Loop& accept_on;
  Loops& loops;
  const base::Log log;
  Stopping stopping;
  std::atomic<bool> retired = false;
  std::atomic<bool> closing = false;  // the grace is over
  std::atomic<std::size_t> sessions = 0;
  std::atomic<std::size_t> failed = 0;
  std::vector<Tracked> tracked;  // by loop

  std::mutex mutex;  // guards what follows
  std::shared_ptr<const How> how;
  std::size_t running = 0;  // the accepting task and the sessions
  std::unordered_map<std::string, std::size_t> by_address;
  std::vector<std::shared_ptr<Gate>> at_end;  // opened when nothing runs any more

  void replace(Options options, Serve serve);
  std::shared_ptr<const How> current() {
    const std::lock_guard lock(mutex);
    return how;
  }
  bool enter(const std::string& address, const Limits& limits);
  bool count(const std::string& address, const Limits& limits);
  void leave(const std::string& address);
  void begin();
  void end();

 private:
  bool count_locked(const std::string& address, const Limits& limits);
};

namespace {

using Shared = std::shared_ptr<Server::State>;

/// The stream that a session gets: forwards, and stands in the list of its loop while it lives, which may be inside of
/// a TLS stream; a wake or close of the server reaches the session through it.
class TrackedStream final : public Stream {
 public:
  TrackedStream(Shared state, std::size_t loop, std::uint64_t id, std::unique_ptr<Stream> inner)
      : state_(std::move(state)),
        loop_(loop),
        id_(id),
        since_(std::chrono::steady_clock::now()),
        stopping_(state_->stopping.for_session()),
        inner_(std::move(inner)) {}
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

  const Stopping& stopping() const { return stopping_; }
  std::uint64_t id() const { return id_; }
  /// Behind a proxy: whose session it is.
  void set_client(const Endpoints& client) { client_ = client; }
  SessionInfo info() const { return {id_, client_.value_or(endpoints()), since_, traffic(), stopping_.report()}; }
  void end_alone() {
    stopping_.request_alone();
    wake();
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
  Traffic traffic() const override { return inner_->traffic(); }

 private:
  Shared state_;
  std::size_t loop_;
  std::uint64_t id_;
  base::SteadyTime since_;
  Stopping stopping_;
  std::optional<Endpoints> client_;
  std::unique_ptr<Stream> inner_;
  bool tracked_ = false;
};

/// One place among the server's sessions, given back at the end.
class Seat {
 public:
  Seat(Shared state, std::string address, std::shared_ptr<const How> how)
      : state_(std::move(state)), address_(std::move(address)), how_(std::move(how)) {
    how_->accepted.add();
    how_->open.add(1);
  }
  Seat(Seat&&) noexcept = default;
  Seat& operator=(Seat&&) = delete;
  ~Seat() {
    if (!state_) return;
    how_->open.add(-1);
    state_->leave(address_);
  }
  /// From now on it is that of a peer at this address, if the limits allow it. Once, of a seat without an address.
  bool take(const std::string& address) {
    if (!state_->count(address, how_->options.limits)) return false;
    address_ = address;
    return true;
  }

 private:
  Shared state_;
  std::string address_;
  std::shared_ptr<const How> how_;  // that it was counted under
};

/// Turned away with a line, or, when it is empty, without a word.
Task<void> refuse(std::unique_ptr<Stream> stream, std::string line) {
  // A new connection has room for a line, so this does not wait; a peer that made it otherwise gets no more than this.
  stream->set_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(1));
  if (!line.empty()) co_await stream->write(line);
  co_await stream->shutdown();
}

void note_refused(const How& how, const base::Log& log, const std::string& address, std::string_view why) {
  how.refused.add();
  log.noise("net.connection.refused", {{"peer", address}, {"why", why}});
}

std::optional<Server::Turned> turned_away(const Server::Options& options, const std::string& address) {
  return options.admit && !address.empty() ? options.admit(address) : std::nullopt;
}

/// The connection behind its PROXY header; nothing when it ends here. `seat` has no address yet, and gets the client's.
Task<std::unique_ptr<Stream>> behind_proxy(std::shared_ptr<const How> how, Seat& seat, std::unique_ptr<Stream> stream,
                                           base::Log log) {
  ProxyHeader::Kind kind{};
  try {
    stream = co_await read_proxy_header(std::move(stream), std::chrono::steady_clock::now() + kProxyTimeout, kind);
  } catch (const Closed& closed) {
    how->refused.add();
    log.noise("net.proxy.refused", {{"why", closed.what()}});
    throw;
  }
  if (kind == ProxyHeader::Kind::local) co_return stream;
  const Server::Options& options = how->options;
  const std::string address = stream->endpoints().peer_address;
  // Where not everybody may connect, somebody without an address may not.
  const bool allowed = !options.allowed || (!address.empty() && options.allowed(address));
  if (auto turned = allowed ? turned_away(options, address) : std::nullopt) {
    note_refused(*how, log, address, turned->why);
    co_await refuse(std::move(stream), std::move(turned->line));
    co_return nullptr;
  }
  if (allowed && (address.empty() || seat.take(address))) co_return stream;
  note_refused(*how, log, address, allowed ? "too many connections" : "not an allowed network");
  co_await refuse(std::move(stream), allowed ? options.too_many : std::string());
  co_return nullptr;
}

/// One connection, to its end.
Task<void> run_session(Shared state, std::shared_ptr<const How> how, Seat seat, std::unique_ptr<TrackedStream> tracked,
                       base::Log log, bool proxied) {
  Seat held = std::move(seat);  // given back after the stream, which the session takes with it
  tracked->track();
  const Stopping stopping = tracked->stopping();
  std::string failure;
  try {
    TrackedStream& of_session = *tracked;
    std::unique_ptr<Stream> stream = std::move(tracked);
    if (proxied) {
      log = log.with({{"proxy", stream->endpoints().peer_address}});
      stream = co_await behind_proxy(how, held, std::move(stream), log);
      if (!stream) co_return;
      of_session.set_client(stream->endpoints());
    }
    log = log.with({{"peer", stream->endpoints().peer_address}});
    log.debug("net.connection.opened");
    co_await how->serve(std::move(stream), log, stopping);
    log.debug("net.connection.closed");
    co_return;
  } catch (const Closed& closed) {
    // Lost, timed out or closed by us: the ordinary ends.
    log.debug("net.connection.closed", {{"why", closed.what()}});
    co_return;
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "an unknown exception";
  }
  ++state->failed;
  how->failed.add();
  log.error("net.session.failed", {{"why", failure}});
}

Task<void> accept_all(Shared state) {
  static std::atomic<std::uint64_t> next_session = 1;
  std::size_t turn = 0;
  try {
    while (!state->stopping.requested()) {
      const std::size_t at = turn++ % state->loops.size();
      Loop& loop = state->loops.at(at);
      auto stream = co_await state->listener->accept(loop);
      auto how = state->current();
      const Server::Options& options = how->options;
      const std::string address = stream->endpoints().peer_address;  // empty: of a Unix socket
      const bool proxied = options.proxies && options.proxies(address);
      if (!proxied && !address.empty() && options.allowed && !options.allowed(address)) {
        note_refused(*how, how->log, address, "not an allowed network");
        loop.spawn(refuse(std::move(stream), {}));
        continue;
      }
      if (auto turned = proxied ? std::nullopt : turned_away(options, address)) {
        note_refused(*how, how->log, address, turned->why);
        loop.spawn(refuse(std::move(stream), std::move(turned->line)));
        continue;
      }
      // Of a proxy's connections each counts for its client.
      const std::string counted = proxied ? std::string() : address;
      if (!state->enter(counted, options.limits)) {
        note_refused(*how, how->log, address, "too many connections");
        loop.spawn(refuse(std::move(stream), options.too_many));
        continue;
      }
      Seat seat(state, counted, how);
      const std::uint64_t id = next_session++;
      auto log = how->log.with({{"session", id}});
      auto tracked = std::make_unique<TrackedStream>(state, at, id, std::move(stream));
      loop.spawn(run_session(state, std::move(how), std::move(seat), std::move(tracked), std::move(log), proxied));
    }
  } catch (const Closed& closed) {
    if (!state->stopping.requested() && !state->retired)
      state->current()->log.error("net.accept.failed", {{"why", closed.what()}});
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

Task<std::vector<SessionInfo>> list_sessions(Shared state) {
  using Part = std::vector<SessionInfo>;
  Part all;
  for (std::size_t i = 0; i < state->loops.size(); ++i) {
    const auto told = std::make_shared<Completion<Part>>();
    state->loops.at(i).post([state, i, told] {
      Part part;
      for (const TrackedStream* stream : state->tracked[i]) part.push_back(stream->info());
      told->set(std::move(part));
    });
    Part part = co_await told->wait();
    std::ranges::move(part, std::back_inserter(all));
  }
  std::ranges::sort(all, {}, &SessionInfo::id);
  co_return all;
}

using Ids = std::shared_ptr<const std::vector<std::uint64_t>>;  // sorted

/// Waits for the sessions to end; those that have not by then are cut.
Task<std::size_t> await_sessions(Shared state, Ids ids, base::SteadyTime until) {
  constexpr std::chrono::milliseconds kLookAgain{20};
  for (;;) {
    const std::vector<SessionInfo> live = co_await list_sessions(state);
    const auto left = std::ranges::count_if(
        live, [&](const SessionInfo& session) { return std::ranges::binary_search(*ids, session.id); });
    if (left == 0) co_return 0;
    if (std::chrono::steady_clock::now() >= until) {
      on_all_streams(state, [ids](TrackedStream& stream) {
        if (std::ranges::binary_search(*ids, stream.id())) stream.close();
      });
      co_return static_cast<std::size_t>(left);
    }
    co_await sleep_for(kLookAgain);
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

void Server::State::replace(Options options, Serve serve) {
  auto next = std::make_shared<const How>(std::move(options), std::move(serve), log);
  const std::lock_guard lock(mutex);
  how.swap(next);
}

// Counts the session if the limits allow it.
bool Server::State::enter(const std::string& address, const Limits& limits) {
  const std::lock_guard lock(mutex);
  if (sessions >= limits.connections || !count_locked(address, limits)) return false;
  ++sessions;
  ++running;
  return true;
}

bool Server::State::count(const std::string& address, const Limits& limits) {
  const std::lock_guard lock(mutex);
  return count_locked(address, limits);
}

bool Server::State::count_locked(const std::string& address, const Limits& limits) {
  if (address.empty()) return true;
  const auto [place, added] = by_address.try_emplace(address, 0);
  if (place->second >= limits.connections_per_address) {
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
    : state_(std::make_shared<State>(std::move(listener), accept_on, loops, std::move(log))) {
  state_->replace(std::move(options), std::move(serve));
}

Server::~Server() {
  if (state_->stopping.requested()) return;
  state_->stopping.request();
  state_->accept_on.post([state = state_] { state->listener->close(); });
}

void Server::start() {
  state_->begin();
  state_->accept_on.spawn(accept_all(state_), state_->log);
}

void Server::replace(Options options, Serve serve) { state_->replace(std::move(options), std::move(serve)); }

void Server::retire() {
  state_->retired = true;
  state_->accept_on.post([state = state_] { state->listener->finish(); });
}

void Server::share_port(bool shared) { state_->listener->share_port(shared); }

Task<void> Server::stop(std::chrono::steady_clock::duration grace) {
  const auto until = std::chrono::steady_clock::now() + grace;
  const Shared state = state_;
  state->stopping.request();
  state->accept_on.post([state] { state->listener->close(); });
  on_all_streams(state, [](TrackedStream& stream) { stream.wake(); });
  if (co_await wait_for_end(state, until)) co_return;
  state->current()->log.info("net.stop.closing", {{"sessions", state->sessions.load()}});
  state->closing = true;
  on_all_streams(state, [](TrackedStream& stream) { stream.close(); });
  co_await wait_for_end(state, base::SteadyTime::max());
}

Task<std::vector<SessionInfo>> Server::list() const { return list_sessions(state_); }

Task<std::size_t> Server::end_sessions(std::vector<std::uint64_t> wanted, base::SteadyTime until) const {
  std::ranges::sort(wanted);
  const Ids ids = std::make_shared<const std::vector<std::uint64_t>>(std::move(wanted));
  on_all_streams(state_, [ids](TrackedStream& stream) {
    if (std::ranges::binary_search(*ids, stream.id())) stream.end_alone();
  });
  return await_sessions(state_, ids, until);
}

std::size_t Server::sessions() const { return state_->sessions; }

bool Server::ended() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running == 0;
}

std::size_t Server::failed_sessions() const { return state_->failed; }
std::uint16_t Server::port() const { return state_->listener->port(); }

}  // namespace net
