#pragma once
// FetchBatch: a number of messages of one FETCH, formatted on the pool into strings of bounded size. run() stops when
// the string is full, also in the middle of a literal, and goes on there the next time; so a message of any size is
// sent in constant memory. Used by one worker at a time, never while the session looks at it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/command.h"
#include "imap/fetch_parts.h"
#include "mailstore/mailstore.h"
#include "mime/decode.h"

namespace imap {

/// A run ends when it has given so much (and a chunk of a body, a header block or a structure more).
inline constexpr std::size_t kFetchBytes = 256 * 1024;

class FetchBatch {
 public:
  FetchBatch(const Fetch& request, mailstore::MailboxId mailbox) : request_(request), mailbox_(mailbox) {}

  /// A message and the beginning of its response, which the session has written: "* 1 FETCH (UID 7".
  void add(const mailstore::Row& row, std::string_view head);
  void clear();
  std::size_t size() const { return targets_.size(); }
  bool finished() const { return at_ == targets_.size(); }

  base::Result<void> run(mailstore::EmailReader& reader, std::string& out);

  /// Why messages were left out; each is one reason for a NO.
  struct Trouble {
    bool expunged = false;
    bool corrupt = false;
    bool unknown_encoding = false;
    bool not_leaf = false;
    bool torn = false;  // a literal was begun and cannot be ended: the connection is lost
  };
  const Trouble& trouble() const { return trouble_; }

 private:
  struct Target {
    mailstore::EmailId email;
    mailstore::Uid uid;
    std::size_t head_end;
  };
  /// A literal that is being sent.
  struct Literal {
    Span bytes;  // what is left to be read
    std::unique_ptr<mime::TransferDecoder> decoder;
    std::uint64_t skip = 0;  // decoded bytes before the partial range
    std::uint64_t left = 0;  // bytes of the literal that are to come
  };
  using Email = mailstore::EmailReader::Email;

  std::string_view head(std::size_t index) const;
  base::Result<void> message(mailstore::EmailReader& reader, std::string& out);
  base::Result<void> metadata(mailstore::EmailReader& reader, std::string& out);
  base::Result<void> structures(mailstore::EmailReader& reader, std::string& out);
  base::Result<void> preview(mailstore::EmailReader& reader, std::string& out);
  base::Result<void> body(mailstore::EmailReader& reader, const BodyItem& item, std::string& out);
  base::Result<void> fields(mailstore::EmailReader& reader, const BodyItem& item, Span span, std::string& out);
  base::Result<void> binary(mailstore::EmailReader& reader, const BodyItem& item, std::string& out);
  base::Result<void> pump(mailstore::EmailReader& reader, std::string& out);
  base::Result<const mime::Message*> structure(mailstore::EmailReader& reader);
  void note(const base::Error& error);

  const Fetch& request_;
  const mailstore::MailboxId mailbox_;
  std::vector<Target> targets_;
  std::string heads_;
  Trouble trouble_;

  // Where we are.
  std::size_t at_ = 0;
  bool begun_ = false;         // the response of the message at hand is begun
  std::size_t next_body_ = 0;  // of its body items
  std::optional<Literal> literal_;
  Email email_;
  std::unique_ptr<mime::Message> structure_;
};

}  // namespace imap
