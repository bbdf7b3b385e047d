#pragma once
// Private to the room. The bytes that an IMAP URL names (RFC 5092 §6), as FETCH would give them: found once, and read
// in pieces of bounded size, so that a part of any size passes through. On the session's loop; reads on the pool.

#include <memory>
#include <string>

#include "imap/fetch_parts.h"
#include "imap/imap_url.h"
#include "mailstore/mailstore.h"
#include "net/task.h"

namespace imap {

class UrlPart {
 public:
  UrlPart(mailstore::Mailstore& mail, mailstore::AccountId account) : mail_(mail), account_(account) {}

  std::uint64_t size() const { return span_.size() + sifted_.size(); }
  bool done() const { return size() == 0; }
  /// Of what is left. not_found or corrupt when the message is gone meanwhile.
  net::Task<base::Result<std::string>> next();

  /// not_found: there is no such mailbox, message or section; the URL is out of date.
  net::Task<base::Result<void>> find(ImapUrl url);

 private:
  using Email = mailstore::EmailReader::Email;

  mailstore::Mailstore& mail_;
  mailstore::AccountId account_;
  Email email_;
  Span span_;           // what is left of the message's bytes
  std::string sifted_;  // or of the header fields that were asked for
};

}  // namespace imap
