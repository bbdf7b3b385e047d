// Annotations (RFC 5464): entries of mailboxes, and of accounts themselves. What is shared belongs to the owner of the
// mailbox, what is private to the account that wrote it, with whose records it is kept and removed.

#include <algorithm>

#include "base/text.h"
#include "mailstore/impl.h"

namespace mailstore {
namespace {

/// Of a name in lower case.
bool is_private(std::string_view folded) { return folded.starts_with("/private/"); }

/// Adds what belongs to `holder` of a mailbox of `owner`: all of it, or what is private, or what is shared.
enum class Which { all, only_private, only_shared };
base::Result<void> read_some(const store::Reader& reader, AccountId holder, AccountId owner, MailboxId mailbox,
                             Which which, std::vector<Annotation>& out) {
  auto cursor = reader.scan(kAnnotations, holder, owner, mailbox);
  for (; cursor.valid(); cursor.next()) {
    const bool is_own = is_private(std::get<std::string>(cursor.key()));
    if (which != Which::all && is_own != (which == Which::only_private)) continue;
    TRY_ASSIGN(auto record, cursor.value());
    out.push_back({std::move(*record.mutable_name()), std::move(*record.mutable_value())});
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

std::uint64_t bytes_of(const schema::AnnotationRecord& record) { return record.name().size() + record.value().size(); }

/// Puts or removes one, with its part of the account's space.
base::Result<void> put(Edit& edit, AccountId owner, MailboxId mailbox, const AnnotationChange& change) {
  const Key<AccountId, AccountId, MailboxId, std::string> key{edit.account_id(), owner, mailbox,
                                                              base::lower(change.name)};
  TRY_ASSIGN(const auto known, edit.tx().get(kAnnotations, key));
  if (!known && !change.value) return {};
  schema::MailAccount& account = edit.mutable_account();
  std::uint64_t bytes = account.annotation_bytes();
  if (known) bytes -= std::min(bytes, bytes_of(*known));
  if (change.value) {
    schema::AnnotationRecord record;
    record.set_name(known ? known->name() : change.name);
    record.set_value(*change.value);
    bytes += bytes_of(record);
    if (bytes > kMaxAnnotatedBytes) {
      return base::fail(base::Code::too_large, "the annotations of an account may take " +
                                                   std::to_string(kMaxAnnotatedBytes) + " bytes altogether");
    }
    edit.tx().put(kAnnotations, key, record);
  } else {
    edit.tx().erase(kAnnotations, key);
  }
  account.set_annotation_bytes(bytes);
  schema::AnnotationChange& note = *edit.change().add_annotations();
  note.set_owner(owner.value);
  note.set_mailbox(mailbox.value);
  note.set_name(known ? known->name() : change.name);
  return {};
}

base::Result<void> check_number(Edit& edit, AccountId owner, MailboxId mailbox) {
  std::size_t count = 0;
  auto cursor = edit.tx().scan(kAnnotations, edit.account_id(), owner, mailbox);
  for (; cursor.valid() && count <= kMaxAnnotations; cursor.next()) ++count;
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (count <= kMaxAnnotations) return {};
  return base::fail(base::Code::too_large,
                    "a mailbox may have " + std::to_string(kMaxAnnotations) + " annotations and no more");
}

/// The private ones in the step of the account that writes, the others in that of the owner.
base::Result<void> put_all(Edit& edit, AccountId owner, MailboxId mailbox, AccountId writer,
                           const std::vector<AnnotationChange>& changes) {
  const bool here = edit.account_id() == owner;
  if (here && mailbox) TRY(edit.mailbox(mailbox, /*selectable=*/false));
  for (const AnnotationChange& change : changes) {
    if (edit.account_id() == (is_private(base::lower(change.name)) ? writer : owner)) {
      TRY(put(edit, owner, mailbox, change));
    }
  }
  return check_number(edit, owner, mailbox);
}

}  // namespace

bool valid_annotation(std::string_view name) {
  if (name.size() > kMaxAnnotationNameBytes || name.ends_with('/') || name.contains("//")) return false;
  if (!base::istarts_with(name, "/private/") && !base::istarts_with(name, "/shared/")) return false;
  if (!std::ranges::all_of(name, [](char c) { return c >= 0x20 && c < 0x7f && c != '*' && c != '%'; })) return false;
  // RFC 5464 §3.2: below "vendor" there are at least four parts.
  const std::string_view below = name.substr(name.find('/', 1) + 1);
  return !(base::iequals(below, "vendor") || base::istarts_with(below, "vendor/")) ||
         std::ranges::count(below, '/') >= 2;
}

base::Result<void> copy_annotations(Edit& edit, MailboxId from, MailboxId to) {
  std::vector<Annotation> all;
  TRY(read_some(edit.tx(), edit.account_id(), edit.account_id(), from, Which::all, all));
  for (Annotation& annotation : all) {
    TRY(put(edit, edit.account_id(), to, {std::move(annotation.name), std::move(annotation.value)}));
  }
  return {};
}

base::Result<bool> erase_annotations(Edit& edit, MailboxId mailbox) {
  const AccountId account = edit.account_id();
  std::vector<Key<AccountId, AccountId, MailboxId, std::string>> keys;
  std::uint64_t bytes = 0;
  auto cursor = edit.tx().scan(kAnnotations, account, account, mailbox);
  for (; cursor.valid() && keys.size() < kRemovalBatch; cursor.next()) {
    const auto record = cursor.value();
    if (record) bytes += bytes_of(*record);
    keys.push_back(cursor.key());
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& key : keys) edit.tx().erase(kAnnotations, key);
  if (bytes > 0) {
    schema::MailAccount& record = edit.mutable_account();
    record.set_annotation_bytes(record.annotation_bytes() - std::min(record.annotation_bytes(), bytes));
  }
  return keys.size() == kRemovalBatch;
}

net::Task<base::Result<std::vector<Annotation>>> Impl::annotations(AccountId account, MailboxId mailbox,
                                                                   AccountId reader) {
  return context_.store.read([=](const store::Reader& from) -> base::Result<std::vector<Annotation>> {
    std::vector<Annotation> all;
    TRY(read_some(from, reader, account, mailbox, Which::only_private, all));
    TRY(read_some(from, account, account, mailbox, Which::only_shared, all));
    return all;
  });
}

net::Task<base::Result<void>> Impl::annotate(AccountId account, MailboxId mailbox, AccountId writer,
                                             std::vector<AnnotationChange> changes) {
  for (const AnnotationChange& change : changes) {
    if (!valid_annotation(change.name)) {
      co_return base::fail(base::Code::invalid, "\"" + base::printable(change.name) + "\" is no name of an entry");
    }
    if (change.value && change.value->size() > kMaxAnnotationBytes) {
      co_return base::fail(base::Code::too_large,
                           "the value of an entry has at most " + std::to_string(kMaxAnnotationBytes) + " bytes");
    }
  }
  if (writer == account) {
    co_return co_await edit(account, [&](Edit& step) { return put_all(step, account, mailbox, writer, changes); });
  }
  co_return co_await edit_two(account, writer, [&](Edit& owner, Edit& guest) -> base::Result<void> {
    TRY(put_all(owner, account, mailbox, writer, changes));
    return put_all(guest, account, mailbox, writer, changes);
  });
}

}  // namespace mailstore
