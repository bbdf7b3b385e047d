#pragma once
// Identifiers of lists of rights (RFC 4314 §2), as people write them, in the directory's words: the address of an
// account or of a group, or "anyone", which means the accounts of the mailbox's domain. A "-" before it means negative
// rights. Any loop's thread.

#include <string>
#include <vector>

#include "directory/directory.h"
#include "mailstore/acl.h"

namespace sharing {

struct Identifier {
  mailstore::Grantee grantee;
  bool other_domain = false;  // it means somebody of another one than the owner's
  bool withheld = false;      // "-"
};

/// `owner`: the address of the account whose mailbox it is about. invalid: no identifier; not_found: no account and no
/// group.
net::Task<base::Result<Identifier>> find_identifier(directory::Directory& directory, std::string owner,
                                                    std::string text);

/// The error that says so.
base::Error no_such_identifier(std::string_view text);

struct NamedRights {
  std::string identifier;
  mailstore::Rights rights = 0;
};
/// A list in words, in its order. Accounts and groups that are gone are left out: they mean nobody.
net::Task<base::Result<std::vector<NamedRights>>> name_rights(directory::Directory& directory, mailstore::Acl acl);

}  // namespace sharing
