#include "app/listeners.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "app/values.h"

namespace app {

namespace {

constexpr unsigned kPathMode = 0660;  // of a Unix socket

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

bool machine_has_ipv6() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

/// What the operator can do when a port cannot be had.
std::string listen_hint(const base::Error& error) {
  if (error.text.ends_with(std::generic_category().message(EADDRINUSE))) {
    return " (another program has this port: stop it, or choose another one for the listener)";
  }
  if (error.text.ends_with(std::generic_category().message(EACCES)))
    return " (ports below 1024 need root, or CAP_NET_BIND_SERVICE)";
  return {};
}

}  // namespace

Listeners::Listeners(net::Loops& loops, Privileged& privileged, const HandedSockets& handed, base::Log log)
    : loops_(loops), privileged_(privileged), handed_(handed), log_(std::move(log)) {}

std::vector<Listeners::Place> Listeners::places_of(const Listener& listener) const {
  std::vector<Place> places;
  const auto counts = handed_.counts();
  if (const auto handed = counts.find(listener.name); handed != counts.end()) {
    Listener anywhere = listener;
    anywhere.port = 0;  // its own: known by the name
    anywhere.path.clear();
    for (std::size_t i = 0; i < handed->second; ++i)
      places.push_back({.listener = anywhere, .address = "handed over, " + std::to_string(i + 1), .handed = i});
    return places;
  }
  if (!listener.path.empty()) {
    Listener without_port = listener;
    without_port.port = 0;
    return {{.listener = std::move(without_port), .address = listener.path, .handed = {}}};
  }
  for (const std::string& address : listener.addresses)
    places.push_back({.listener = listener, .address = address, .handed = {}});
  return places;
}

base::Result<Listeners::Prepared> Listeners::prepare(const std::vector<Listener>& listeners) {
  Prepared prepared;
  for (const Listener& listener : listeners) TRY(prepare_one(listener, prepared));
  return prepared;
}

base::Result<void> Listeners::prepare_one(const Listener& listener, Prepared& prepared) {
  for (const Place& place : places_of(listener)) {
    const std::string& address = place.address;
    if (!place.handed && listener.path.empty() && is_v6(address) && listener.addresses.size() > 1 &&
        !machine_has_ipv6()) {
      log_.warning("app.listener.skipped",
                   {{"listener", listener.name}, {"address", address}, {"why", "this machine has no IPv6"}});
      continue;
    }
    Prepared::Socket wanted{.place = place, .loop = nullptr, .socket = nullptr};
    if (!find(wanted.place)) {
      wanted.loop = &loops_.at(next_loop_++ % loops_.size());
      auto socket = bind(wanted.place, *wanted.loop);
      if (!socket) {
        return base::fail(socket.error().code,
                          "listener " + listener.name + ": " + socket.error().text +
                              (place.listener.path.empty() ? listen_hint(socket.error()) : std::string()));
      }
      wanted.socket = *std::move(socket);
    }
    prepared.sockets.push_back(std::move(wanted));
  }
  return {};
}

base::Result<std::unique_ptr<net::Listener>> Listeners::bind(const Place& place, net::Loop& loop) {
  if (place.handed) {
    TRY_ASSIGN(const int own, handed_.duplicate(place.listener.name, *place.handed));
    return net::adopt_tcp(loop, own);
  }
  if (!place.listener.path.empty()) return net::listen_unix(loop, place.listener.path, kPathMode);
  // A listener that moves between all addresses and one of them meets its own old socket there.
  share_ports(place, true);
  const auto fd = privileged_.listen(place.address, place.listener.port);
  share_ports(place, false);
  if (!fd) return std::unexpected(fd.error());
  return net::adopt_tcp(loop, *fd);
}

void Listeners::share_ports(const Place& place, bool shared) {
  for (Running& running : running_) {
    const bool same = running.place.listener.port == place.listener.port && place.listener.port != 0;
    if (same && !running.retired && is_v6(running.place.address) == is_v6(place.address))
      running.server->share_port(shared);
  }
}

Listeners::Running* Listeners::find(const Place& place) {
  const auto found = std::ranges::find_if(running_, [&](const Running& running) {
    // A port that is 0 is another one for each listener (tests ask for it); a path is the same for all.
    const bool known = place.listener.port != 0 || !place.listener.path.empty();
    return !running.retired && place.is_at(running.place.address, running.place.listener.port) &&
           (known || place.listener.name == running.place.listener.name);
  });
  return found == running_.end() ? nullptr : &*found;
}

void Listeners::adopt(Prepared prepared, const std::function<Service(const Listener&)>& service) {
  const std::lock_guard lock(mutex_);
  std::vector<const net::Server*> wanted;
  for (Prepared::Socket& next : prepared.sockets) {
    Service made = service(next.place.listener);
    if (!next.socket) {
      Running& kept = *find(next.place);
      kept.place = std::move(next.place);
      kept.server->replace(std::move(made.options), std::move(made.serve));
      wanted.push_back(kept.server.get());
      continue;
    }
    log_.info("app.listen", {{"listener", next.place.listener.name},
                             {"protocol", Choice<Protocol>::word(next.place.listener.protocol)},
                             {"address", next.place.address},
                             {"port", next.socket->port()},
                             {"tls", Choice<TlsMode>::word(next.place.listener.tls)}});
    running_.push_back({.place = std::move(next.place),
                        .server = std::make_shared<net::Server>(std::move(next.socket), *next.loop, loops_,
                                                                std::move(made.options), std::move(made.serve), log_)});
    running_.back().server->start();
    wanted.push_back(running_.back().server.get());
  }
  for (Running& running : running_) {
    if (running.retired || std::ranges::find(wanted, running.server.get()) != wanted.end()) continue;
    log_.info("app.listener.closed", {{"listener", running.place.listener.name},
                                      {"address", running.place.address},
                                      {"port", running.server->port()},
                                      {"sessions", running.server->sessions()}});
    running.retired = true;
    running.server->retire();
  }
  std::erase_if(running_, [](const Running& running) { return running.retired && running.server->ended(); });
}

std::vector<admin::Status::Listener> Listeners::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<admin::Status::Listener> all;
  for (const Running& running : running_) {
    if (running.retired && running.server->sessions() == 0) continue;
    all.push_back({.name = running.place.listener.name,
                   .port = running.server->port(),
                   .sessions = running.server->sessions(),
                   .failed_sessions = running.server->failed_sessions()});
  }
  return all;
}

std::vector<SessionSource> Listeners::session_sources() const {
  const std::lock_guard lock(mutex_);
  std::vector<SessionSource> sources;
  for (const Running& running : running_) {
    const Listener& listener = running.place.listener;
    sources.push_back({listener.name, Choice<Protocol>::word(listener.protocol), running.server});
  }
  return sources;
}

std::optional<std::uint16_t> Listeners::port(std::string_view listener) const {
  const std::lock_guard lock(mutex_);
  for (const Running& running : running_) {
    if (!running.retired && running.place.listener.name == listener) return running.server->port();
  }
  return std::nullopt;
}

std::vector<net::Server*> Listeners::servers() const {
  const std::lock_guard lock(mutex_);
  std::vector<net::Server*> all;
  for (const Running& running : running_) all.push_back(running.server.get());
  return all;
}

}  // namespace app
