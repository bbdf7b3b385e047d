#pragma once
// Private to the room (includes protobuf by way of tables.h): the one implementation of Directory. domains.cpp,
// accounts.cpp, credentials.cpp and aliases.cpp change, lookup.cpp answers what mail asks for, login.cpp checks
// passwords, check.cpp walks the records. What mail and sessions ask again and again is answered from caches of the
// current generation, without leaving the loop.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "directory/cache.h"
#include "directory/directory.h"
#include "directory/gate.h"
#include "directory/keep.h"
#include "directory/records.h"

namespace directory {

inline constexpr const char* kHostnameIsNoDomain =
    "mail for user@hostname belongs to the machine (its reports, its cron jobs, the name it shows to other servers), "
    "mail for user@domain to your users, and with one name for both nothing could tell one from the other";

// Rough bytes that a cached value holds.
inline std::size_t weight_of(bool) { return 128; }
std::size_t weight_of(const Account& account);
std::size_t weight_of(const Route& route);
std::size_t weight_of(const Login& login);

class Service final : public Directory {
 public:
  /// `hostname` is normalized, or empty when no mail domain can be equal to it.
  /// `secret` is the store's, or a new one: the first change keeps it.
  Service(store::Store& store, const base::Clock& clock, base::Log log, const Config& config, std::string hostname,
          std::string secret);
  /// Writes what is not written yet of who has logged in when.
  ~Service() override;

  net::Task<base::Result<void>> add_domain(std::string name, std::string alias_of, DomainChange settings) override;
  net::Task<base::Result<void>> set_domain(std::string name, DomainChange settings) override;
  net::Task<base::Result<void>> remove_domain(std::string name) override;
  net::Task<base::Result<std::vector<Domain>>> domains() override;
  net::Task<base::Result<std::optional<Domain>>> domain(std::string name) override;

  net::Task<base::Result<std::vector<Account>>> add_accounts(std::vector<NewAccount> accounts,
                                                             bool skip_existing) override;
  net::Task<base::Result<Account>> add_account(std::string address, std::string password,
                                               std::uint64_t quota_bytes) override;
  net::Task<base::Result<Account>> set_account(std::string address, AccountChange settings) override;
  net::Task<base::Result<base::AccountId>> remove_account(std::string address) override;
  net::Task<base::Result<std::vector<Account>>> accounts() override;
  net::Task<base::Result<std::optional<Account>>> account(std::string address) override;
  net::Task<base::Result<std::optional<Account>>> account(base::AccountId id) override;
  net::Task<base::Result<std::vector<base::AccountId>>> removed() override;
  net::Task<base::Result<void>> forget(base::AccountId account) override;

  net::Task<base::Result<base::AccountId>> add_credential(std::string address, std::string name, std::string password,
                                                          CredentialLimits limits) override;
  net::Task<base::Result<base::AccountId>> set_credential(std::string address, std::string name,
                                                          CredentialChange change) override;
  net::Task<base::Result<base::AccountId>> remove_credential(std::string address, std::string name) override;
  net::Task<base::Result<std::vector<CredentialInfo>>> credentials(std::string address) override;

  net::Task<base::Result<void>> add_alias(std::string address, std::vector<std::string> targets, AliasKind kind,
                                          AliasChange settings) override;
  net::Task<base::Result<void>> set_alias(std::string address, AliasKind kind, AliasChange settings) override;
  net::Task<base::Result<void>> remove_alias(std::string address, AliasKind kind) override;
  net::Task<base::Result<std::vector<Alias>>> aliases(AliasKind kind) override;
  net::Task<base::Result<Alias>> alias(std::string address, AliasKind kind) override;

  net::Task<base::Result<std::vector<std::string>>> groups_of(std::string address) override;

  net::Task<base::Result<bool>> is_local_domain(std::string domain) override;
  net::Task<base::Result<Route>> route(std::string address) override;
  net::Task<base::Result<Identity>> authenticate(std::string login, std::string password, Access access) override;
  net::Task<base::Result<sasl::Secrets>> secrets(std::string login, sasl::Wanted wanted) override;
  net::Task<base::Result<Identity>> admit(std::string login, std::uint64_t credential_version, Access access) override;
  std::uint64_t generation() const override { return generation_.load(std::memory_order_acquire); }
  net::Task<base::Result<Identity>> recheck(Identity identity) override;
  net::Task<base::Result<bool>> may_send_as(Identity user, std::string address) override;
  net::Task<base::Result<bool>> may_post(std::optional<Identity> user, std::string sender,
                                         std::string recipient) override;

  base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) override;

 private:
  /// A cached or freshly read value, and the generation at which it held. nullptr: the store has none.
  template <class Value>
  struct Found {
    std::shared_ptr<const Value> value;
    std::uint64_t generation = 0;
  };
  struct Verified {};

  /// The generation to look for in caches, and to file under what a snapshot taken from here on says.
  std::uint64_t begin_read();
  /// `read`: Result<optional<Value>>(const store::Reader&). Only values are cached, so that names that do not exist
  /// cannot push out those that do.
  template <class Value, class Read>
  net::Task<base::Result<Found<Value>>> look_up(Cache<Value>& cache, std::string key, std::uint64_t generation,
                                                Read read);
  net::Task<base::Result<Found<Login>>> login_of(mime::AddrSpec address);

  base::Result<std::optional<Route>> read_route(const store::Reader& reader, const mime::AddrSpec& address,
                                                std::uint64_t generation);
  base::Result<std::optional<Route>> read_postmaster(const store::Reader& reader) const;
  net::Task<base::Result<bool>> is_member(Route list, std::string sender);

  std::string verified_key(const Login& login, const Credential& credential, std::string_view password) const;

  net::Task<base::Result<void>> commit(store::Store::Closure closure, store::Kind kind = store::Kind::ordinary);
  /// What is to be kept of a new password of the account with that address.
  net::Task<base::Result<Kept>> keep(std::string address, std::string prepared_password);
  /// The same of a hash that was brought along.
  net::Task<base::Result<Kept>> keep_imported(std::string address, std::string hash);
  net::Task<base::Result<schema::DirectoryCredential>> make_credential(mime::AddrSpec account, std::string password);
  /// The record of a credential of an account that is not there yet, from a password, or a hash that was brought along.
  net::Task<base::Result<schema::DirectoryCredential>> new_credential(std::string address, std::string password,
                                                                      std::string hash);
  /// `credential` is null for who came by a certificate.
  static Identity identity_of(const Login& login, const Credential* credential, std::uint64_t generation);
  /// The login of who has the credential, when it comes from where that is good; it is remembered then.
  base::Result<Identity> admit_with(const Login& login, const Credential& credential, std::uint64_t generation,
                                    const Access& access);

  // uses.cpp: when a credential was last used.
  struct Use {
    base::AccountId account;
    std::uint32_t number = 0;
    std::uint64_t version = 0;
    CredentialUse use;
  };
  void note_use(base::AccountId account, const Credential& credential, const Access& access);
  void write_uses();
  /// By version: numbers of removed ones come back. Who wants to know all of them asks before it reads the store.
  std::map<std::uint64_t, Use> unwritten_uses();

  /// When what is kept of a password is not what would be kept today: makes it so, behind the login's back.
  void renew_later(const Login& login, const Credential& credential, const std::string& prepared);
  void renew_now(const Account& account, const Credential& credential, const std::string& prepared);

  store::Store& store_;
  const base::Clock& clock_;
  const base::Log log_;
  const std::string hostname_;
  /// Passwords that were checked, by the outcome. "remembered" cost nothing.
  struct Checks {
    base::Counter remembered, right, wrong, busy;
    base::Gauge waiting;
    base::Histogram seconds;
    explicit Checks(const base::Metrics& metrics);
  };
  const Checks counts_;
  const sasl::Enabled mechanisms_;
  std::atomic<std::uint64_t> generation_{1};
  // Writes that failed without saying whether they will be there once the engine was reopened, and how many of them are
  // known to be settled since.
  std::atomic<std::uint64_t> doubtful_{0};
  std::atomic<std::uint64_t> settled_{0};

  Cache<bool> local_domains_;  // also domains that are not ours
  Cache<Route> routes_;        // by address, and "postmaster"
  Cache<Login> logins_;        // by address
  Cache<Verified> verified_;   // by verified_key()
  const std::string cache_secret_;
  const std::string secret_;  // of the store, for what strangers are told of names that nobody has
  std::mutex uses_mutex_;
  std::map<std::uint64_t, Use> uses_;  // by version, those that are not written yet; guarded by uses_mutex_
  base::SteadyTime uses_written_;      // guarded by uses_mutex_
  std::mutex renewing_mutex_;
  std::set<std::uint64_t> renewing_;  // versions of credentials
  // Last, so that they are gone first: what they run uses the rest.
  Gate checks_;
  Gate hashing_;  // for new passwords: a flood of logins must not keep the operator out
  Gate renewals_;
};

template <class Value, class Read>
net::Task<base::Result<Service::Found<Value>>> Service::look_up(Cache<Value>& cache, std::string key,
                                                                std::uint64_t generation, Read read) {
  if (auto hit = cache.get(key, generation)) co_return Found<Value>{std::move(hit), generation};
  CO_TRY_ASSIGN(auto value, co_await store_.read(std::move(read)));
  Found<Value> found{nullptr, generation};
  if (value) {
    found.value = std::make_shared<const Value>(*std::move(value));
    cache.put(key, found.value, generation, weight_of(*found.value) + 2 * key.size());
  }
  co_return found;
}

}  // namespace directory
