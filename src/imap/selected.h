#pragma once
// Selected: a mailbox as one client knows it. The newest view gives the messages and their flags; the numbering adds
// the messages that have been expunged meanwhile and of which the client could not be told yet ("ghosts"), so that
// sequence numbers shift only when EXPUNGE responses are sent (RFC 9051 §7.5.1, RFC 2180 §4). Everything that is told
// of changes is written here. On the session's loop.

#include <atomic>
#include <memory>
#include <optional>
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
  std::vector<mailstore::Uid> uids;  // ascending
  bool silent = false;
  bool with_uid = false;
  mailstore::FlagChange change = mailstore::FlagChange::set;
  mailstore::Flags flags;
};

class Selected {
 public:
  mailstore::MailboxId mailbox;
  std::string name;
  bool read_only = false;
  std::vector<Range> saved;   // UIDs: the search result variable (RFC 9051 §6.4.4.1)
  std::vector<Range> recent;  // UIDs that are \Recent in this session (RFC 3501 §2.3.2)
  std::unique_ptr<mailstore::Watch> watch;

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
  };
  Step take(std::shared_ptr<const mailstore::View> newer);

  /// Writes what is to be told: EXPUNGE if it may be, changed flags, EXISTS.
  struct Telling {
    bool expunge = false;
    bool rev2 = false;
    const StoreEcho* echo = nullptr;
  };
  void tell(const Step& step, const Telling& telling, std::string& out);

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
  void tell_expunged(std::string& out);
  void tell_flags(std::string& out, mailstore::Uid uid, bool with_uid, bool rev2) const;
  void tell_changed(const Step& step, const Telling& telling, std::string& out) const;

  std::shared_ptr<const mailstore::View> view_;
  std::vector<Ghost> ghosts_;  // ascending
  std::size_t told_size_ = 0;
  std::size_t told_keywords_ = 0;
};

/// Flags as IMAP shows them, without parentheses: "\Seen \Draft $Label".
void append_system_flags(std::string& out, std::uint8_t flags);

}  // namespace imap
