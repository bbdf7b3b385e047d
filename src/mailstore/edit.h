#pragma once
// Private to the room (sees protobuf). Edit: one step of one account inside a write closure. It loads the account and
// the mailboxes that are touched once, keeps their counters right with every placement that is made, changed or
// removed, and writes them at the end with one modseq and one change record. Nothing structural is written before
// finish(), so an Edit that is dropped after a refusal leaves no trace in the transaction.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "mailstore/live.h"
#include "mailstore/tables.h"
#include "mailstore/types.h"
#include "store/store.h"

namespace mailstore {

/// What all parts of the mail store share.
struct Context {
  store::Store& store;
  const base::Clock& clock;
  base::Log log;
  Live live;
};

/// With copies.
std::uint64_t held_messages(const schema::MailAccount& account);

/// Whether \Seen of `reader` (0: nobody's in particular) is not that of the placements. `owner`: whose mailbox it is.
inline bool has_own_seen(const schema::MailboxRecord& record, AccountId owner, AccountId reader) {
  return record.own_seen() && reader && reader != owner;
}
/// What it is; a record that is not there, or broken, says that nothing was seen.
base::Result<schema::OwnSeen> read_own_seen(const store::Reader& reader, AccountId owner, MailboxId mailbox,
                                            AccountId who, Uid uid);
/// A placement's flags and modseq become those that somebody else than the owner has. `own` counts only where \Seen is
/// each reader's own.
void read_as(const schema::MailboxRecord& record, const schema::OwnSeen& own, std::uint8_t& flags, ModSeq& modseq);
/// A batch of the records of a mailbox that is removed. True while there are more.
base::Result<bool> erase_readers(store::Txn& tx, AccountId account, MailboxId mailbox);

class Edit {
 public:
  /// A mailbox that this step touches.
  struct Box {
    MailboxId id;
    schema::MailboxRecord record;
    schema::MailboxChange change;
    bool dirty = false;
    struct Reader {
      schema::ReaderRecord record;
      bool dirty = false;
    };
    std::map<AccountId, Reader> readers;  // others that have marked messages as seen
  };

  /// Loads the account, or prepares a new one with its first mailboxes (`fresh()`; they are written by finish()).
  /// Errors: not_found (it is removed), corrupt, unavailable.
  static base::Result<Edit> begin(Context& context, store::Txn& tx, AccountId account);

  const schema::MailAccount& account() const { return account_record_; }
  schema::MailAccount& mutable_account() {
    account_dirty_ = true;
    return account_record_;
  }
  AccountId account_id() const { return account_; }
  bool fresh() const { return fresh_; }
  store::Txn& tx() { return *tx_; }
  Context& context() { return *context_; }
  MailboxId inbox() const { return MailboxId{account_record_.inbox()}; }

  /// The modseq of this step.
  ModSeq modseq();
  /// What it changes beside mailboxes and messages.
  schema::ChangeRecord& change() {
    modseq();
    return change_;
  }

  /// not_found; with `selectable` also for one that is a place only.
  base::Result<Box*> mailbox(MailboxId id, bool selectable = true);
  /// The mailbox with that name below `parent`, or nothing.
  base::Result<std::optional<MailboxId>> child(MailboxId parent, const std::string& name);
  /// Makes a mailbox; the caller has made sure that the name is free. It has the rights of its parent (RFC 4314 §4,
  /// CREATE). too_large: kMaxMailboxes.
  base::Result<Box*> add_mailbox(MailboxId parent, const std::string& name, Role role);
  /// Takes a mailbox out of its account and gives its messages to the removal table.
  void remove_mailbox(Box& box);
  void rename(Box& box, MailboxId parent, const std::string& name);
  void set_acl(Box& box, const Acl& acl);
  /// Whether those who have rights have a \Seen of their own; to them each message has changed then.
  void set_own_seen(Box& box, bool own);
  /// What is made at the top of the hierarchy from here on has the rights of this mailbox.
  void inherit_at_top(MailboxId model) { model_ = model; }
  std::uint32_t next_uid_validity();

  /// The numbers of keywords in a mailbox, ascending, one byte each. Unknown ones are added, or with `add` false left
  /// out. Errors: invalid, too_large; then nothing was added.
  static base::Result<std::string> keyword_numbers(Box& box, const std::vector<std::string>& names, bool add);

  /// over_quota when so many messages with so many new bytes more are too many.
  base::Result<void> check_quota(const base::Quota& quota, std::uint64_t bytes, std::uint64_t messages = 1) const;
  /// too_large when the account may not have so many copies more (kMaxCopies).
  base::Result<void> check_copies(std::size_t count) const;
  /// too_large when so many UIDs are not left.
  static base::Result<void> check_uids(const Box& box, std::size_t count);
  /// Puts a message behind the others; `placement` has email, flags, keywords, size and saved date.
  Uid place(Box& box, schema::PlacementRecord placement);
  /// `was` becomes `now`, which gets this step's modseq.
  void update(Box& box, Uid uid, const schema::PlacementRecord& was, schema::PlacementRecord now);
  base::Result<void> unplace(Box& box, Uid uid, const schema::PlacementRecord& was);
  /// \Seen of a reader of its own (has_own_seen()).
  base::Result<void> set_seen(Box& box, Uid uid, AccountId reader, bool seen);
  /// Those that have a message seen.
  base::Result<std::vector<AccountId>> seen_by(const Box& box, Uid uid) const;
  /// A placement of a removed mailbox went, whose counters went before.
  void forget_placement();
  /// Removes the email, its body and its part of the quota when it has no placement left.
  base::Result<void> release(EmailId email);

  /// Writes what this step changed; nothing when it changed nothing.
  base::Result<void> finish();

 private:
  Edit(Context& context, store::Txn& tx, AccountId account) : context_(&context), tx_(&tx), account_(account) {}
  base::Result<void> make_fresh();
  void count(Box& box, const schema::PlacementRecord& placement, bool in);
  void trim_changes();

  Context* context_;
  store::Txn* tx_;
  AccountId account_;
  schema::MailAccount account_record_;
  bool fresh_ = false;
  bool account_dirty_ = false;
  ModSeq modseq_ = 0;
  schema::ChangeRecord change_;
  MailboxId model_ = kTop;
  std::map<MailboxId, Box> boxes_;
  std::vector<MailboxId> removed_;
  std::vector<std::pair<MailboxId, std::string>> freed_names_;
  std::map<std::pair<MailboxId, std::string>, MailboxId> taken_names_;
  std::map<Key<std::string, AccountId, MailboxId>, bool> grants_;  // false: to be erased
};

/// The list of rights of a mailbox, read and written.
Acl acl_of(const schema::MailboxRecord& record);
void put_acl(schema::MailboxRecord& record, const Acl& acl);
Key<std::string, AccountId, MailboxId> grant_key(const Grantee& grantee, AccountId owner, MailboxId mailbox);

/// An atom that is no system flag, of at most 100 bytes (RFC 9051 §9 flag-keyword).
bool valid_keyword(std::string_view name);

inline constexpr std::size_t kMaxKeywords = 255;
inline constexpr std::size_t kMaxKeywordBytes = 100;

}  // namespace mailstore
