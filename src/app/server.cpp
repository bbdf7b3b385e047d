#include "app/server.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
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
constexpr const char* kMetrics = "metrics";
constexpr const char* kSendmail = "sendmail";
constexpr std::size_t kSendmailConnections = 100;
constexpr unsigned kSendmailMode = 0666;
constexpr std::chrono::seconds kStorePatience{3};
constexpr std::chrono::milliseconds kStorePause{50};

std::size_t loop_count(const Config& config) {
  return config.threads > 0 ? config.threads : std::max(1u, std::thread::hardware_concurrency());
}

bool is_smtp(Protocol protocol) { return protocol != Protocol::imap && protocol != Protocol::imaps; }

guard::Group group_of(Protocol protocol) {
  return protocol == Protocol::smtp ? guard::Group::strangers : guard::Group::users;
}

smtp::Service service_of(Protocol protocol) {
  if (protocol == Protocol::lmtp) return smtp::Service::lmtp;
  return protocol == Protocol::smtp ? smtp::Service::mx : smtp::Service::submission;
}

/// Whether an address is in one of the networks.
net::Server::Whether within(std::vector<base::Network> networks) {
  return [networks = std::move(networks)](std::string_view address) { return contains(networks, address); };
}

/// What a connection above the limits is told; nothing where it would have to be told over TLS. RFC 9051 §7.1.5.
std::string too_many(const Config& config, const Listener& listener) {
  if (listener.tls == TlsMode::implicit) return {};
  return is_smtp(listener.protocol) ? smtp::too_many_connections(config.hostname) : imap::too_many_connections();
}

/// The same for one that the guard turns away.
std::string refusal_line(const std::string& hostname, const Listener& listener, const guard::Refusal& refusal) {
  if (listener.tls == TlsMode::implicit) return {};
  return is_smtp(listener.protocol) ? smtp::refused_connection(hostname, refusal) : imap::refused_connection(refusal);
}

/// Who is not looked at by address: those whom the operator knows. A proxy's own connections are health checks.
net::Server::Whether exempt(const Listener& listener) {
  return [trusted = listener.trusted, relay = listener.relay, proxies = listener.proxies](std::string_view address) {
    return contains(trusted, address) || contains(relay, address) || contains(proxies, address);
  };
}

/// A report of how TLS went is mail of this server itself (RFC 8460 §3), which waits in the queue like any other.
net::Task<base::Result<void>> send_report(delivery::Delivery* delivery, base::Log log, outbound::ReportMail report) {
  smtp::Peer peer;
  peer.relays = true;
  peer.local = smtp::LocalUser{.uid = ::geteuid(), .name = "postrider", .any_sender = true};
  smtp::Envelope envelope{.declared_size = {}, .hold = {}, .deliver_by = {}};
  for (std::string& to : report.to) envelope.recipients.push_back({.address = std::move(to)});
  CO_TRY_ASSIGN(const auto sink, co_await delivery->begin(std::move(envelope), std::nullopt, peer, std::move(log)));
  CO_TRY(co_await sink->write(report.message));
  CO_TRY(co_await sink->accept());
  co_return base::Result<void>();
}

net::Task<void> stop_one(net::Server& server, std::chrono::seconds grace, std::shared_ptr<std::latch> done) {
  co_await server.stop(grace);
  done->count_down();
}

net::Task<void> stop_queue(queue::Queue& queue, std::chrono::seconds grace, std::shared_ptr<std::latch> done) {
  co_await queue.stop(grace);
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
                             guard::Guard& guard, base::Log log) {
    const Ended ended{*purge};
    const auto result = co_await admin::purge_removed(directory, mail, guard, log);
    if (!result) log.warning("app.purge.failed", {{"why", result.error().text}, {"next", "at the next start"}});
  }
};

Server::Server(Config config, const base::Clock& clock, base::Log log, ReadConfig read, Inherited inherited)
    : config_(config),
      smtp_config_(config.smtp),
      imap_config_(config.imap),
      delivery_config_(config.delivery),
      guard_config_(config.guard),
      clock_(clock),
      log_(std::move(log)),
      read_(std::move(read)),
      privileged_(std::move(inherited.privileged)),
      sockets_(std::move(inherited.sockets)),
      certificates_(*privileged_, clock_, log_),
      watch_(*privileged_) {}

base::Result<std::unique_ptr<Server>> Server::start(Config config, const base::Clock& clock, base::Log log,
                                                    ReadConfig read, Inherited inherited) {
  config.settle();
  log.info("app.start",
           {{"version", version()}, {"hostname", config.hostname}, {"data", config.data_dir}, {"pid", ::getpid()}});
  raise_file_limit(files_wanted(config), log);
  std::unique_ptr<Server> server(new Server(std::move(config), clock, log, std::move(read), std::move(inherited)));
  TRY_ASSIGN(auto sockets, server->bind());
  TRY(server->open());
  TRY(server->serve_admin());
  TRY(server->serve_metrics());
  server->serve_sendmail();
  TRY(server->bind_paths(sockets));
  TRY(server->start_queue());
  server->listeners_->adopt(std::move(sockets), [&](const Listener& listener) { return server->service(listener); });
  server->resume_purges();
  return server;
}

Server::~Server() { stop(); }

std::uint64_t Server::files_wanted(const Config& config) { return config.connections.connections + kOtherFiles; }

base::Result<Listeners::Prepared> Server::bind() {
  // No program that we might start may have more rights than we; before there are threads, because it is theirs too.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const auto config = config_.get();
  loops_ = std::make_unique<net::Loops>(loop_count(*config));
  drop_unknown_sockets();
  listeners_ = std::make_unique<Listeners>(*loops_, *privileged_, sockets_, log_);
  TRY_ASSIGN(auto certificates, certificates_.prepare(*config));
  certificates_.adopt(std::move(certificates));
  std::vector<Listener> with_port = config->listeners;
  std::erase_if(with_port, [](const Listener& listener) { return !listener.path.empty(); });  // see bind_paths()
  return listeners_->prepare(ready(with_port));
}

void Server::drop_unknown_sockets() {
  const auto config = config_.get();
  for (const auto& [name, count] : sockets_.counts()) {
    if (std::ranges::find(config->listeners, name, &Listener::name) != config->listeners.end()) continue;
    log_.warning(
        "app.socket.unknown",
        {{"name", name}, {"why", "a socket of this name was handed over, and no listener has it: it is closed"}});
    sockets_.drop(name);
  }
}

base::Result<void> Server::open() {
  const auto config = config_.get();
  TRY(prepare_directory(config->data_dir, config->user));
  prepare_sendmail();
  if (!config->user.empty()) TRY(become(config->user));
  TRY(check_directory(config->data_dir));
  pool_ = std::make_unique<net::Pool>(config->workers, log_.metrics());
  TRY(open_store(config->store));
  TRY_ASSIGN(directory_, directory::open(*store_, clock_, log_, config->directory, config->hostname));
  leave_hostname();
  mail_ = mailstore::open(*store_, clock_, log_);
  TRY_ASSIGN(guard_, guard::open(*store_, clock_, log_, guard_config_));
  TRY(open_outbound());
  delivery_ = delivery::open(*store_, *directory_, *mail_, clock_, log_, delivery_config_, guard_.get());
  api_ = std::make_unique<admin::Api>(admin::Services{*directory_, *mail_, *delivery_, *store_, clock_, *guard_},
                                      admin_settings(), log_);
  std::string why;
  const bool writes = store_->accepts_writes(&why);
  log_.info("app.store", {{"directory", config->store.directory}, {"writes", writes ? "yes" : why.c_str()}});
  if (config->store.no_sync) {
    log_.warning("app.store.unsafe",
                 {{"why", "syncs are switched off: a power cut loses mail. For tests of tests only"}});
  }
  return {};
}

base::Result<void> Server::open_outbound() {
  const auto config = config_.get();
  TRY_ASSIGN(resolver_, dns::make_resolver(config->dns, log_));
  TRY_ASSIGN(outbound_, outbound::open({.resolver = *resolver_,
                                        .store = *store_,
                                        .clock = clock_,
                                        .loop = &loops_->at(0),
                                        .start_command =
                                            [this](const outbound::Pipe& pipe, const outbound::PipeValues& values) {
                                              return privileged_->start(pipe, values);
                                            }},
                                       config->outbound, log_));
  return {};
}

/// A command of the operator may have the store for a moment: that is no reason not to start.
base::Result<void> Server::open_store(const store::Options& options) {
  const auto give_up = clock_.steady() + kStorePatience;
  for (;;) {
    auto opened = store::open_embedded(options, *pool_, clock_, log_);
    if (opened) {
      store_ = *std::move(opened);
      return {};
    }
    if (opened.error().code != base::Code::busy || clock_.steady() > give_up) return std::unexpected(opened.error());
    std::this_thread::sleep_for(kStorePause);
  }
}

void Server::leave_hostname() {
  const auto config = config_.get();
  if (const auto known = read_file(config->hostname_path(), 1024); known && *known == config->hostname + "\n") return;
  // Not worth a start: with a full disk the old name, or none, has to do.
  if (const auto written = write_file(config->hostname_path(), config->hostname + "\n", 0644); !written) {
    log_.warning("app.hostname.unwritten", {{"why", written.error().text}});
  }
}

base::Result<void> Server::serve_admin() {
  socket_path_ = std::make_unique<admin::SocketPath>(config_.get()->data_dir);
  auto socket = net::listen_unix(loops_->at(0), socket_path_->path(), kAdminMode);
  if (!socket) return base::fail(socket.error().code, "the admin socket: " + socket.error().text);
  net::Server::Options options{
      .name = "admin",
      .limits = {.connections = kAdminConnections, .connections_per_address = kAdminConnections},
      .too_many = "{\"ok\":false,\"code\":\"busy\",\"error\":\"too many admin connections at once\"}\n"};
  auto serve = [this](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
    return admin::serve(std::move(stream), *api_, std::move(log), std::move(stopping));
  };
  log_.info("app.listen", {{"listener", "admin"}, {"address", config_.get()->socket_path()}});
  admin_ = std::make_unique<net::Server>(*std::move(socket), loops_->at(0), *loops_, std::move(options),
                                         std::move(serve), log_);
  admin_->start();
  return {};
}

/// Sockets in the file system belong to the user that the server has become.
base::Result<void> Server::bind_paths(Listeners::Prepared& prepared) {
  std::vector<Listener> with_path = config_.get()->listeners;
  std::erase_if(with_path, [](const Listener& listener) { return listener.path.empty(); });
  TRY_ASSIGN(auto more, listeners_->prepare(ready(with_path)));
  std::ranges::move(more.sockets, std::back_inserter(prepared.sockets));
  return {};
}

Listeners::Service Server::service(const Listener& listener) {
  const auto config = config_.get();
  net::Server::Options options{
      .name = listener.name, .limits = config->connections, .too_many = too_many(*config, listener)};
  if (!listener.allowed.empty()) options.allowed = within(listener.allowed);
  if (!listener.proxies.empty()) options.proxies = within(listener.proxies);
  if (listener.protocol != Protocol::lmtp) options.admit = admission(*config, listener);
  return {.options = std::move(options), .serve = session(listener)};
}

/// The client of LMTP is another server of ours, which answers for what it lets in.
std::function<std::optional<net::Server::Turned>(std::string_view address)> Server::admission(
    const Config& config, const Listener& listener) {
  const guard::Group group = group_of(listener.protocol);
  return [this, group, spared = exempt(listener), hostname = config.hostname,
          listener](std::string_view address) -> std::optional<net::Server::Turned> {
    const auto refusal = guard_->connect(guard::Visitor::of(address, group, spared(address)));
    if (!refusal) return std::nullopt;
    return net::Server::Turned{.line = refusal_line(hostname, listener, *refusal),
                               .why = refusal->banned ? "banned" : "too often"};
  };
}

net::Server::Serve Server::session(const Listener& listener) {
  const auto trusted = within(listener.trusted);
  const bool offers_tls = listener.tls != TlsMode::none;
  // The certificate of now is for sessions that are still open when the listener is gone.
  const auto tls = [this, offers_tls, name = listener.name, of_now = certificates_.acceptor(listener.name)] {
    if (!offers_tls) return std::shared_ptr<const tls::Acceptor>();
    auto newest = certificates_.acceptor(name);
    return newest ? newest : of_now;
  };
  const bool implicit = listener.tls == TlsMode::implicit;
  if (is_smtp(listener.protocol)) {
    const auto service = service_of(listener.protocol);
    guard::Guard* const guarding = service == smtp::Service::lmtp ? nullptr : guard_.get();
    const auto mode = std::make_shared<const smtp::Mode>(smtp::Mode{.service = service,
                                                                    .implicit_tls = implicit,
                                                                    .hide_clients = listener.hide_clients,
                                                                    .plaintext_auth = listener.plaintext_auth,
                                                                    .trusted = trusted,
                                                                    .relay = within(listener.relay),
                                                                    .guard = guarding,
                                                                    .exempt = exempt(listener),
                                                                    .resolver = resolver_.get(),
                                                                    .metrics = smtp::Metrics(log_.metrics(), service)});
    return [this, mode, tls](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
      return smtp::serve(std::move(stream), *delivery_, smtp_config_, mode, tls, clock_, std::move(log),
                         std::move(stopping));
    };
  }
  const auto mode = std::make_shared<const imap::Mode>(imap::Mode{.implicit_tls = implicit,
                                                                  .plaintext_auth = listener.plaintext_auth,
                                                                  .trusted = trusted,
                                                                  .guard = guard_.get(),
                                                                  .exempt = exempt(listener),
                                                                  .metrics = imap::Metrics(log_.metrics())});
  return [this, mode, tls](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
    return imap::serve(std::move(stream), imap::Services{*directory_, *mail_, *store_, clock_}, imap_config_, mode, tls,
                       std::move(log), std::move(stopping));
  };
}

/// While this may be root's process. What fails here is told when the spool is prepared.
void Server::prepare_sendmail() {
  const auto config = config_.get();
  (void)prepare_directory(config->spool_path(), config->user);
}

/// Mail of this machine's programs. A server that cannot have a spool serves all others.
void Server::serve_sendmail() {
  const auto config = config_.get();
  const sendmail::Spool spool{config->spool_path()};
  const auto unavailable = [&](const base::Error& error) {
    log_.warning("sendmail.unavailable",
                 {{"why", error.text}, {"next", "programs of this machine cannot hand over mail"}});
  };
  if (const auto prepared = sendmail::prepare(spool, config->hostname); !prepared) return unavailable(prepared.error());
  const admin::SocketPath path(spool.directory, "socket");
  auto socket = net::listen_unix(loops_->at(0), path.path(), kSendmailMode);
  if (!socket) return unavailable(socket.error());
  taker_ = std::make_shared<sendmail::Taker>(spool, *delivery_, *pool_, clock_, log_);
  net::Server::Options options{
      .name = kSendmail,
      .limits = {.connections = kSendmailConnections, .connections_per_address = kSendmailConnections},
      .too_many = sendmail::format_answer({.text = "too many ask at once"})};
  auto serve = [taker = taker_](std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
    return taker->serve(std::move(stream), std::move(log), std::move(stopping));
  };
  log_.info("app.listen", {{"listener", kSendmail}, {"address", spool.socket()}});
  sendmail_ = std::make_unique<net::Server>(*std::move(socket), loops_->at(0), *loops_, std::move(options),
                                            std::move(serve), log_);
  sendmail_->start();
  loops_->at(0).spawn(taker_->run(), log_);
}

void Server::resume_purges() {
  purge_ = std::make_shared<Purge>();
  loops_->at(0).spawn(Purge::run(purge_, *directory_, *mail_, *guard_, log_), log_);
}

base::Result<void> Server::start_queue() {
  outbound_->set_report_sink([delivery = delivery_.get(), log = log_](outbound::ReportMail report) {
    return send_report(delivery, log, std::move(report));
  });
  return delivery_->queue().start(*loops_, *outbound_);
}

void Server::stop() {
  {
    const std::lock_guard lock(changing_);
    if (std::exchange(stopped_, true)) return;
  }
  if (store_) store_->interrupt();
  const auto grace = config_.get()->stop_timeout;
  std::vector<net::Server*> servers = listeners_ ? listeners_->servers() : std::vector<net::Server*>();
  if (admin_) servers.push_back(admin_.get());
  if (sendmail_) servers.push_back(sendmail_.get());
  for (const auto& server : metrics_) servers.push_back(server.get());
  if (!servers.empty()) {
    log_.info("app.stopping");
    const auto done = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(servers.size() + 1));
    loops_->at(0).spawn(stop_queue(delivery_->queue(), grace, done), log_);
    for (std::size_t i = 0; i < servers.size(); ++i) {
      loops_->at(i % loops_->size()).spawn(stop_one(*servers[i], grace, done), log_);
    }
    done->wait();
  }
  if (taker_) taker_->stop();
  if (purge_ && purge_->done.get_future().wait_for(grace) == std::future_status::timeout) {
    // Each of its commits is whole, and the next start goes on with it: the mail of a removed account holds up nothing.
    log_.warning("app.purge.interrupted", {{"next", "at the next start"}});
    std::_Exit(0);
  }
  if (outbound_) outbound_->stop();
  listeners_.reset();
  admin_.reset();
  sendmail_.reset();
  metrics_.clear();
  loops_.reset();
  taker_.reset();
  monitor_.reset();
  api_.reset();
  delivery_.reset();
  guard_.reset();
  outbound_.reset();
  resolver_.reset();
  mail_.reset();
  directory_.reset();
  store_.reset();
  pool_.reset();
  log_.info("app.stopped");
}

std::optional<std::uint16_t> Server::port(std::string_view listener) const {
  if (listener == kMetrics) return metrics_.empty() ? std::nullopt : std::optional(metrics_.front()->port());
  return listeners_->port(listener);
}

admin::Status Server::status() const {
  admin::Status status{.listeners = listeners_->status()};
  status.listeners.push_back(
      {.name = "admin", .port = 0, .sessions = admin_->sessions(), .failed_sessions = admin_->failed_sessions()});
  if (sendmail_) {
    status.listeners.push_back({.name = kSendmail,
                                .port = 0,
                                .sessions = sendmail_->sessions(),
                                .failed_sessions = sendmail_->failed_sessions()});
  }
  for (const auto& server : metrics_) {
    status.listeners.push_back({.name = kMetrics,
                                .port = server->port(),
                                .sessions = server->sessions(),
                                .failed_sessions = server->failed_sessions()});
  }
  status.certificates = certificates_.status();
  return status;
}

admin::Settings Server::admin_settings() {
  return {.hostname = config_.get()->hostname,
          .version = version(),
          .mailbox_quota_bytes = [this] { return config_.get()->mailbox_quota_bytes; },
          .outbound = outbound_.get(),
          .status = [this] { return status(); },
          .reload = [this]() -> base::Result<admin::Reload> {
            const Reloaded done = reload("command");
            if (done.mistakes.empty()) return admin::Reload{done.changes.changed, done.changes.waiting};
            return base::fail(base::Code::invalid,
                              "the configuration has mistakes, and nothing was changed:\n" + located(done.mistakes));
          },
          .sessions = [this] { return list_sessions(listeners_->session_sources()); },
          .end_sessions =
              [this](const std::vector<std::uint64_t>& ids, std::chrono::seconds grace) {
                return end_sessions(listeners_->session_sources(), ids, grace);
              },
          // As the operator's own SIGTERM would: the main thread waits for it.
          .stop = [] { ::kill(::getpid(), SIGTERM); }};
}

}  // namespace app
