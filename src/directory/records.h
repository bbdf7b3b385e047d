#pragma once
// Private to the room: what the records of one snapshot (or transaction) say. All functions block on the disk and fail
// with unavailable or corrupt.

#include <cstdint>
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
  std::uint64_t version = 0;
  std::string hash;
  std::vector<std::string> scram;  // keys of the same password (crypto/scram_keys.h)
};

/// An account as a login needs it.
struct Login {
  Account account;
  std::vector<Credential> credentials;
};

inline std::int64_t to_record(base::WallTime time) { return time.time_since_epoch().count(); }
inline base::WallTime from_record(std::int64_t us) { return base::WallTime(std::chrono::microseconds(us)); }

Account to_account(base::AccountId id, const schema::DirectoryAccount& record);

base::Result<bool> has_domain(const store::Reader& reader, const std::string& domain);
base::Result<std::optional<schema::DirectoryAddress>> find_address(const store::Reader& reader,
                                                                   const mime::AddrSpec& address);
/// The account with that address; nothing when it is an alias's or nobody's.
base::Result<std::optional<Login>> find_login(const store::Reader& reader, const mime::AddrSpec& address);
/// The oldest account; nothing when there is none.
base::Result<std::optional<Account>> first_account(const store::Reader& reader);

/// Where an address of one of our domains leads.
struct Expansion {
  Route route;
  bool known = false;             // there is an account, an alias or the postmaster's rule for it
  bool leads_back = false;        // one of its aliases names it again; that branch was cut
  std::vector<std::string> dead;  // addresses of ours that an alias names and that are nobody's
  std::string limit;              // not empty: which limit was passed; the route is not whole then
};
base::Result<Expansion> expand(const store::Reader& reader, const mime::AddrSpec& address);

}  // namespace directory
