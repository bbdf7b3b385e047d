#pragma once
// Server: the object graph, built from top to bottom; the only place that knows all concrete types. start() opens the
// store and begins to accept on every listener, or says in words why not; stop() ends everything in order: no new
// connections, sessions end with the words of their protocol, what they committed is durable, the store is closed.
// Made, stopped and destroyed on one thread, which is none of the loops'.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/api.h"
#include "admin/socket.h"
#include "app/certificates.h"
#include "app/config.h"
#include "app/privileged.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "net/loop.h"
#include "net/pool.h"
#include "net/server.h"

namespace app {

class Server {
 public:
  /// Binds, reads the certificate, stops being root when the configuration names a user, opens the store; then accepts.
  /// `clock` outlives the server.
  static base::Result<std::unique_ptr<Server>> start(Config config, const base::Clock& clock, base::Log log);

  /// Stops if stop() was not called.
  ~Server();

  /// Returns when all is closed. Sessions get the configured time to end, then their connections are cut.
  void stop();

  /// To be called every second or two: takes up certificates that have changed, and starts the listeners that waited
  /// for theirs.
  void look_at_files();

  const Config& config() const { return config_; }
  net::Loops& loops() { return *loops_; }
  directory::Directory& directory() { return *directory_; }
  /// Of the listener of that name; for tests, which may ask for any free port.
  std::optional<std::uint16_t> port(std::string_view listener) const;

 private:
  struct Bound {
    const Listener* listener;  // nullptr: the admin socket
    std::string address;
    net::Loop* loop;  // that it accepts on
    std::unique_ptr<net::Listener> socket;
  };
  struct Running {
    std::string name;
    std::unique_ptr<net::Server> server;
  };

  Server(Config config, const base::Clock& clock, base::Log log);

  base::Result<void> bind();
  base::Result<void> bind_one(const Listener& listener);
  void start_waiting();
  base::Result<void> open();
  void leave_hostname();
  base::Result<void> bind_admin();
  void accept(Bound bound);
  net::Server::Serve session(const Listener& listener);
  admin::Status status() const;
  void resume_purges();

  // In the order of construction but for the loops, which come first and go before everything that their sessions use.
  const Config config_;
  const base::Clock& clock_;
  const base::Log log_;
  const std::unique_ptr<Privileged> privileged_;
  Certificates certificates_;
  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<directory::Directory> directory_;
  std::unique_ptr<mailstore::Mailstore> mail_;
  std::unique_ptr<delivery::Delivery> delivery_;
  std::unique_ptr<admin::Api> api_;
  std::unique_ptr<admin::SocketPath> socket_path_;
  std::unique_ptr<net::Loops> loops_;
  std::vector<Bound> bound_;
  std::vector<Running> running_;
  std::vector<const Listener*> waiting_;  // for their certificate; of config_
  struct Purge;
  std::shared_ptr<Purge> purge_;
  bool stopped_ = false;
};

}  // namespace app
