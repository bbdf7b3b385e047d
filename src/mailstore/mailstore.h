#pragma once
// Mail store: the mailboxes and messages of accounts, on the store. Every change is one durable commit with its UID,
// modseq, counters, change record and quota. A new account's mailboxes (INBOX, Drafts, Sent, Junk, Trash, Archive, all
// but INBOX with their special use, all subscribed) are made by the first call that needs them. All functions are safe
// from any loop's thread; file() and read() say where they run.
//
// Common errors: not_found (no such mailbox), over_quota, no_space, unavailable, corrupt (only that object is refused).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "mailstore/types.h"
#include "mailstore/view.h"
#include "net/task.h"
#include "store/store.h"

namespace mailstore {

/// Called between two commits of a change, on the caller's loop, with how many of the messages it is through with. What
/// it throws ends the change there.
using OnCommit = std::function<net::Task<void>(std::size_t done)>;

/// Reads emails of one account from one snapshot; blocks, so it lives on the pool within Mailstore::read(). Reading
/// emails in ascending order of their ids is fastest.
class EmailReader {
 public:
  struct Email {
    EmailId id;
    ThreadId thread;
    base::BlobId blob;
    std::string prefix;
    std::uint64_t size = 0;  // prefix and body
    mime::DateTime received;
    std::string envelope;  // as mime::imap_envelope() gives it
    std::string message_id;
  };
  virtual ~EmailReader() = default;
  /// not_found when it was expunged meanwhile.
  virtual base::Result<Email> email(EmailId id) = 0;
  /// The structure, its offsets moved to those of prefix + body (parts[0].header_begin is 0, the prefix belongs to its
  /// header).
  virtual base::Result<mime::Message> structure(EmailId id) = 0;
  /// Appends bytes [offset, offset + length) of prefix + body; less when it ends before.
  virtual base::Result<void> bytes(const Email& email, std::uint64_t offset, std::uint64_t length,
                                   std::string& out) = 0;
  /// Unix seconds when the message came into that mailbox (RFC 8514). not_found.
  virtual base::Result<std::int64_t> saved(MailboxId mailbox, Uid uid) = 0;
};

/// Ends the watch when it is destroyed; after that the callback is not called any more.
class Watch {
 public:
  virtual ~Watch() = default;
};

class Mailstore {
 public:
  virtual ~Mailstore() = default;

  // --- Filing -------------------------------------------------------------------------------------------------------
  /// Inside a write closure that names the account as owner: files the message into the mailbox (nullopt: INBOX, which
  /// is made when missing). Puts and links the body. After the commit the caller calls changed(). Errors: not_found,
  /// over_quota.
  virtual base::Result<Filed> file(store::Txn& tx, AccountId account, std::optional<MailboxId> mailbox,
                                   const Incoming& message, const FileOptions& options) = 0;
  /// Tells the live sessions of an account that a commit changed it. Cheap.
  virtual void changed(AccountId account) = 0;
  /// file() and changed() in a commit of its own (IMAP APPEND); all messages or none.
  struct AppendMessage {
    Incoming message;
    FileOptions options;
  };
  virtual net::Task<base::Result<std::vector<Filed>>> append(AccountId account, MailboxId mailbox,
                                                             std::vector<AppendMessage> messages) = 0;
  /// The same for one message, in the commit that removes `uid` from `from` (RFC 8508), whose bytes count no more.
  /// not_found also when that message is gone.
  virtual net::Task<base::Result<Filed>> replace(AccountId account, MailboxId from, Uid uid, Target to,
                                                 AppendMessage message) = 0;

  // --- Mailboxes ----------------------------------------------------------------------------------------------------
  /// As `reader` has them, who may have seen other messages than the owner (Mailbox::own_seen); 0: as the owner.
  virtual net::Task<base::Result<MailboxList>> mailboxes(AccountId account, AccountId reader = {}) = 0;
  /// By its path ("inbox" in any case is INBOX). not_found.
  virtual net::Task<base::Result<Mailbox>> mailbox(AccountId account, std::string name, AccountId reader = {}) = 0;
  /// Makes the parents that are missing. Each new one has the rights of the one above it (RFC 4314 §4); at the top of
  /// the hierarchy none, or, when a guest makes it, those of INBOX. exists, invalid (the name: why), too_large (limits
  /// of types.h). Not subscribed.
  virtual net::Task<base::Result<Mailbox>> create_mailbox(AccountId account, std::string name, Role role,
                                                          bool by_guest = false) = 0;
  /// With children it stays as a place only (selectable = false). denied: INBOX. conflict: a place only that has
  /// children. too_large: more children than kMaxMovedMailboxes.
  virtual net::Task<base::Result<void>> remove_mailbox(AccountId account, MailboxId mailbox) = 0;
  /// With its children; a renamed INBOX gives its messages to the new mailbox and stays (RFC 9051 §6.3.6). A mailbox
  /// that takes a new name gets a new UIDVALIDITY only when the name was used before with another. exists, invalid,
  /// conflict (into itself), too_large (limits of types.h; also kMaxMovedMailboxes below it).
  virtual net::Task<base::Result<void>> rename_mailbox(AccountId account, MailboxId mailbox, std::string new_name) = 0;
  /// Gives it a special use, or with Role::none takes it away. exists: another has it. denied: INBOX.
  virtual net::Task<base::Result<void>> set_role(AccountId account, MailboxId mailbox, Role role) = 0;
  virtual net::Task<base::Result<void>> subscribe(AccountId account, std::string name) = 0;
  virtual net::Task<base::Result<void>> unsubscribe(AccountId account, std::string name) = 0;
  virtual net::Task<base::Result<Usage>> usage(AccountId account) = 0;

  // --- A selected mailbox -------------------------------------------------------------------------------------------
  /// The newest view, from the cache moved forward by the change feed, with the \Seen of `reader`; 0: of the owner.
  /// not_found also when it was removed meanwhile.
  virtual net::Task<base::Result<std::shared_ptr<const View>>> view(AccountId account, MailboxId mailbox,
                                                                    AccountId reader = {}) = 0;
  /// RFC 7162 §3.2: the UIDs that left the mailbox after `since`, ascending; some may have come after it as well.
  /// Nothing when the change records do not go back so far, or name more than kMaxVanished.
  virtual net::Task<base::Result<std::optional<std::vector<Uid>>>> vanished(AccountId account, MailboxId mailbox,
                                                                            ModSeq since) = 0;
  /// What changed after `since`; of a later one than there is only `until`. Costs what changed, at most some 10,000
  /// records. not_found: the account is removed.
  virtual net::Task<base::Result<Changes>> changes(AccountId account, ModSeq since) = 0;
  /// Calls `on_change` (from any thread; it must only post) after each change of the account.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(AccountId account, std::function<void()> on_change) = 0;
  /// RFC 3501 §2.3.2: the first UID that no session was told of as \Recent; a read-write SELECT takes them (`take`).
  virtual Uid first_recent(AccountId account, MailboxId mailbox, Uid uid_next, bool take) = 0;

  /// Changes flags, but for those that the mask leaves out, of the messages that still exist; those with a modseq above
  /// `unchanged_since` are left alone and returned. \Seen is that of `reader`; 0: of the owner. In commits of at most
  /// 1,000 messages. too_large: more than 255 keywords.
  virtual net::Task<base::Result<std::vector<Uid>>> store_flags(AccountId account, MailboxId mailbox,
                                                                std::vector<Uid> uids, FlagChange change, Flags flags,
                                                                std::optional<ModSeq> unchanged_since,
                                                                FlagMask mask = {}, AccountId reader = {},
                                                                OnCommit on_commit = {}) = 0;
  /// Keeps flags and dates; within one account the copies keep their EmailId. UIDs that are gone are skipped. All or
  /// nothing: of many messages the copies appear in commits of at most 1,000, and disappear again when one of them
  /// fails, or the process ends. too_large: kMaxCopies, or UIDs or keywords are used up. over_quota: of the other
  /// account.
  virtual net::Task<base::Result<Copied>> copy(AccountId account, MailboxId from, std::vector<Uid> uids, Target to,
                                               OnCommit on_commit = {}) = 0;
  /// As copy and expunge at once, in commits of at most 1,000 messages; also within one mailbox (new UIDs).
  virtual net::Task<base::Result<Copied>> move(AccountId account, MailboxId from, std::vector<Uid> uids, Target to,
                                               OnCommit on_commit = {}) = 0;
  /// Removes messages with \Deleted: all, or those among `uids`. Returns the removed UIDs, ascending.
  virtual net::Task<base::Result<std::vector<Uid>>> expunge(AccountId account, MailboxId mailbox,
                                                            std::optional<std::vector<Uid>> uids) = 0;

  /// Runs `function` on the pool with a reader of the account.
  virtual net::Task<base::Result<void>> read(AccountId account,
                                             std::move_only_function<base::Result<void>(EmailReader&)> function) = 0;

  // --- Access keys: what the URLs of a mailbox's messages are signed with (RFC 4467 §2.2) ---------------------------
  /// 32 random bytes, which go with the mailbox; with `make` they are made when there are none yet. not_found.
  virtual net::Task<base::Result<std::string>> access_key(AccountId account, MailboxId mailbox, bool make) = 0;
  /// View::access_key_modseq() tells that it happened.
  virtual net::Task<base::Result<void>> replace_access_key(AccountId account, MailboxId mailbox) = 0;
  /// All of the account, in bounded commits.
  virtual net::Task<base::Result<void>> remove_access_keys(AccountId account) = 0;

  // --- Rights of others (RFC 4314; Mailbox::acl shows them, and nothing here looks at them) -------------------------
  /// not_found.
  virtual net::Task<base::Result<Acl>> acl(AccountId account, MailboxId mailbox) = 0;
  /// not_found; too_large: kMaxAclEntries.
  virtual net::Task<base::Result<void>> change_acl(AccountId account, MailboxId mailbox, AclChange change) = 0;
  /// Whether each of those who have rights has a \Seen of its own (as it is from the first right on), or all share that
  /// of the owner. What each had seen is kept for when it is changed back. Says nothing where nobody has rights.
  /// not_found.
  virtual net::Task<base::Result<void>> set_own_seen(AccountId account, MailboxId mailbox, bool own) = 0;
  /// Mailboxes of others whose lists name the visitor, in order, each once; also those that give nothing but negative
  /// rights. Costs what there is.
  virtual net::Task<base::Result<std::vector<Grant>>> grants(Visitor visitor) = 0;

  // --- Annotations (RFC 5464) of a mailbox, or with mailbox 0 of the account itself ----------------------------------
  /// The shared ones, and those private to `reader`, by name. Whether the mailbox is there is not looked at.
  virtual net::Task<base::Result<std::vector<Annotation>>> annotations(AccountId account, MailboxId mailbox,
                                                                       AccountId reader) = 0;
  /// All or nothing. Private ones belong to `writer`, count for its limits and go with it. not_found. invalid: a name
  /// that is none. too_large: kMaxAnnotationBytes, kMaxAnnotations, kMaxAnnotatedBytes.
  virtual net::Task<base::Result<void>> annotate(AccountId account, MailboxId mailbox, AccountId writer,
                                                 std::vector<AnnotationChange> changes) = 0;

  // --- The operator's side ------------------------------------------------------------------------------------------
  /// Removes everything of an account, in bounded commits; may be called again after a crash. The account stays
  /// removed: whatever is asked of it from then on is answered not_found.
  virtual net::Task<base::Result<void>> purge(AccountId account) = 0;
  /// Walks all records; verifies counters, keys, links and references and reports what is wrong, and goes on. Blocks.
  virtual base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) = 0;
};

/// The room's tables, and the account that a record of theirs belongs to (nothing for other tables' keys): for what
/// counts records.
std::vector<store::TableName> tables();
std::optional<AccountId> account_of(std::string_view record_key);

std::unique_ptr<Mailstore> open(store::Store& store, const base::Clock& clock, base::Log log);

}  // namespace mailstore
