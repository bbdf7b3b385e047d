#pragma once
// Listeners: the sockets that connections are taken on, a net::Server for each, and how they follow the configuration
// while they run. A socket is known by its address and port, or its path: where the new configuration wants the same
// place, under whatever name and protocol, the socket stays and new connections get the new ways; a place that nobody
// wants any more takes no new connections, and its sessions go on to their end. prepare() binds and changes nothing,
// adopt() cannot fail. All calls are made under one lock of the owner's, on no loop.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api.h"
#include "app/config.h"
#include "app/privileged.h"
#include "app/sessions.h"
#include "app/systemd.h"
#include "base/log.h"
#include "base/result.h"
#include "net/loop.h"
#include "net/server.h"

namespace app {

class Listeners {
 public:
  /// What a listener does with its connections.
  struct Service {
    net::Server::Options options;
    net::Server::Serve serve;
  };

  /// One address, or the path, of one listener of the configuration.
  struct Place {
    Listener listener;
    std::string address;                // the path of a Unix socket, whose port is 0
    std::optional<std::size_t> handed;  // which of the listener's sockets that were handed over
    bool is_at(const std::string& other_address, std::uint16_t port) const {
      return address == other_address && listener.port == port;
    }
  };

  /// What adopt() will do. Dropped instead, it lets the new sockets go.
  struct Prepared {
    struct Socket {
      Place place;
      net::Loop* loop;                        // that it accepts on
      std::unique_ptr<net::Listener> socket;  // nullptr: the one that runs there already
    };
    std::vector<Socket> sockets;
  };

  /// A listener for which there are handed over sockets has those and binds none, whatever its address and port.
  /// `privileged` and `handed` outlive this.
  Listeners(net::Loops& loops, Privileged& privileged, const HandedSockets& handed, base::Log log);

  /// Errors name the listener and say what can be done. Unix sockets are bound by this process: a server that starts as
  /// root prepares them apart, when it is root no more.
  base::Result<Prepared> prepare(const std::vector<Listener>& listeners);

  /// `service` is asked for each place.
  void adopt(Prepared prepared, const std::function<Service(const Listener&)>& service);

  /// All that accept, and those that were closed and have sessions left. From any thread.
  std::vector<admin::Status::Listener> status() const;
  /// Of the first socket of the listener of that name.
  std::optional<std::uint16_t> port(std::string_view listener) const;
  /// Those with their sessions, for the operator. From any thread.
  std::vector<SessionSource> session_sources() const;
  /// All net::Servers there are, to be stopped.
  std::vector<net::Server*> servers() const;

 private:
  struct Running {
    Place place;
    std::shared_ptr<net::Server> server;  // also of those who look at its sessions at the moment
    bool retired = false;
  };
  std::vector<Place> places_of(const Listener& listener) const;
  base::Result<void> prepare_one(const Listener& listener, Prepared& prepared);
  base::Result<std::unique_ptr<net::Listener>> bind(const Place& place, net::Loop& loop);
  Running* find(const Place& place);
  void share_ports(const Place& place, bool shared);

  net::Loops& loops_;
  Privileged& privileged_;
  const HandedSockets& handed_;
  const base::Log log_;
  mutable std::mutex mutex_;  // held where running_ changes, and by who looks at it without the owner's lock
  std::vector<Running> running_;
  std::size_t next_loop_ = 0;
};

}  // namespace app
