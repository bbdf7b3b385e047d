#pragma once
// Lines about mailboxes: LIST and STATUS responses (RFC 9051 §7.3). Pure but for STATUS, which may have to count.

#include <optional>
#include <string>
#include <string_view>

#include "imap/command.h"
#include "imap/driver.h"
#include "mailstore/types.h"

namespace imap {

/// "\Sent" and its like (RFC 6154 §2); empty for roles that have none.
std::string_view special_use(mailstore::Role role);
/// The role that has it; nothing where none has. \All and \Flagged are searches, which are not had.
std::optional<mailstore::Role> role_of(std::string_view use);

/// What a LIST line says of one name.
struct Listed {
  std::string_view keyword = "LIST";
  const mailstore::Mailbox* mailbox = nullptr;  // nullptr: there is none of that name
  bool noselect = false;                        // for names that are no mailboxes: only a place
  bool subscribed = false;
  std::string_view attribute;  // "\\NoAccess"
  std::string_view extended;   // "(\"CHILDINFO\" (…))"
};
void append_listed(std::string& out, std::string_view name, const Listed& what, bool utf8);

/// RFC 9051 §6.3.9.7: the name that the client gave, where the mail store normalised it.
std::string oldname(std::string_view given, bool utf8);

/// "* STATUS name (…)"
net::Task<void> write_status(Session& session, mailstore::AccountId account, const mailstore::Mailbox& mailbox,
                             std::uint16_t items);

}  // namespace imap
