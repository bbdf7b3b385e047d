#include "app/dev.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <mutex>

#include "app/exit.h"
#include "app/files.h"
#include "app/key_files.h"
#include "app/run.h"
#include "app/values.h"
#include "base/text.h"

namespace app {

namespace {

constexpr unsigned kHttp = 80;
constexpr unsigned kPrivileged = 1024;  // the ports that are shifted are below it
constexpr std::size_t kMaxUsers = 100'000;
constexpr std::size_t kUsersAtOnce = 8;

base::Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char here[4096];
  if (!::getcwd(here, sizeof here)) return std::unexpected(system_error("cannot tell the current directory", errno));
  return std::string(here) + "/" + path;
}

/// Users that are to exist with a password; several tasks take them one after another, since a password's hash costs a
/// core 20 ms.
struct Wanted {
  std::vector<std::string> missing;
  std::vector<std::string> outdated;  // they exist with another password
  std::string password;
  std::uint64_t quota_bytes = 0;

  std::atomic<std::size_t> next = 0;
  std::latch done{kUsersAtOnce};
  std::mutex mutex;
  std::optional<base::Error> error;  // guarded by mutex; the first one

  void fail(base::Error what) {
    const std::lock_guard lock(mutex);
    if (!error) error = std::move(what);
  }
};

net::Task<void> make_users(directory::Directory& directory, std::shared_ptr<Wanted> wanted) {
  struct Ended {
    Wanted& wanted;
    ~Ended() { wanted.done.count_down(); }
  };
  const Ended ended{*wanted};
  const std::size_t all = wanted->missing.size() + wanted->outdated.size();
  for (std::size_t i = wanted->next++; i < all; i = wanted->next++) {
    if (i < wanted->missing.size()) {
      const auto added = co_await directory.add_account(wanted->missing[i], wanted->password, wanted->quota_bytes);
      if (!added) wanted->fail(added.error());
    } else {
      const auto changed =
          co_await directory.set_password(wanted->outdated[i - wanted->missing.size()], wanted->password);
      if (!changed) wanted->fail(changed.error());
    }
  }
}

net::Task<base::Result<void>> find_users(directory::Directory& directory, std::string domain, std::size_t count,
                                         std::shared_ptr<Wanted> wanted) {
  CO_TRY_ASSIGN(const bool known, co_await directory.is_local_domain(domain));
  if (!known) CO_TRY(co_await directory.add_domain(domain));
  bool asked = false;
  bool same_password = true;
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string address = "u" + std::to_string(i) + "@" + domain;
    CO_TRY_ASSIGN(const auto account, co_await directory.account(address));
    if (!account) {
      wanted->missing.push_back(address);
      continue;
    }
    if (!asked) {  // one speaks for all: they were made by a run of this with one password
      const auto login = co_await directory.authenticate(address, wanted->password);
      if (!login && login.error().code != base::Code::denied) co_return std::unexpected(login.error());
      same_password = login.has_value();
      asked = true;
    }
    if (!same_password) wanted->outdated.push_back(address);
  }
  co_return base::Result<void>();
}

base::Result<void> ensure_users(Server& server, const DevOptions& options) {
  TRY_ASSIGN(const std::string domain, directory::normalize_domain(options.domain));
  const auto wanted = std::make_shared<Wanted>();
  wanted->password = options.password;
  wanted->quota_bytes = server.config()->mailbox_quota_bytes;
  TRY(net::run(find_users(server.directory(), domain, options.users, wanted)));
  for (std::size_t i = 0; i < kUsersAtOnce; ++i) {
    server.loops().at(i % server.loops().size()).spawn(make_users(server.directory(), wanted));
  }
  wanted->done.wait();
  const std::lock_guard lock(wanted->mutex);
  if (wanted->error) return std::unexpected(*wanted->error);
  return {};
}

/// The file on top of developer mode's own configuration, and the certificate that it makes.
Loaded read_dev(const DevOptions& options, const Sources& sources) {
  Loaded loaded;
  const auto refuse = [&](const base::Error& error) {
    loaded.mistakes.push_back({{"developer mode", 0}, error.text});
    return std::move(loaded);
  };
  auto base = dev_config(options);
  if (!base) return refuse(base.error());
  base->metrics.addresses = {options.host};
  base->metrics.port = static_cast<std::uint16_t>(options.base_port + kHttp);
  const std::string directory = base->data_dir;
  loaded = options.config_file.empty() ? load("", "developer mode", *std::move(base), sources)
                                       : load_file(options.config_file, *std::move(base), sources);
  if (!loaded.mistakes.empty()) return loaded;
  Config& config = loaded.config;
  config.data_dir = directory;  // --dir says where, also when the file is a production server's
  if (const auto made = make_directories(config.data_dir, 0700); !made) return refuse(made.error());
  if (config.tls.certificate.empty()) {
    const std::vector<std::string> names{config.hostname, options.domain, "localhost", "127.0.0.1", "::1"};
    auto files = dev_certificate(config.data_dir, names, base::system_clock().now());
    if (!files) return refuse(files.error());
    config.tls = *std::move(files);
  }
  config.settle();
  return loaded;
}

}  // namespace

base::Result<Config> dev_config(const DevOptions& options) {
  const auto invalid = [](std::string text) { return base::fail(base::Code::invalid, std::move(text)); };
  if (options.directory.empty()) return invalid("--dir must not be empty");
  if (options.base_port < kPrivileged || options.base_port > 65535 - kPrivileged) {
    return invalid("--base-port must be from 1024 to 64511");
  }
  if (!base::is_numeric_address(options.host))
    return invalid("--host must be a numeric address such as 127.0.0.1, not \"" + base::printable(options.host) + "\"");
  if (options.users > kMaxUsers) return invalid("--users must be at most 100000");
  if (options.password.empty()) return invalid("--password must not be empty");
  TRY_ASSIGN(const std::string domain, directory::normalize_domain(options.domain));

  Config config;
  config.hostname = "mail." + domain;
  TRY_ASSIGN(config.data_dir, absolute(options.directory));
  config.connections = {.connections = 10'000, .connections_per_address = 10'000};
  // Of addresses only strangers' are counted, and loopback is trusted; its users may send as they like, too.
  config.guard.account = {};
  config.guard.messages_per_day = config.guard.new_recipients_per_day = 0;
  config.store.no_sync = options.no_sync;
  if (!options.smarthost.empty()) {
    auto hosts = RouteHosts::parse(Raw(options.smarthost));
    if (!hosts) return invalid("--smarthost " + hosts.error().text);
    config.delivery.queue.smarthost = *std::move(hosts);
  }
  config.listeners = standard_listeners();
  for (Listener& listener : config.listeners) {
    listener.addresses = {options.host};
    listener.port = static_cast<std::uint16_t>(options.base_port + listener.port);
    listener.trusted = base::loopback_networks();
    listener.plaintext_auth = true;
    if (options.proxy_protocol) listener.proxies = listener.trusted;
  }
  if (!options.resolver.empty()) {
    // What answers there is a test's, which signs nothing unless the file on top says otherwise.
    TRY(dns::parse_server(options.resolver));
    config.dns.servers = {options.resolver};
    config.dns.special_names = {"test"};
    config.dns.validate = false;
  }
  config.settle();
  return config;
}

base::Result<TlsFiles> dev_certificate(const std::string& directory, const std::vector<std::string>& names,
                                       base::WallTime now) {
  const TlsFiles files{directory + "/certificate.pem", directory + "/key.pem", {}};
  if (exists(files.certificate)) {
    TRY_ASSIGN(const tls::KeyPair pair, read_key_pair(files, *in_this_process()));
    TRY_ASSIGN(const auto info, tls::inspect(pair.certificate_pem));
    if (info.not_after > now) return files;
  }
  // The key first: a certificate is only there when its key is.
  TRY_ASSIGN(const tls::KeyPair pair, tls::make_self_signed(names, now));
  TRY(write_file(files.key, pair.key_pem, 0600));
  TRY(write_file(files.certificate, pair.certificate_pem, 0644));
  return files;
}

int run_dev(const DevOptions& options) {
  return run_server([&options](const Sources& sources) { return read_dev(options, sources); },
                    {.when_ready = [&options](Server& server) -> base::Result<void> {
                       TRY(ensure_users(server, options));
                       std::puts("ready");
                       std::fflush(stdout);
                       return {};
                     },
                     .hangup_reloads = false});
}

}  // namespace app
