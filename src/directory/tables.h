#pragma once
// Private to the room (includes protobuf): the directory's tables, 16 to 31 of the store, and 113. docs/storage.md
// describes them.

#include <cstdint>
#include <string>
#include <tuple>

#include "base/ids.h"
#include "schema/directory.pb.h"
#include "store/table.h"

namespace directory {

namespace schema = postrider::schema;

/// domain
inline constexpr store::Table<std::tuple<std::string>, schema::DirectoryDomain> kDomains{16, "directory.domain"};

/// account
inline constexpr store::Table<std::tuple<base::AccountId>, schema::DirectoryAccount> kAccounts{17, "directory.account"};

/// domain, local part (unquoted): the addresses of a domain stand together. One record for each address, so that it can
/// be only one thing.
inline constexpr store::Table<std::tuple<std::string, std::string>, schema::DirectoryAddress> kAddresses{
    18, "directory.address"};

/// account, number. Number 0 is the account's password, the others are those that were added to it.
inline constexpr store::Table<std::tuple<base::AccountId, std::uint32_t>, schema::DirectoryCredential> kCredentials{
    19, "directory.credential"};
inline constexpr std::uint32_t kPassword = 0;

/// account
inline constexpr store::Table<std::tuple<base::AccountId>, schema::DirectoryRemoved> kRemoved{20, "directory.removed"};

/// domain and local part of an account or a group, address of a group that it is a member of
inline constexpr store::Table<std::tuple<std::string, std::string, std::string>, store::Nothing> kMemberOf{
    21, "directory.member_of"};

/// account, number of the credential
inline constexpr store::Table<std::tuple<base::AccountId, std::uint32_t>, schema::DirectoryCredentialUse> kUses{
    113, "directory.credential_use"};

/// always 0
inline constexpr store::Table<std::tuple<std::uint32_t>, schema::DirectorySecret> kSecret{22, "directory.secret"};

}  // namespace directory
