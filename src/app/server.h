#pragma once
// Server: the object graph, built from top to bottom; the only place that knows all concrete types. start() opens the
// store and begins to accept on every listener, or says in words why not; reload() takes up a changed configuration;
// stop() ends everything in order: no new connections, sessions end with the words of their protocol, what they
// committed is durable, the store is closed. Made, stopped and destroyed on one thread, which is none of the loops'.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "admin/api.h"
#include "admin/socket.h"
#include "app/certificates.h"
#include "app/changes.h"
#include "app/config.h"
#include "app/config_watch.h"
#include "app/listeners.h"
#include "app/monitor.h"
#include "app/privileged.h"
#include "app/sessions.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/live.h"
#include "base/log.h"
#include "base/result.h"
#include "net/loop.h"
#include "net/pool.h"
#include "net/server.h"
#include "outbound/outbound.h"
#include "sendmail/taker.h"

namespace app {

/// Reads the configuration that the server was started with once more, on top of the same base.
using ReadConfig = std::function<Loaded(const Sources&)>;

/// What became of a reload.
struct Reloaded {
  std::vector<Mistake> mistakes;  // not empty: nothing was changed
  Changes changes;
};

/// What the process was given beside its configuration.
struct Inherited {
  std::unique_ptr<Privileged> privileged = in_this_process();
  HandedSockets sockets;  // of listeners, by their names: these bind no port
};

class Server {
 public:
  /// Binds, reads the certificates, stops being root when the configuration names a user, opens the store; then
  /// accepts. `clock` outlives the server. Without `read` there is nothing to reload.
  static base::Result<std::unique_ptr<Server>> start(Config config, const base::Clock& clock, base::Log log,
                                                     ReadConfig read = {}, Inherited inherited = {});

  /// Stops if stop() was not called.
  ~Server();

  /// Returns when all is closed. Sessions get the configured time to end, then their connections are cut.
  void stop();

  /// Reads the configuration again, and either all of it holds from now on, but for what waits for a restart, or
  /// nothing was changed; the log says which and why. Nobody who is connected is dropped. `asked_by` is for the log.
  /// From any thread but the loops'; blocks.
  Reloaded reload(std::string_view asked_by);

  /// To be called every second or so: takes up certificates and configuration files that have changed, and starts the
  /// listeners that waited for their certificate.
  void look_at_files();

  /// Descriptors that a server with this configuration may need.
  static std::uint64_t files_wanted(const Config& config);

  std::shared_ptr<const Config> config() const { return config_.get(); }
  net::Loops& loops() { return *loops_; }
  directory::Directory& directory() { return *directory_; }
  outbound::Outbound& outbound() { return *outbound_; }
  /// How many sockets take connections.
  std::size_t listening() const { return listeners_->servers().size(); }
  /// Of the listener of that name; for tests, which may ask for any free port.
  std::optional<std::uint16_t> port(std::string_view listener) const;

 private:
  Server(Config config, const base::Clock& clock, base::Log log, ReadConfig read, Inherited inherited);

  void drop_unknown_sockets();
  base::Result<Listeners::Prepared> bind();
  base::Result<void> open();
  base::Result<void> open_outbound();
  base::Result<void> open_store(const store::Options& options);
  void leave_hostname();
  base::Result<void> bind_paths(Listeners::Prepared& prepared);
  base::Result<void> serve_admin();
  base::Result<void> serve_metrics();  // server_metrics.cpp
  void prepare_sendmail();
  void serve_sendmail();
  Listeners::Service service(const Listener& listener);
  net::Server::Serve session(const Listener& listener);
  std::function<std::optional<net::Server::Turned>(std::string_view address)> admission(const Config& config,
                                                                                        const Listener& listener);
  admin::Status status() const;
  admin::Settings admin_settings();
  void resume_purges();
  base::Result<void> start_queue();

  // reload.cpp; under changing_.
  using HasCertificate = std::function<bool(std::string_view listener)>;
  std::vector<Listener> ready(const std::vector<Listener>& listeners, const HasCertificate& has) const;
  std::vector<Listener> ready(const std::vector<Listener>& listeners) const;
  std::vector<Mistake> take_over(const Loaded& loaded, Config next);
  Loaded read_again();
  void watch(const Inputs& inputs);
  void start_waiting();
  void tell_what_came_before(std::string_view asked_by, Changes& changes);
  void log_reload(std::string_view asked_by, const Reloaded& done) const;

  // In the order of construction but for the loops, which come first and go before everything that their sessions use.
  base::Live<Config> config_;
  base::Live<smtp::Config> smtp_config_;
  base::Live<imap::Config> imap_config_;
  base::Live<delivery::Config> delivery_config_;
  base::Live<guard::Config> guard_config_;
  const base::Clock& clock_;
  const base::Log log_;
  const ReadConfig read_;
  const std::unique_ptr<Privileged> privileged_;
  HandedSockets sockets_;
  Certificates certificates_;
  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<directory::Directory> directory_;
  std::unique_ptr<mailstore::Mailstore> mail_;
  std::unique_ptr<guard::Guard> guard_;
  std::unique_ptr<dns::Resolver> resolver_;
  std::unique_ptr<outbound::System> outbound_;
  std::unique_ptr<delivery::Delivery> delivery_;
  std::unique_ptr<admin::Api> api_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<admin::SocketPath> socket_path_;
  std::unique_ptr<net::Loops> loops_;
  std::unique_ptr<Listeners> listeners_;
  std::unique_ptr<net::Server> admin_;
  std::vector<std::unique_ptr<net::Server>> metrics_;  // one for each address
  std::unique_ptr<net::Server> sendmail_;              // null: there is no spool
  std::shared_ptr<sendmail::Taker> taker_;
  struct Purge;
  std::shared_ptr<Purge> purge_;

  std::mutex changing_;  // held by who changes the configuration, or stops; never by what runs on a loop
  ConfigWatch watch_;    // guarded by changing_
  Inputs inputs_;        // what watch_ watches; guarded by changing_
  bool watched_ = false;
  std::vector<std::string> taken_up_;  // changes that nobody has asked for yet; guarded by changing_
  base::SteadyTime taken_up_at_{};
  bool stopped_ = false;  // guarded by changing_
};

}  // namespace app
