// Reading emails. Sessions ask in ascending order nearly always, so a cursor walks along and answers most questions
// with its next record, which costs a fraction of a look-up.

#include <algorithm>

#include "mailstore/encoded.h"
#include "mailstore/impl.h"
#include "mailstore/structure.h"
#include "mime/imap_form.h"

namespace mailstore {
namespace {

class Reader final : public EmailReader {
 public:
  Reader(const store::Reader& reader, AccountId account) : reader_(reader), account_(account) {}

  base::Result<Email> email(EmailId id) override {
    TRY(load(id));
    std::string envelope = record_.envelope();
    if (envelope.empty()) {
      TRY_ASSIGN(envelope, long_envelope());
    }
    return Email{
        .id = id,
        .thread = ThreadId{record_.thread()},
        .blob = base::BlobId{record_.blob()},
        .prefix = record_.prefix(),
        .size = record_.size(),
        .received = {.unix_seconds = record_.received_seconds(), .zone_minutes = record_.received_zone_minutes()},
        .envelope = std::move(envelope),
        .message_id = record_.message_id()};
  }

  base::Result<mime::Message> structure(EmailId id) override {
    TRY(load(id));
    std::string structure = record_.structure();
    if (structure.empty()) {  // it was too long to be kept
      TRY_ASSIGN(const mime::Message body, parse_body(record_.size()));
      structure = encode_structure(body);
    }
    auto message = decode_structure(structure, record_.prefix().size());
    if (!message) return base::fail(base::Code::corrupt, "the structure of " + where(id) + " cannot be read");
    return *std::move(message);
  }

  base::Result<void> bytes(const Email& email, std::uint64_t offset, std::uint64_t length, std::string& out) override {
    const std::uint64_t prefix = email.prefix.size();
    if (offset < prefix) {
      const std::uint64_t taken = std::min(length, prefix - offset);
      out.append(email.prefix, offset, taken);
      offset += taken;
      length -= taken;
    }
    if (length == 0 || offset >= email.size) return {};
    return reader_.read_body(email.blob, offset - prefix, std::min(length, email.size - offset), out);
  }

  base::Result<std::int64_t> saved(MailboxId mailbox, Uid uid) override {
    TRY_ASSIGN(const auto placement, reader_.get(kPlacements, {account_, mailbox, uid}));
    if (!placement) return base::fail(base::Code::not_found, "message " + std::to_string(uid) + " is gone");
    return placement->saved();
  }

 private:
  std::string where(EmailId id) const {
    return "email " + std::to_string(id.value) + " of account " + std::to_string(account_.value);
  }

  /// The envelope of a message whose own was too long to be kept.
  base::Result<std::string> long_envelope() {
    TRY_ASSIGN(const mime::Message body, parse_body(kParseLimits.header_bytes));
    const mime::EnvelopeFields& fields = outer_fields(body);
    return mime::imap_envelope(fields_with_prefix(fields, record_.prefix()).value_or(fields));
  }

  /// The body of the loaded email up to `limit` bytes, as it was parsed when it came.
  base::Result<mime::Message> parse_body(std::uint64_t limit) {
    const std::uint64_t prefix = std::min<std::uint64_t>(record_.size(), record_.prefix().size());
    const std::uint64_t size = std::min(limit, record_.size() - prefix);
    mime::Parser parser(kParseLimits);
    std::string chunk;
    for (std::uint64_t offset = 0; offset < size; offset += chunk.size()) {
      chunk.clear();
      TRY(reader_.read_body(base::BlobId{record_.blob()}, offset,
                            std::min<std::uint64_t>(size - offset, store::kChunkBytes), chunk));
      if (chunk.empty()) return base::fail(base::Code::corrupt, "the body of " + where(loaded_) + " is too short");
      parser.feed(chunk);
    }
    return parser.finish();
  }

  base::Result<void> load(EmailId id) {
    if (loaded_ == id) return {};
    loaded_ = {};
    const std::string key = store::encode_key(kEmails.id, account_, id);
    TRY_ASSIGN(const auto bytes, find(key));
    if (!bytes) return base::fail(base::Code::not_found, "there is no " + where(id));
    if (!record_.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
      return std::unexpected(store::corrupt_record(kEmails.name, key));
    }
    loaded_ = id;
    return {};
  }

  /// The bytes of a record, valid until the next call.
  base::Result<std::optional<std::string_view>> find(const std::string& key) {
    const bool first = ++lookups_ == 1;
    if (cursor_ && cursor_->valid() && cursor_->key() <= key) {
      if (cursor_->key() != key) cursor_->next();
      if (cursor_->valid() && cursor_->key() < key) cursor_->seek(key);
      if (cursor_->error()) return std::unexpected(*cursor_->error());
      if (cursor_->valid() && cursor_->key() == key) return cursor_->value();
      return std::nullopt;
    }
    // The first question may be the only one, and one that looks back does not begin a walk.
    if (!first && !cursor_) {
      cursor_ = reader_.scan_raw(key, store::prefix_end(store::encode_key(kEmails.id, account_)));
      if (cursor_->error()) return std::unexpected(*cursor_->error());
      if (cursor_->valid() && cursor_->key() == key) return cursor_->value();
      return std::nullopt;
    }
    TRY_ASSIGN(const bool found, reader_.get_raw(key, buffer_));
    if (!found) return std::nullopt;
    return std::string_view(buffer_);
  }

  const store::Reader& reader_;
  AccountId account_;
  std::unique_ptr<store::RawCursor> cursor_;
  std::size_t lookups_ = 0;
  std::string buffer_;
  schema::EmailRecord record_;
  EmailId loaded_;
};

}  // namespace

std::unique_ptr<EmailReader> make_email_reader(const store::Reader& reader, AccountId account) {
  return std::make_unique<Reader>(reader, account);
}

}  // namespace mailstore
