#pragma once
// Who may do what with a mailbox (RFC 4314): rights, who is given them, and what somebody has of them. Plain values,
// pure. The owner of a mailbox has all rights, whatever its list says; the list is about others.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace mailstore {

/// RFC 4314 §2.1, in its order.
enum Right : std::uint16_t {
  kLookup = 1,           // l
  kRead = 2,             // r
  kKeepSeen = 4,         // s
  kWrite = 8,            // w: flags but \Seen and \Deleted
  kInsert = 16,          // i
  kPost = 32,            // p: kept, and nothing asks for it
  kCreateBelow = 64,     // k
  kRemoveMailbox = 128,  // x
  kMarkDeleted = 256,    // t
  kExpunge = 512,        // e
  kAdminister = 1024,    // a
};
using Rights = std::uint16_t;  // bits
inline constexpr Rights kAllRights = 2047;

/// "lrswi", also "c" (k and x) and "d" (e and t) of RFC 2086 (§2.1.1). Nothing when a letter is no right.
std::optional<Rights> parse_rights(std::string_view letters);
/// With "c" and "d" where one of their members is there (§2.1.1).
std::string print(Rights rights);

/// Who is meant by an identifier. The domain of `everybody` is the owner's: on a server with many domains the accounts
/// of others are no concern of its people.
struct Grantee {
  enum class Kind : std::uint8_t { account, group, everybody };
  Kind kind = Kind::account;
  base::AccountId account = {};
  std::string name = {};  // a group's address, or the domain, as the directory has them

  friend auto operator<=>(const Grantee&, const Grantee&) = default;
};

struct AclEntry {
  Grantee grantee;
  Rights granted = 0;
  Rights withheld = 0;  // §2, negative rights: taken from what other entries give to those who are meant

  friend bool operator==(const AclEntry&, const AclEntry&) = default;
};
/// By grantee, each once; entries without any rights do not stand in it.
using Acl = std::vector<AclEntry>;
inline constexpr std::size_t kMaxAclEntries = 100;

/// Who comes, with all that an identifier may mean by it.
struct Visitor {
  base::AccountId account;
  std::string domain;
  std::vector<std::string> groups;
};
bool means(const Grantee& grantee, const Visitor& visitor);
/// The union of what is granted, less the union of what is withheld.
Rights rights_of(const Acl& acl, const Visitor& visitor);

/// A mailbox of somebody else that somebody has some right to.
struct Grant {
  base::AccountId owner;
  base::MailboxId mailbox;

  friend auto operator<=>(const Grant&, const Grant&) = default;
};
inline constexpr std::size_t kMaxGrantsSeen = 10'000;  // of one visitor: further ones are not looked for

/// A change of one entry.
struct AclChange {
  enum class How : std::uint8_t { set, add, remove };
  Grantee grantee;
  bool withheld = false;  // it is about the negative rights
  How how = How::set;
  Rights rights = 0;
};
/// False when there would be more than kMaxAclEntries; then nothing has changed.
bool apply_change(const AclChange& change, Acl& acl);

}  // namespace mailstore
