#include "directory/service.h"

#include "base/text.h"
#include "crypto/random.h"

namespace directory {
namespace {

// Rough bytes that each cache may keep; they fill with use only.
constexpr std::size_t kDomainCacheBytes = 512 << 10;
constexpr std::size_t kRouteCacheBytes = 8 << 20;
constexpr std::size_t kLoginCacheBytes = 8 << 20;

constexpr std::size_t kSecretBytes = 32;

constexpr std::size_t kEntryBytes = 256;  // an entry's share of list, map and allocations

/// The store's secret, or one for it to keep.
base::Result<std::string> find_secret(const store::Reader& reader) {
  TRY_ASSIGN(auto record, reader.get(kSecret, std::tuple(0u)));
  return record ? std::move(*record->mutable_value()) : crypto::random_bytes(kSecretBytes);
}

base::Result<void> keep_secret(store::Txn& txn, const std::string& secret) {
  TRY_ASSIGN(const auto record, txn.get(kSecret, std::tuple(0u)));
  if (record) return {};
  schema::DirectorySecret kept;
  kept.set_value(secret);
  txn.put(kSecret, std::tuple(0u), kept);
  return {};
}

}  // namespace

std::size_t weight_of(const Account& account) {
  std::size_t bytes = sizeof account + account.address.size() + account.name.size();
  for (const std::string& grant : account.send_as) bytes += sizeof grant + grant.size();
  return bytes;
}

std::size_t weight_of(const Route& route) {
  std::size_t bytes = kEntryBytes;
  for (const Account& account : route.accounts) bytes += weight_of(account);
  for (const Route::Remote& remote : route.remotes) bytes += sizeof remote + remote.address.size();
  for (const std::string& sender : route.named) bytes += sizeof sender + sender.size();
  return bytes + route.senders.size() * sizeof(base::AccountId);
}

std::size_t weight_of(const Login& login) {
  std::size_t bytes = kEntryBytes + weight_of(login.account);
  for (const Credential& credential : login.credentials) {
    bytes += sizeof credential + credential.hash.size();
    for (const std::string& keys : credential.scram) bytes += sizeof keys + keys.size();
    bytes += credential.name.size() + credential.limits.networks.size() * sizeof(base::Network);
    for (const std::string& protocol : credential.limits.protocols) bytes += sizeof protocol + protocol.size();
  }
  return bytes;
}

Service::Checks::Checks(const base::Metrics& metrics) {
  const auto counter = [&metrics](std::string_view result) {
    return metrics.counter("postrider_password_checks_total",
                           "Passwords that were checked, by result; remembered ones cost nothing.",
                           {{"result", result}});
  };
  remembered = counter("remembered");
  right = counter("right");
  wrong = counter("wrong");
  busy = counter("busy");
  waiting = metrics.gauge("postrider_password_checks_waiting", "Logins that wait for a password check.");
  seconds = metrics.histogram("postrider_password_check_seconds", "From a login to the end of its password check.",
                              base::kSecondsBounds);
}

Service::Service(store::Store& store, const base::Clock& clock, base::Log log, const Config& config,
                 std::string hostname, std::string secret)
    : store_(store),
      clock_(clock),
      log_(std::move(log)),
      hostname_(std::move(hostname)),
      counts_(log_.metrics()),
      mechanisms_(config.mechanisms),
      local_domains_(kDomainCacheBytes),
      routes_(kRouteCacheBytes),
      logins_(kLoginCacheBytes),
      verified_(config.verified_credentials),
      cache_secret_(crypto::random_bytes(kSecretBytes)),
      secret_(std::move(secret)),
      uses_written_(clock.steady() - std::chrono::hours(1)),
      checks_(store.pool(), config.password_checks_at_once, config.password_checks_waiting, counts_.waiting),
      hashing_(store.pool(), 1, config.password_checks_waiting),
      renewals_(store.pool(), 1, config.password_checks_waiting) {}

std::uint64_t Service::begin_read() {
  // A write whose sync failed is refused, yet may be found in the log when the engine is reopened. Until then, and once
  // more right after it, every look-up begins a generation of its own: nothing cached before is believed.
  const auto doubtful = doubtful_.load();
  if (doubtful == settled_.load()) return generation();
  const bool reopened = store_.accepts_writes();
  const auto generation = generation_.fetch_add(1) + 1;
  if (reopened) settled_.store(doubtful);
  return generation;
}

net::Task<base::Result<void>> Service::commit(store::Store::Closure closure, store::Kind kind) {
  std::vector<store::Owner> owners{store::Owner::directory()};
  auto with_secret = [this, closure = std::move(closure)](store::Txn& txn) mutable -> base::Result<void> {
    TRY(closure(txn));
    return keep_secret(txn, secret_);
  };
  auto written = co_await store_.write(std::move(owners), std::move(with_secret), kind);
  if (written) {
    generation_.fetch_add(1);
  } else if (written.error().code == base::Code::unavailable || written.error().code == base::Code::no_space) {
    doubtful_.fetch_add(1);
  }
  co_return written;
}

base::Result<std::unique_ptr<Directory>> open(store::Store& store, const base::Clock& clock, base::Log log,
                                              Config config, std::string hostname) {
  // What is no domain name (an address literal, a machine's odd name) cannot be a mail domain either.
  const auto name = normalize_domain(hostname);
  TRY_ASSIGN(const auto reader, store.reader());
  if (name) {
    TRY_ASSIGN(const bool is_domain, has_domain(*reader, *name));
    if (is_domain) {
      return base::fail(base::Code::unsupported,
                        *name + " is this server's hostname and also a mail domain in its store: " +
                            kHostnameIsNoDomain + ". Give the server another hostname, for example mail." + *name);
    }
  }
  TRY_ASSIGN(std::string secret, find_secret(*reader));
  return std::make_unique<Service>(store, clock, std::move(log), config, name ? *name : std::string(),
                                   std::move(secret));
}

}  // namespace directory
