#pragma once
// Directory: who is here. Domains, accounts with their addresses and credentials, aliases and groups, in the store. All
// changes are durable when their task completes and hold from the next look-up on; generation() lets a live session
// notice that something changed. All functions are safe from any loop's thread; those that return a Task read on the
// store's pool.
//
// Addresses are compared after normalize_address(): domain to lower-case A-labels (IDNA 2008), local part case-folded
// in UTF-8 NFC. An address exists once: as an account's address, as an alias or as a group. types.h has the values.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "directory/types.h"
#include "net/task.h"
#include "sasl/sasl.h"
#include "store/store.h"

namespace directory {

struct Config {
  std::size_t password_checks_at_once = 2;
  std::size_t password_checks_waiting = 1000;  // above this: busy
  std::size_t verified_credentials = 10'000;   // entries of the cache
  sasl::Enabled mechanisms;                    // what is kept of a password serves these
};

/// "Local@Example.ÖRG" -> "local@example.xn--rg-eka"; invalid with the reason in words.
base::Result<std::string> normalize_address(std::string_view address);
base::Result<std::string> normalize_domain(std::string_view domain);

class Directory {
 public:
  virtual ~Directory() = default;

  // Domains. add: exists, invalid (not a domain; the server's own hostname, which must not be a mail domain); with
  // `alias_of` a domain whose addresses are those of another one (not_found, conflict: that is an alias itself).
  // set: not_found, invalid (also: it is an alias), not_found (its catch-all leads nowhere). remove: not_found,
  // conflict (accounts, aliases or groups are left in it, or a domain is an alias of it).
  virtual net::Task<base::Result<void>> add_domain(std::string name, std::string alias_of = {},
                                                   DomainChange settings = {}) = 0;
  virtual net::Task<base::Result<void>> set_domain(std::string name, DomainChange change) = 0;
  virtual net::Task<base::Result<void>> remove_domain(std::string name) = 0;
  virtual net::Task<base::Result<std::vector<Domain>>> domains() = 0;
  virtual net::Task<base::Result<std::optional<Domain>>> domain(std::string name) = 0;

  // Accounts. add: not_found (no such domain), exists, invalid, too_large (the domain has as many as it may have). A
  // password is hashed on the pool. add_accounts makes all of them in one commit, or none; `skip_existing`: those whose
  // address is an account's already are left as they are.
  virtual net::Task<base::Result<std::vector<Account>>> add_accounts(std::vector<NewAccount> accounts,
                                                                     bool skip_existing = false) = 0;
  virtual net::Task<base::Result<Account>> add_account(std::string address, std::string password,
                                                       std::uint64_t quota_bytes) = 0;
  /// The account as it is then. not_found, invalid, too_large (more than kMaxGrants).
  virtual net::Task<base::Result<Account>> set_account(std::string address, AccountChange change) = 0;
  /// From here on the address is free, logins fail and no mail is taken; the mail is purged behind it: see removed().
  /// Groups lose the member.
  virtual net::Task<base::Result<base::AccountId>> remove_account(std::string address) = 0;
  virtual net::Task<base::Result<std::vector<Account>>> accounts() = 0;
  virtual net::Task<base::Result<std::optional<Account>>> account(std::string address) = 0;
  virtual net::Task<base::Result<std::optional<Account>>> account(base::AccountId id) = 0;

  /// Accounts that were removed and whose mail is not yet known to be gone; forget() ends that.
  virtual net::Task<base::Result<std::vector<base::AccountId>>> removed() = 0;
  virtual net::Task<base::Result<void>> forget(base::AccountId account) = 0;

  // Credentials: an account has its password, kPasswordName, and may have further ones with names, each of which is
  // good for a login within its limits; at most kMaxCredentials. add: exists, too_large. remove: conflict (the
  // account's own password). Any change ends the logins that were made with it. When one was last used is written
  // behind the login's back, about once a minute for all; a crash loses that minute.
  virtual net::Task<base::Result<base::AccountId>> add_credential(std::string address, std::string name,
                                                                  std::string password,
                                                                  CredentialLimits limits = {}) = 0;
  virtual net::Task<base::Result<base::AccountId>> set_credential(std::string address, std::string name,
                                                                  CredentialChange change) = 0;
  virtual net::Task<base::Result<base::AccountId>> remove_credential(std::string address, std::string name) = 0;
  virtual net::Task<base::Result<std::vector<CredentialInfo>>> credentials(std::string address) = 0;
  net::Task<base::Result<base::AccountId>> set_password(std::string address, std::string password) {
    return set_credential(std::move(address), std::string(kPasswordName), {.password = std::move(password)});
  }

  // Aliases and groups. add, set: not_found (no such domain; a group's member that is no account or group here),
  // exists, invalid (also: leads to too many), conflict (it would lead back to itself). An alias's target of ours need
  // not exist yet; see route(). remove: a group is taken out of the groups that it is a member of.
  virtual net::Task<base::Result<void>> add_alias(std::string address, std::vector<std::string> targets,
                                                  AliasKind kind = AliasKind::alias, AliasChange settings = {}) = 0;
  virtual net::Task<base::Result<void>> set_alias(std::string address, AliasKind kind, AliasChange change) = 0;
  virtual net::Task<base::Result<void>> remove_alias(std::string address, AliasKind kind = AliasKind::alias) = 0;
  virtual net::Task<base::Result<std::vector<Alias>>> aliases(AliasKind kind = AliasKind::alias) = 0;
  /// not_found.
  virtual net::Task<base::Result<Alias>> alias(std::string address, AliasKind kind = AliasKind::alias) = 0;

  /// The groups that the account with this address is a member of, also by way of other groups, each once.
  virtual net::Task<base::Result<std::vector<std::string>>> groups_of(std::string address) = 0;

  /// Whether `domain` (any form) is one of ours.
  virtual net::Task<base::Result<bool>> is_local_domain(std::string domain) = 0;

  /// Where mail for the address goes: the address itself, else what is left of it without "+tag", else its domain's
  /// catch-all; aliases and groups expanded (loops cut; targets of ours that are nobody's are logged and left out).
  /// not_found: a domain of ours but no such address; denied: not a domain of ours; invalid: malformed; unavailable:
  /// also an alias that has grown above 1,000 recipients or a depth of 10 (logged for the operator; a part of them
  /// would be a silent loss). "postmaster" without a domain, and at any of our domains when nothing is defined there,
  /// is the first account (RFC 5321 §4.5.1). A repeat completes without suspending.
  virtual net::Task<base::Result<Route>> route(std::string address) = 0;

  /// Verifies a login. denied: wrong name or password, or an account that is not active (which of them is not told, and
  /// all cost the same time); busy: too many checks are waiting. Answers repeats from a cache that a change of the
  /// credential empties. A right password outside its credential's limits is denied like a wrong one, and logged.
  virtual net::Task<base::Result<Identity>> authenticate(std::string login, std::string password,
                                                         Access access = {}) = 0;

  /// What is kept for `login` to check a mechanism that does not send the password. Where there is nothing (no such
  /// name, or nothing of this kind) the answer looks the same, each time, but for its empty list. Never slow.
  virtual net::Task<base::Result<sasl::Secrets>> secrets(std::string login, sasl::Wanted wanted) = 0;
  /// The login of who has proved to have the credential with this version, or (0) a certificate for this address.
  /// denied: not an address that may log in, or the credential is gone, or `access` is outside its limits.
  virtual net::Task<base::Result<Identity>> admit(std::string login, std::uint64_t credential_version,
                                                  Access access = {}) = 0;

  /// Grows with each change. A session that sees another value than its identity's calls recheck(), which is cheap
  /// when the value is the same.
  virtual std::uint64_t generation() const = 0;
  /// denied when the account is gone or not active, or its credential was changed or has expired; else the identity
  /// with the newest values.
  virtual net::Task<base::Result<Identity>> recheck(Identity identity) = 0;

  /// Whether the user may use the address as sender: its own with or without a tag, an alias or group that leads to it
  /// and may be sent as, or one that it was granted. Not what only a catch-all gives it.
  virtual net::Task<base::Result<bool>> may_send_as(Identity user, std::string address) = 0;

  /// Whether an alias's or group's rule lets mail from `sender` through to `recipient` (true for everything else).
  /// `user`: who sends it; without one only the sender's word counts, which anybody may give.
  virtual net::Task<base::Result<bool>> may_post(std::optional<Identity> user, std::string sender,
                                                 std::string recipient) = 0;

  /// Walks all records and reports what is wrong with them, and goes on. Blocks.
  virtual base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) = 0;
};

/// The room's tables, for what counts records.
std::vector<store::TableName> tables();

/// `hostname` is the server's own name, which may not become a mail domain. unsupported: it already is one.
base::Result<std::unique_ptr<Directory>> open(store::Store& store, const base::Clock& clock, base::Log log,
                                              Config config, std::string hostname);

}  // namespace directory
