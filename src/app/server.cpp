#include "app/server.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <latch>
#include <system_error>
#include <thread>

#include "app/files.h"
#include "app/privileges.h"
#include "app/values.h"
#include "app/version.h"
#include "imap/session.h"
#include "smtp/session.h"

namespace app {

namespace {

/// Descriptors beside the connections: the store's files, the loops, standard error.
constexpr std::uint64_t kOtherFiles = 2000;
constexpr std::size_t kAdminConnections = 32;
constexpr unsigned kAdminMode = 0600;

std::size_t loop_count(const Config& config) {
  return config.threads > 0 ? config.threads : std::max(1u, std::thread::hardware_concurrency());
}

bool machine_has_ipv6() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

bool is_smtp(Protocol protocol) { return protocol != Protocol::imap && protocol != Protocol::imaps; }

/// What the operator can do when a port cannot be had.
std::string listen_hint(const Listener& listener, const base::Error& error) {
  if (error.text.ends_with(std::generic_category().message(EADDRINUSE))) {
    return " (another program has this port: stop it, or choose another one for the listener)";
  }
  if (listener.port < 1024 && ::geteuid() != 0) return " (ports below 1024 need root, or CAP_NET_BIND_SERVICE)";
  return {};
}

/// What a connection above the limits is told; nothing where it would have to be told over TLS. RFC 9051 §7.1.5.
std::string too_many(const Config& config, const Listener& listener) {
  if (listener.tls == TlsMode::implicit) return {};
  return is_smtp(listener.protocol) ? smtp::too_many_connections(config.hostname)
                                    : "* BYE Too many connections, come back later\r\n";
}

net::Task<void> stop_one(net::Server& server, std::chrono::seconds grace, std::shared_ptr<std::latch> done) {
  co_await server.stop(grace);
  done->count_down();
}

}  // namespace

/// The task that removes the mail of removed accounts after a start.
struct Server::Purge {
  std::promise<void> done;

  struct Ended {
    Purge& purge;
    ~Ended() { purge.done.set_value(); }
  };

  static net::Task<void> run(std::shared_ptr<Purge> purge, directory::Directory& directory, mailstore::Mailstore& mail,
                             base::Log log) {
    const Ended ended{*purge};
    const auto result = co_await admin::purge_removed(directory, mail, log);
    if (!result) log.warning("app.purge.failed", {{"why", result.error().text}, {"next", "at the next start"}});
  }
};

Server::Server(Config config, const base::Clock& clock, base::Log log)
    : config_(std::move(config)),
      clock_(clock),
      log_(std::move(log)),
      privileged_(in_this_process()),
      certificates_(*privileged_, clock_, log_) {}

base::Result<std::unique_ptr<Server>> Server::start(Config config, const base::Clock& clock, base::Log log) {
  config.settle();
  log.info("app.start",
           {{"version", version()}, {"hostname", config.hostname}, {"data", config.data_dir}, {"pid", ::getpid()}});
  raise_file_limit(config.connections.connections + kOtherFiles, log);
  std::unique_ptr<Server> server(new Server(std::move(config), clock, log));
  TRY(server->bind());
  TRY(server->open());
  TRY(server->bind_admin());
  for (Bound& bound : server->bound_) server->accept(std::move(bound));
  server->bound_.clear();
  server->resume_purges();
  return server;
}

Server::~Server() { stop(); }

base::Result<void> Server::bind() {
  // No program that we might start may have more rights than we; before there are threads, because it is theirs too.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  loops_ = std::make_unique<net::Loops>(loop_count(config_));
  TRY_ASSIGN(auto certificates, certificates_.prepare(config_));
  certificates_.adopt(std::move(certificates));
  for (const Listener& listener : config_.listeners) {
    if (listener.tls == TlsMode::implicit && !certificates_.acceptor(listener.name)) {
      log_.warning("app.listener.waiting", {{"listener", listener.name},
                                            {"why", "it begins with TLS, and there is no certificate for it yet"}});
      waiting_.push_back(&listener);
    } else {
      TRY(bind_one(listener));
    }
  }
  return {};
}

base::Result<void> Server::bind_one(const Listener& listener) {
  for (const std::string& address : listener.addresses) {
    const bool v6 = address.find(':') != std::string::npos;
    if (v6 && listener.addresses.size() > 1 && !machine_has_ipv6()) {
      log_.warning("app.listener.skipped",
                   {{"listener", listener.name}, {"address", address}, {"why", "this machine has no IPv6"}});
      continue;
    }
    net::Loop& loop = loops_->at(bound_.size() % loops_->size());
    auto bound = privileged_->listen(address, listener.port);
    auto socket = bound ? net::adopt_tcp(loop, *bound) : std::unexpected(std::move(bound).error());
    if (!socket) {
      return base::fail(socket.error().code, "listener " + listener.name + ": " + socket.error().text +
                                                 listen_hint(listener, socket.error()));
    }
    bound_.push_back({&listener, address, &loop, *std::move(socket)});
  }
  return {};
}

base::Result<void> Server::open() {
  TRY(prepare_directory(config_.data_dir, config_.user));
  if (!config_.user.empty()) TRY(become(config_.user));
  TRY(check_directory(config_.data_dir));
  pool_ = std::make_unique<net::Pool>(config_.workers);
  TRY_ASSIGN(store_, store::open_embedded(config_.store, *pool_, clock_, log_));
  TRY_ASSIGN(directory_, directory::open(*store_, clock_, log_, config_.directory, config_.hostname));
  leave_hostname();
  mail_ = mailstore::open(*store_, clock_, log_);
  delivery_ = delivery::open(*store_, *directory_, *mail_, clock_, log_, config_.delivery);
  admin::Settings settings{.hostname = config_.hostname,
                           .version = version(),
                           .mailbox_quota_bytes = config_.mailbox_quota_bytes,
                           .status = [this] { return status(); }};
  api_ = std::make_unique<admin::Api>(admin::Services{*directory_, *mail_, *delivery_, *store_, clock_},
                                      std::move(settings), log_);
  std::string why;
  const bool writes = store_->accepts_writes(&why);
  log_.info("app.store", {{"directory", config_.store.directory}, {"writes", writes ? "yes" : why.c_str()}});
  if (config_.store.no_sync) {
    log_.warning("app.store.unsafe",
                 {{"why", "syncs are switched off: a power cut loses mail. For tests of tests only"}});
  }
  return {};
}

void Server::leave_hostname() {
  if (const auto known = read_file(config_.hostname_path(), 1024); known && *known == config_.hostname + "\n") return;
  // Not worth a start: with a full disk the old name, or none, has to do.
  if (const auto written = write_file(config_.hostname_path(), config_.hostname + "\n", 0644); !written) {
    log_.warning("app.hostname.unwritten", {{"why", written.error().text}});
  }
}

base::Result<void> Server::bind_admin() {
  socket_path_ = std::make_unique<admin::SocketPath>(config_.data_dir);
  auto socket = net::listen_unix(loops_->at(0), socket_path_->path(), kAdminMode);
  if (!socket) return base::fail(socket.error().code, "the admin socket: " + socket.error().text);
  bound_.push_back({nullptr, config_.socket_path(), &loops_->at(0), *std::move(socket)});
  return {};
}

net::Server::Serve Server::session(const Listener& listener) {
  const auto trusted = [networks = listener.trusted](std::string_view address) { return contains(networks, address); };
  const bool offers_tls = listener.tls != TlsMode::none;
  const auto tls = [this, offers_tls, name = listener.name] {
    return offers_tls ? certificates_.acceptor(name) : nullptr;
  };
  const bool implicit = listener.tls == TlsMode::implicit;
  if (is_smtp(listener.protocol)) {
    const smtp::Mode mode{
        .service = listener.protocol == Protocol::smtp ? smtp::Service::mx : smtp::Service::submission,
        .implicit_tls = implicit,
        .plaintext_auth = listener.plaintext_auth,
        .trusted = trusted};
    return [this, mode, tls](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
      return smtp::serve(std::move(stream), *delivery_, config_.smtp, mode, tls, clock_, std::move(log),
                         std::move(stopping));
    };
  }
  const imap::Mode mode{.implicit_tls = implicit, .plaintext_auth = listener.plaintext_auth, .trusted = trusted};
  return [this, mode, tls](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
    return imap::serve(std::move(stream), imap::Services{*directory_, *mail_, *store_, clock_}, config_.imap, mode, tls,
                       std::move(log), std::move(stopping));
  };
}

void Server::accept(Bound bound) {
  net::Server::Options options;
  net::Server::Serve serve;
  if (bound.listener) {
    options = {
        .name = bound.listener->name, .limits = config_.connections, .too_many = too_many(config_, *bound.listener)};
    serve = session(*bound.listener);
    log_.info("app.listen", {{"listener", bound.listener->name},
                             {"protocol", Choice<Protocol>::word(bound.listener->protocol)},
                             {"address", bound.address},
                             {"port", bound.socket->port()},
                             {"tls", Choice<TlsMode>::word(bound.listener->tls)}});
  } else {
    options = {.name = "admin",
               .limits = {.connections = kAdminConnections, .connections_per_address = kAdminConnections},
               .too_many = "{\"ok\":false,\"code\":\"busy\",\"error\":\"too many admin connections at once\"}\n"};
    serve = [this](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
      return admin::serve(std::move(stream), *api_, std::move(log), std::move(stopping));
    };
    log_.info("app.listen", {{"listener", "admin"}, {"address", bound.address}});
  }
  const std::string name = options.name;
  running_.push_back({name, std::make_unique<net::Server>(std::move(bound.socket), *bound.loop, *loops_,
                                                          std::move(options), std::move(serve), log_)});
  running_.back().server->start();
}

void Server::resume_purges() {
  purge_ = std::make_shared<Purge>();
  loops_->at(0).spawn(Purge::run(purge_, *directory_, *mail_, log_), log_);
}

void Server::stop() {
  if (std::exchange(stopped_, true)) return;
  if (!running_.empty()) {
    log_.info("app.stopping");
    const auto done = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(running_.size()));
    for (std::size_t i = 0; i < running_.size(); ++i) {
      loops_->at(i % loops_->size()).spawn(stop_one(*running_[i].server, config_.stop_timeout, done), log_);
    }
    done->wait();
  }
  if (purge_ && purge_->done.get_future().wait_for(config_.stop_timeout) == std::future_status::timeout) {
    // Each of its commits is whole, and the next start goes on with it: the mail of a removed account holds up nothing.
    log_.warning("app.purge.interrupted", {{"next", "at the next start"}});
    std::_Exit(0);
  }
  running_.clear();
  bound_.clear();
  loops_.reset();
  api_.reset();
  delivery_.reset();
  mail_.reset();
  directory_.reset();
  store_.reset();
  pool_.reset();
  log_.info("app.stopped");
}

void Server::look_at_files() {
  if (certificates_.refresh()) start_waiting();
}

void Server::start_waiting() {
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    const Listener& listener = **waiting;
    if (!certificates_.acceptor(listener.name)) {
      ++waiting;
      continue;
    }
    // What could not be bound now is not tried each second: the log says what has to be done.
    if (const auto bound = bind_one(listener); !bound) {
      log_.error("app.listener.failed", {{"listener", listener.name}, {"why", bound.error().text}});
      bound_.clear();
    }
    for (Bound& bound : bound_) accept(std::move(bound));
    bound_.clear();
    waiting = waiting_.erase(waiting);
  }
}

std::optional<std::uint16_t> Server::port(std::string_view listener) const {
  const auto found = std::ranges::find(running_, listener, &Running::name);
  return found == running_.end() ? std::nullopt : std::optional(found->server->port());
}

admin::Status Server::status() const {
  admin::Status status;
  for (const Running& running : running_) {
    status.listeners.push_back(
        {.name = running.name, .port = running.server->port(), .sessions = running.server->sessions()});
  }
  status.certificates = certificates_.status();
  return status;
}

}  // namespace app
