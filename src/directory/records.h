#pragma once
// Private to the room: what the records of one snapshot (or transaction) say. All functions block on the disk and fail
// with unavailable or corrupt.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "directory/directory.h"
#include "directory/tables.h"
#include "mime/address.h"
#include "store/table.h"

namespace directory {

inline constexpr std::size_t kMaxTargets = 1000;
inline constexpr int kMaxAliasDepth = 10;
inline constexpr std::string_view kPostmaster = "postmaster";

struct Credential {
  std::uint32_t number = 0;
  std::uint64_t version = 0;
  std::string hash;
  std::vector<std::string> scram;  // keys of the same password (crypto/scram_keys.h)
  CredentialLimits limits;
  std::string name;
};

/// Why a login from there is outside the limits; nothing when it is within. Pure.
std::optional<std::string> outside(const CredentialLimits& limits, const Access& access, base::WallTime now);

/// An account as a login needs it.
struct Login {
  Account account;
  std::vector<Credential> credentials;
};

inline std::int64_t to_record(base::WallTime time) { return time.time_since_epoch().count(); }
inline base::WallTime from_record(std::int64_t us) { return base::WallTime(std::chrono::microseconds(us)); }

Account to_account(base::AccountId id, const schema::DirectoryAccount& record);
/// `accounts` is not set where the record has no number of them.
Domain to_domain(const std::string& name, const schema::DirectoryDomain& record);
/// Nothing when the record is an account's.
std::optional<Alias> to_alias(std::string address, const schema::DirectoryAddress& record);
CredentialLimits to_limits(const schema::DirectoryCredential& record);
void put(const CredentialLimits& limits, schema::DirectoryCredential& record);
CredentialInfo to_credential_info(std::uint32_t number, const schema::DirectoryCredential& record);

/// The alias or group of a record; nullptr when it is an account's.
const schema::DirectoryAlias* alias_of(const schema::DirectoryAddress& record);
AliasKind kind_of(const schema::DirectoryAddress& record);
/// "alias" or "group".
const char* word_for(AliasKind kind);
/// Whether `address`, normalized, is one of `list` or of a domain that stands in it as "@domain".
bool names(const std::vector<std::string>& list, const mime::AddrSpec& address);

base::Result<bool> has_domain(const store::Reader& reader, const std::string& domain);
base::Result<std::optional<schema::DirectoryDomain>> find_domain(const store::Reader& reader,
                                                                 const std::string& domain);
base::Result<std::optional<schema::DirectoryAddress>> find_address(const store::Reader& reader,
                                                                   const mime::AddrSpec& address);
/// The same address in the domain that its own is an alias of; itself when it is in none.
base::Result<mime::AddrSpec> follow_domain(const store::Reader& reader, mime::AddrSpec address);
/// How many accounts a domain has, counted.
base::Result<std::uint64_t> count_accounts(const store::Reader& reader, const std::string& domain);
/// The account with that address, domain aliases followed; nothing when it is an alias's or nobody's.
base::Result<std::optional<Login>> find_login(const store::Reader& reader, const mime::AddrSpec& address);
/// The oldest account; nothing when there is none.
base::Result<std::optional<Account>> first_account(const store::Reader& reader);

/// An address of one of our domains, after domain alias and "+tag".
struct Resolved {
  mime::AddrSpec address;                          // whose record it is, or that is nobody's
  std::optional<schema::DirectoryAddress> record;  // nothing: it is nobody's
  std::string untagged;                            // the local part without its tag
  std::string catch_all;                           // of its domain
};

/// Resolves addresses against one snapshot, and reads each domain once.
class Resolver {
 public:
  explicit Resolver(const store::Reader& reader) : reader_(reader) {}
  /// Nothing: not one of our domains.
  base::Result<std::optional<Resolved>> resolve(mime::AddrSpec address);

 private:
  base::Result<const schema::DirectoryDomain*> domain(const std::string& name);

  const store::Reader& reader_;
  std::map<std::string, std::optional<schema::DirectoryDomain>> domains_;
};

/// Where an address of one of our domains leads.
struct Expansion {
  Route route;
  bool known = false;             // there is an account, an alias, a group or the postmaster's rule for it
  bool leads_back = false;        // one of its aliases names it again; that branch was cut
  std::vector<std::string> dead;  // addresses of ours that an alias names and that are nobody's
  std::string limit;              // not empty: which limit was passed; the route is not whole then
};
base::Result<Expansion> expand(const store::Reader& reader, const mime::AddrSpec& address);

}  // namespace directory
