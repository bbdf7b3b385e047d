#pragma once
// Object ids as clients see them (RFC 8474): a letter that tells what they are of, and the number of the record in
// hexadecimal: "M17f3a05c2d1e8000". Pure, total.

#include <cstdint>
#include <string>
#include <string_view>

#include "mailstore/types.h"

namespace imap {

/// " EMAILID (M17f3a05c2d1e8000)" and its like, without the space behind a parenthesis.
void append_object_id(std::string& out, std::string_view word, char kind, std::uint64_t number);
/// "MAILBOXID (F1-2)": mailboxes are numbered within their account.
std::string mailbox_id(mailstore::AccountId account, mailstore::MailboxId mailbox);
/// The number of an id of that kind, written as we write it; 0, which no record has, for anything else.
std::uint64_t parse_object_id(std::string_view text, char kind);

}  // namespace imap
