#pragma once
// Private to the room. What a session wants to be told of without asking (RFC 5465). A watch on each account that has
// mailboxes of interest wakes the session; what has changed comes from the change records, so that a notification costs
// what changed, and the list of mailboxes is read only when one was made, removed, renamed or shared. On the session's
// loop.

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "imap/driver.h"
#include "imap/places.h"

namespace imap {

/// Beside the session's own.
inline constexpr std::size_t kMaxNotifyAccounts = 100;

class Notifying {
 public:
  explicit Notifying(Notify wanted) : wanted_(std::move(wanted)) {}

  /// Begins to watch; with `status` says STATUS of the mailboxes whose messages are of interest, and which may not be
  /// read (\NoAccess). too_large: of more accounts than kMaxNotifyAccounts.
  net::Task<base::Result<void>> begin(Session& session);

  // --- The selected mailbox (RFC 5465 §6.1) --------------------------------------------------------------------------
  /// Bits of NotifyEvent.
  std::uint8_t selected_events() const;
  bool delays_expunge() const;
  /// Of new messages; nullptr: nothing is wanted.
  const Fetch* items() const { return wanted_.items ? &*wanted_.items : nullptr; }

  // --- All others ----------------------------------------------------------------------------------------------------
  /// Something may be to be told.
  bool pending() const;
  /// Tells it, if there is something. When that is too much, says NOTIFICATIONOVERFLOW and does not notify any more.
  net::Task<void> tell(Session& session);
  /// The session has done something itself, of which it is not told (§5): to a mailbox of that name, or to an entry.
  void caused(std::string name);
  void caused(mailstore::AccountId owner, mailstore::MailboxId mailbox, std::string_view entry);

 private:
  /// An account that is watched.
  struct Watched {
    mailstore::AccountId account;
    std::shared_ptr<std::atomic<bool>> changed;
    std::unique_ptr<mailstore::Watch> watch;
    mailstore::ModSeq seen = 0;
  };
  /// A mailbox that the session can see, as it was last told of it.
  struct Known {
    mailstore::AccountId account;
    mailstore::MailboxId id;
    std::string name;         // the session's
    std::size_t prefix = 0;   // of it, before its name there
    std::uint8_t events = 0;  // that are of interest
    bool readable = false;    // or there is nothing to be told but that it is not (§3.1)
    bool selectable = false;
    std::uint32_t uid_validity = 0;
    std::uint32_t unseen = 0;

    auto key() const { return std::pair(account, id); }
  };
  using List = std::vector<Known>;  // by key
  struct Seen;                      // the mailboxes that there are now, and which events are of interest

  net::Task<base::Result<void>> watch(Session& session, mailstore::AccountId account);
  net::Task<base::Result<bool>> watch_all(Session& session);
  net::Task<base::Result<std::unique_ptr<Seen>>> look(Session& session) const;
  net::Task<base::Result<void>> refresh(Session& session, std::vector<std::string> subscriptions);
  void tell_names(Session& session, const List& was, const Seen& now, const std::vector<std::string>& subscriptions);
  void tell_annotations(Session& session, const mailstore::Changes& changes);
  net::Task<base::Result<void>> tell_messages(Session& session, mailstore::AccountId account,
                                              const mailstore::Changes::OfMailbox& change);
  net::Task<base::Result<void>> tell_changes(Session& session);
  Known* known(mailstore::AccountId account, mailstore::MailboxId mailbox);
  bool wants(std::uint8_t events) const;
  bool names_others(const Session& session) const;

  Notify wanted_;
  std::vector<Watched> accounts_;
  List known_;
  std::uint64_t generation_ = 0;  // of the directory, when rights were looked at
  std::set<std::string> caused_;
  std::set<mailstore::Changes::OfAnnotation> caused_entries_;  // names in lower case
};

}  // namespace imap
