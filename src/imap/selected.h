#pragma once
// Selected: a mailbox as one client knows it. The newest view gives the messages and their flags; the numbering adds
// the messages that have been expunged meanwhile and of which the client could not be told yet ("ghosts"), so that
// sequence numbers shift only when EXPUNGE responses are sent (RFC 9051 §7.5.1, RFC 2180 §4). Everything that is told
// of changes is written here. On the session's loop.

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "imap/sequence.h"
#include "mailstore/mailstore.h"
#include "net/loop.h"
#include "net/stream.h"

namespace imap {

/// Between the change feed, on any thread, and the session, on its loop.
struct Signal {
  std::atomic<bool> changed{false};
  std::atomic<bool> waiting{false};  // the session waits in IDLE and wants to be woken
  net::Loop* loop = nullptr;
  net::Stream* stream = nullptr;  // on the loop only; null when the session has ended
};

/// What a STORE has just done, so that it is neither told twice nor, when it was SILENT, at all.
struct StoreEcho {
  std::vector<mailstore::Uid> uids;     // what it was done to, ascending
  std::vector<mailstore::Uid> refused;  // what UNCHANGEDSINCE has kept it from, ascending (RFC 7162 §3.1.3)
  bool silent = false;
  bool with_uid = false;
  bool modseqs = false;      // a silent one tells the new mod-sequences (RFC 7162 §3.2.4)
  bool conditional = false;  // and also those that stayed what they were
  mailstore::FlagChange change = mailstore::FlagChange::set;
  mailstore::Flags flags;
};

class Selected {
 public:
  mailstore::AccountId account;  // whose it is
  mailstore::MailboxId mailbox;
  std::string name;
  bool read_only = false;
  bool guest = false;  // it is somebody else's
  mailstore::Rights rights = mailstore::kAllRights;
  std::uint64_t rights_generation = 0;  // of the directory, when the rights of a guest were looked at
  std::vector<Range> saved;             // UIDs: the search result variable (RFC 9051 §6.4.4.1)
  std::vector<Range> recent;            // UIDs that are \Recent in this session (RFC 3501 §2.3.2)
  std::unique_ptr<mailstore::Watch> watch;
  bool outdated = false;  // there is a newer view than view()

  explicit Selected(std::shared_ptr<const mailstore::View> view);

  const std::shared_ptr<const mailstore::View>& view() const { return view_; }

  // Indexes are sequence numbers less one.
  std::size_t size() const { return view_->size() + ghosts_.size(); }
  /// nullptr: a message that was expunged and not yet announced.
  const mailstore::Row* row(std::size_t index) const;
  mailstore::Uid uid(std::size_t index) const;
  /// The first index with a UID of at least `uid`; size() when there is none.
  std::size_t lower_bound(mailstore::Uid uid) const;
  /// The index of a row of the view.
  std::size_t index_of_row(std::size_t view_index) const;

  /// Half-open runs of indexes, ascending.
  struct Run {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  /// Nothing when a sequence number is above size() (RFC 9051 §9, seq-number).
  std::optional<std::vector<Run>> find(const SequenceSet& set, bool uids) const;

  /// Takes a newer view of the same mailbox. What it gives goes to tell(), which must follow.
  struct Step {
    std::shared_ptr<const mailstore::View> older;
    std::vector<mailstore::Uid> changed;
    std::vector<mailstore::Uid> expunged;
  };
  Step take(std::shared_ptr<const mailstore::View> newer);

  /// Writes what is to be told: EXPUNGE if it may be, changed flags, EXISTS.
  struct Telling {
    bool expunge = false;
    bool rev2 = false;
    bool condstore = false;
    bool qresync = false;
    bool uid_only = false;
    bool flags = true;  // changes of flags by others
    const StoreEcho* echo = nullptr;
  };
  void tell(const Step& step, const Telling& telling, std::string& out);

  /// The client has been told of everything up to this mod-sequence. While expunged messages wait to be told of it
  /// stays below theirs, whatever changes of others were told since (RFC 7162 §3.2); and from when on changes of flags
  /// are not told, below those.
  mailstore::ModSeq told_modseq() const { return told_modseq_; }
  /// After a command of a client that knows CONDSTORE: says so, if EXPUNGE responses wait.
  void tell_held_modseq(std::string& out);

  bool is_recent(mailstore::Uid uid) const { return !recent.empty() && contains(recent, uid); }
  std::size_t count_recent() const;
  /// " (\Seen $Label)" without the space
  void append_flags(std::string& out, const mailstore::Row& row, bool rev2) const;
  /// "* FLAGS (…)"
  void append_all_flags(std::string& out) const;
  void append_keywords(std::string& out) const;

 private:
  struct Ghost {
    std::size_t index;
    mailstore::Uid uid;
  };
  std::size_t ghosts_before_row(std::size_t view_index) const;
  void add_ghosts(const std::vector<std::uint32_t>& expunged);
  void tell_expunged(std::string& out, bool vanished);
  struct Form {
    bool uid;
    bool flags;
    bool modseq;
  };
  void tell_message(std::string& out, mailstore::Uid uid, Form form, const Telling& telling) const;
  void tell_echo(const Step& step, const Telling& telling, std::string& out) const;
  void tell_changed(const Step& step, const Telling& telling, std::string& out);

  std::shared_ptr<const mailstore::View> view_;
  std::vector<Ghost> ghosts_;  // ascending
  std::size_t told_size_ = 0;
  std::size_t told_keywords_ = 0;
  mailstore::ModSeq told_modseq_ = 0;
  bool hidden_changes_ = false;  // of flags, of which the client did not want to hear
  bool held_modseq_ = false;     // the client was told that told_modseq() stays behind
};

/// "* 3 FETCH (", or for a client that has enabled UIDONLY "* 7 UIDFETCH (" (RFC 9586).
void append_fetch_begin(std::string& out, std::size_t number, mailstore::Uid uid, bool uid_only);
/// " MODSEQ (7)" inside the parentheses of a FETCH response (RFC 7162 §3.1.4.2).
void append_modseq(std::string& out, mailstore::ModSeq modseq);
/// "* VANISHED (EARLIER) 1:3,7", in several lines where there are many (RFC 7162 §3.2.10).
void append_vanished(std::string& out, std::span<const Range> uids, bool earlier);
/// Flags as IMAP shows them, without parentheses: "\Seen \Draft $Label".
void append_system_flags(std::string& out, std::uint8_t flags);

}  // namespace imap
