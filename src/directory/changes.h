#pragma once
// Private to the room: what the changes of domains, accounts and aliases share. Each checks and writes inside one
// closure, so two that meet are judged one after the other; what the checks need that is slow (normalizing, hashing) is
// done before.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "directory/records.h"

namespace directory {

/// "1 account", "2 accounts".
std::string counted(std::size_t count, const char* one, const char* many);

/// A name for people to read (UTF-8 without control characters, at most 200 bytes), or why it is none.
base::Result<void> check_name(std::string_view name, const char* what);

/// What a credential is for: of kProtocols. invalid otherwise.
base::Result<void> check_protocols(const std::vector<std::string>& protocols);

/// An address, or "@domain" for any of that domain, in the form in which it is stored.
base::Result<std::string> normalize_pattern(std::string_view pattern);

/// Appends what is not in `list` yet; not_found from take_out() when one is none of it.
void put_in(std::vector<std::string>& list, const std::vector<std::string>& more);
base::Result<void> take_out(std::vector<std::string>& list, const std::vector<std::string>& less);

/// Where new addresses may be: one of our domains, and no alias of another one.
base::Result<schema::DirectoryDomain> require_domain(const store::Reader& reader, const std::string& domain);
/// A new address needs such a domain and must be nobody's.
base::Result<void> require_free(const store::Reader& reader, const mime::AddrSpec& address);

/// The account that the address is.
base::Result<base::AccountId> require_account(const store::Reader& reader, const mime::AddrSpec& address);

/// Takes an account or a group out of the groups that it is a member of.
base::Result<void> leave_groups(store::Txn& txn, const mime::AddrSpec& member);

}  // namespace directory
