#pragma once
// The words of the mail store: flags, mailboxes, what is filed. Plain values.
// RFC 9051 §2.3 (attributes), RFC 6154 (special use), RFC 8474 (ids).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/quota.h"
#include "mailstore/acl.h"
#include "mime/date.h"
#include "mime/message.h"
#include "store/store.h"

namespace mailstore {

using base::AccountId;
using base::EmailId;
using base::MailboxId;
using base::ModSeq;
using base::ThreadId;
using base::Uid;

/// System flags as bits. \Recent is not among them: it belongs to a session.
enum Flag : std::uint8_t { kSeen = 1, kAnswered = 2, kFlagged = 4, kDeleted = 8, kDraft = 16 };
inline constexpr std::uint8_t kAllFlags = 31;

/// Flags of a message: system bits and keywords. Keywords compare ASCII case-insensitively and keep the spelling that
/// they first had in the mailbox; at most 255 different ones in a mailbox, each an atom of at most 100 bytes.
struct Flags {
  std::uint8_t system = 0;
  std::vector<std::string> keywords;
};

enum class Role : std::uint8_t { none, inbox, drafts, sent, junk, trash, archive };

inline constexpr char kHierarchySeparator = '/';
inline constexpr std::size_t kMaxMailboxes = 10'000;
inline constexpr std::size_t kMaxNameBytes = 1000;  // of a whole path
inline constexpr std::size_t kMaxDepth = 20;
/// So many may move at once, with a mailbox that is renamed or removed above them: it is one commit, and others wait.
inline constexpr std::size_t kMaxMovedMailboxes = 2'000;
/// Copies take no quota, so their number is limited: placements of an account beyond one for each of its emails.
inline constexpr std::uint64_t kMaxCopies = 1'000'000;

/// Of UIDs that left a mailbox so many are collected; a client that has missed more is told what is left.
inline constexpr std::size_t kMaxVanished = 100'000;

struct Mailbox {
  MailboxId id;
  std::string name;  // whole path in UTF-8 (NFC), parts joined by '/'; "INBOX" in this spelling
  Role role = Role::none;
  bool selectable = true;  // false: only a place in the hierarchy (\NoSelect), deleted while it had children
  bool has_children = false;
  std::uint32_t uid_validity = 0;
  Uid uid_next = 1;
  std::uint32_t messages = 0;
  std::uint32_t unseen = 0;
  std::uint32_t deleted = 0;  // messages with \Deleted
  std::uint64_t size = 0;     // sum of the messages' sizes
  ModSeq highest_modseq = 1;
  Acl acl;                // what others may do with it
  bool own_seen = false;  // each of them has a \Seen of its own there
};

/// A name of the subscription list; it outlives its mailbox (RFC 3501 §6.3.9).
struct MailboxList {
  std::vector<Mailbox> mailboxes;          // parents before children, INBOX first, otherwise by name
  std::vector<std::string> subscriptions;  // sorted
};

/// What an account holds.
struct Usage {
  std::uint64_t bytes = 0;     // of messages, each counted once
  std::uint64_t messages = 0;  // as many as that are
  std::uint64_t copies = 0;    // further places of theirs
  std::uint64_t mailboxes = 0;
};

/// An entry of a mailbox, or of an account itself (RFC 5464 §3.2): "/private/…", which the account that wrote it alone
/// sees, or "/shared/…". Names compare ASCII case-insensitively and keep the spelling that they were first given.
struct Annotation {
  std::string name;
  std::string value;  // any bytes
  bool operator==(const Annotation&) const = default;
};
struct AnnotationChange {
  std::string name;
  std::optional<std::string> value;  // nothing: it is removed
};
/// Whether it is an entry's name (RFC 5464 §3.2).
bool valid_annotation(std::string_view name);
inline constexpr std::size_t kMaxAnnotationBytes = 16 * 1024;  // of a value
inline constexpr std::size_t kMaxAnnotationNameBytes = 500;
/// Of one mailbox, shared and private ones together.
inline constexpr std::size_t kMaxAnnotations = 200;
/// Names and values of all that belong to an account.
inline constexpr std::uint64_t kMaxAnnotatedBytes = 16ull << 20;

/// What has changed in an account between two of its modseqs.
struct Changes {
  struct OfMailbox {
    MailboxId mailbox;
    bool created = false;     // messages came
    bool updated = false;     // flags changed
    bool destroyed = false;   // messages went
    bool properties = false;  // the mailbox was made, renamed, or its rights changed
    bool removed = false;
  };
  struct OfAnnotation {
    AccountId owner;    // whose mailbox it is
    MailboxId mailbox;  // 0: of the account itself
    std::string name;
    auto operator<=>(const OfAnnotation&) const = default;
  };
  ModSeq until = 0;
  bool known = true;                       // false: the change records do not go back so far, and nothing is named
  std::vector<OfMailbox> mailboxes;        // by id
  std::vector<OfAnnotation> annotations;   // in order, each once
  std::vector<std::string> subscriptions;  // names, in order, each once
};

/// For the parser of a message that is to be filed. The texts of real headers take a few KiB, those of mail to hundreds
/// of addresses some ten.
inline constexpr mime::Limits kParseLimits{.kept_bytes = 128 * 1024};

struct Encoded;  // private to the room

/// A message to be filed: shared, immutable. The body is what came over the wire; each account's copy is prefix + body.
struct Incoming {
  store::Body body;
  std::shared_ptr<const mime::Message> parsed;       // of the body alone
  std::shared_ptr<const Encoded> encoded = nullptr;  // what the records of all its emails share
};
/// With `encoded`, which file() otherwise makes for each account, inside the closure.
Incoming make_incoming(store::Body body, std::shared_ptr<const mime::Message> parsed);

struct FileOptions {
  std::string prefix;  // header fields that are added for this account, each ended by CRLF; or empty
  mime::DateTime received;
  Flags flags;
  base::Quota quota = {};  // of the account
  AccountId reader = {};   // whose \Seen it is
};

struct Filed {
  MailboxId mailbox;
  std::uint32_t uid_validity = 0;
  Uid uid = 0;
  EmailId email;
};

/// COPYUID and its like: uids[i] became new_uids[i] (both ascending).
struct Copied {
  std::uint32_t uid_validity = 0;
  std::vector<Uid> uids;
  std::vector<Uid> new_uids;
};

enum class FlagChange { set, add, remove };

/// Which flags somebody may touch.
struct FlagMask {
  std::uint8_t system = kAllFlags;
  bool keywords = true;

  bool all() const { return system == kAllFlags && keywords; }
};
/// RFC 4314 §4: as the rights s, w and t say.
FlagMask flag_mask(Rights rights);

/// Where messages are copied or moved to.
struct Target {
  MailboxId mailbox;
  // Of another account there are emails of its own.
  std::optional<AccountId> account = std::nullopt;
  base::Quota quota = {};  // of the account that the mailbox belongs to
  FlagMask keeps = {};     // flags that the messages keep
  AccountId reader = {};   // who does it, for whose \Seen is meant
};

}  // namespace mailstore
