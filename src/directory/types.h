#pragma once
// The values that the directory gives and takes. In a …Change an absent member means "as it is", and where something is
// added, "as it is by default".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/network.h"
#include "base/quota.h"

namespace directory {

inline constexpr std::uint64_t kDefaultQuota = 1ull << 30;  // bytes
inline constexpr std::string_view kDefaultSeparator = "+";
inline constexpr std::string_view kPasswordName = "password";  // of the credential that every account has
inline constexpr std::size_t kMaxCredentials = 16;
inline constexpr std::size_t kMaxGrants = 100;     // of one account
inline constexpr std::size_t kMaxGroupsOf = 1000;  // of one account: further ones are not looked for

struct Domain {
  std::string name;
  std::string alias_of;   // not empty: its addresses are those of this domain, and the rest is that domain's
  std::string catch_all;  // takes the mail for what is nobody's; "": it is refused
  std::string separator = std::string(kDefaultSeparator);  // "user+tag" is user's; "": nothing is cut off
  std::optional<std::uint64_t> default_quota_bytes;        // of new accounts (0: none); nothing: the server's
  std::uint64_t max_accounts = 0;                          // 0: any number
  std::uint64_t quota_bytes = 0;  // soft: of all accounts together, told and never enforced; 0: none
  std::uint64_t accounts = 0;
  base::WallTime created;
};

struct DomainChange {
  std::optional<std::string> catch_all = std::nullopt;                             // "": none
  std::optional<std::string> separator = std::nullopt;                             // one of kSeparators, or ""
  std::optional<std::optional<std::uint64_t>> default_quota_bytes = std::nullopt;  // nothing in it: the server's
  std::optional<std::uint64_t> max_accounts = std::nullopt;
  std::optional<std::uint64_t> quota_bytes = std::nullopt;
};
inline constexpr std::string_view kSeparators = "+-=_.#~";

enum class State {
  active,
  disabled,   // no login; mail is taken
  suspended,  // no login; mail is refused for now
  shared,     // nobody's: no login; mail is taken; others use its mailboxes with the rights that they are given
};

/// "suspended"
const char* name(State state);

struct Account {
  base::AccountId id;
  std::string address;  // the primary one, normalized; also the login name
  base::Quota quota = {.bytes = kDefaultQuota};
  base::WallTime created;
  State state = State::active;
  std::string name;                  // of the person; may be empty
  std::vector<std::string> send_as;  // granted: addresses, normalized, and "@domain" for any of that domain
};

/// The protocols that a login can come by.
inline constexpr std::string_view kProtocols[] = {"smtp", "imap"};

/// What a login with a credential is good for.
struct CredentialLimits {
  std::vector<std::string> protocols = {};   // of kProtocols; empty: all
  std::vector<base::Network> networks = {};  // of clients; empty: everywhere
  std::optional<base::WallTime> expires = std::nullopt;
};

/// A further credential of a new account.
struct NewCredential {
  std::string name;
  std::string password = {};
  std::string hash = {};  // instead of a password
  CredentialLimits limits = {};
};

struct NewAccount {
  std::string address;
  std::string password = {};
  std::string hash = {};  // instead of a password: as crypto::hash_password() makes it
  base::Quota quota = {.bytes = kDefaultQuota};
  std::string name = {};
  State state = State::active;
  std::vector<NewCredential> credentials = {};  // beside its password; their names differ
};

struct AccountChange {
  std::optional<std::uint64_t> quota_bytes = std::nullopt;
  std::optional<std::uint64_t> quota_messages = std::nullopt;
  std::optional<State> state = std::nullopt;
  std::optional<std::string> name = std::nullopt;
  std::vector<std::string> grant = {};     // addresses and "@domain"
  std::vector<std::string> withdraw = {};  // not_found when it was not granted
};

struct CredentialChange {
  std::optional<std::string> password = std::nullopt;
  std::optional<std::vector<std::string>> protocols = std::nullopt;
  std::optional<std::vector<base::Network>> networks = std::nullopt;
  std::optional<std::optional<base::WallTime>> expires = std::nullopt;  // nothing in it: never
};

/// A login, as it is remembered.
struct CredentialUse {
  base::WallTime time;
  std::string address;  // of the client
  std::string protocol;
  bool operator==(const CredentialUse&) const = default;
};

struct CredentialInfo {
  std::string name;
  base::WallTime created;
  base::WallTime changed;
  CredentialLimits limits = {};
  std::optional<CredentialUse> last_used = std::nullopt;
};

/// Where a login comes from. The default is nowhere: a credential with limits is not good for it.
struct Access {
  std::string protocol = {};  // of kProtocols
  std::string address = {};   // of the client; "" when it has none
};

enum class AliasKind { alias, group };

/// Who may send mail to an alias or group.
enum class Posting {
  anyone,
  members,  // those that it leads to
  domain,   // the people of its domain
  named,    // `senders`
};

/// An address that leads to others. The targets of a group are its members: accounts and groups here.
struct Alias {
  AliasKind kind = AliasKind::alias;
  std::string address;
  // At most 1,000. An alias's are local or elsewhere: the domain is normalized, the local part as it was written,
  // because only the host that it belongs to may interpret it (RFC 5321 §2.3.11).
  std::vector<std::string> targets;
  Posting posting = Posting::anyone;
  std::vector<std::string> senders;  // addresses, normalized, and "@domain"
  bool send_as = true;               // those that it leads to may send as it
  base::WallTime created;
};

struct AliasChange {
  std::optional<std::vector<std::string>> targets = std::nullopt;  // instead of those that it had
  std::vector<std::string> add = {};
  std::vector<std::string> remove = {};  // not_found when it is none
  std::optional<Posting> posting = std::nullopt;
  std::optional<std::vector<std::string>> senders = std::nullopt;  // instead of those that it had
  std::optional<bool> send_as = std::nullopt;  // by default: those of an alias may, those of a group may not
};

/// Where mail for one address goes.
struct Route {
  struct Remote {
    std::string address;
  };
  std::vector<Account> accounts;         // each once, whatever their state
  std::vector<Remote> remotes;           // alias targets elsewhere, each once
  std::vector<base::AccountId> senders;  // those of the accounts that may send as the address
  // The alias or group that has the rule who may post; empty when anyone may.
  std::string list;
  Posting posting = Posting::anyone;
  std::vector<std::string> named;  // the rule's senders
};

/// A login that was verified.
struct Identity {
  base::AccountId account;
  std::string address;
  base::Quota quota = {};
  std::uint64_t credential_version = 0;
  base::WallTime expires = base::WallTime::max();  // of the credential: the login ends then
  std::uint64_t generation = 0;                    // of the directory when this was last known to be right
};

}  // namespace directory
