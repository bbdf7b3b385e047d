#pragma once
// Private to the room. Where a mailbox name leads, and what the session may do there. One's own mailboxes have plain
// names; those of other people stand below "Other Users/ADDRESS/", those of accounts that are nobody's (State::shared)
// below "Shared/ADDRESS/" (RFC 2342, RFC 4314). What a session may not see is answered as what does not exist. On the
// session's loop.

#include <string>
#include <string_view>
#include <vector>

#include "imap/driver.h"

namespace imap {

inline constexpr std::string_view kOtherUsers = "Other Users";
inline constexpr std::string_view kShared = "Shared";

struct Place {
  mailstore::AccountId account;
  std::string name;    // there
  std::string prefix;  // "Other Users/ann@example.org/"; empty: one's own
  base::Quota quota;   // of that account

  bool own() const { return prefix.empty(); }
};

/// A mailbox that is there, by the name that the session knows it by.
struct Found {
  Place place;
  mailstore::Mailbox mailbox;  // its name is the session's
  mailstore::Rights rights = mailstore::kAllRights;

  mailstore::Target target() const {
    return {
        .mailbox = mailbox.id, .account = place.account, .quota = place.quota, .keeps = mailstore::flag_mask(rights)};
  }
};

/// RFC 6851 §4.2, RFC 8508 §4.1: to mark a message as deleted, and to expunge it.
inline bool allows_removal(const Selected& selected) {
  constexpr mailstore::Rights kBoth = mailstore::kMarkDeleted | mailstore::kExpunge;
  return (selected.rights & kBoth) == kBoth;
}

/// Where a name as the client wrote it leads; whether it exists is not looked at. invalid; not_found: of an account
/// that is not there.
net::Task<base::Result<Place>> locate(Session& session, std::string wire);
/// The mailbox, if the session has all of the rights `need` to it; 0: any that lets it know of the mailbox. not_found,
/// also for what it may not see; denied.
net::Task<base::Result<Found>> find_mailbox(Session& session, std::string wire, mailstore::Rights need);
net::Task<base::Result<Found>> find_place(Session& session, Place place, mailstore::Rights need);
/// What the session has of a list of rights of somebody else's mailbox.
net::Task<base::Result<mailstore::Rights>> rights_by(Session& session, mailstore::Acl acl);
/// Whether the session may make a mailbox at that place: the right k to the nearest one above it that is there, at the
/// top that to INBOX (RFC 4314 §4). denied; invalid: a name that is kept for the namespaces.
net::Task<base::Result<void>> check_creation(Session& session, Place place);

/// "* MYRIGHTS name lrs"
void append_rights(Session& session, std::string_view name, mailstore::Rights rights);

/// All mailboxes that the session may see, as LIST shows them: its own, and with `others` those that it was given the
/// right l to, with the levels above them. Costs what is shown, and what others have beside it.
struct Visible {
  mailstore::MailboxList list;
  std::vector<Found> others;  // by name

  const Found* other(std::string_view name) const;
};
net::Task<base::Result<Visible>> visible_mailboxes(Session& session, bool others);
/// Whether a LIST pattern can match a name of others.
bool may_name_others(std::string_view pattern);

}  // namespace imap
