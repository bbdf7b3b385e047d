#include "imap/mailbox_lines.h"

#include <algorithm>

#include "base/text.h"
#include "imap/names.h"
#include "imap/object_id.h"

namespace imap {

std::string_view special_use(mailstore::Role role) {
  switch (role) {
    case mailstore::Role::drafts:
      return "\\Drafts";
    case mailstore::Role::sent:
      return "\\Sent";
    case mailstore::Role::junk:
      return "\\Junk";
    case mailstore::Role::trash:
      return "\\Trash";
    case mailstore::Role::archive:
      return "\\Archive";
    case mailstore::Role::none:
    case mailstore::Role::inbox:
      return {};
  }
  return {};
}

std::optional<mailstore::Role> role_of(std::string_view use) {
  using mailstore::Role;
  for (const Role role : {Role::drafts, Role::sent, Role::junk, Role::trash, Role::archive}) {
    if (base::iequals(special_use(role), use)) return role;
  }
  return std::nullopt;
}

void append_listed(std::string& out, std::string_view name, const Listed& what, bool utf8) {
  out += "* ";
  out += what.keyword;
  out += " (";
  const auto attribute = [&](std::string_view word) {
    if (word.empty()) return;
    if (out.back() != '(') out += ' ';
    out += word;
  };
  if (what.mailbox == nullptr) {
    attribute(what.noselect ? "\\NoSelect" : "\\NonExistent");
  } else if (!what.mailbox->selectable) {
    attribute("\\NoSelect");
  }
  attribute(what.attribute);
  if (what.subscribed) attribute("\\Subscribed");
  if (what.mailbox != nullptr) {
    attribute(what.mailbox->has_children ? "\\HasChildren" : "\\HasNoChildren");
    attribute(special_use(what.mailbox->role));
  }
  out += ") \"/\" ";
  append_name(out, name, utf8);
  if (!what.extended.empty()) {
    out += ' ';
    out += what.extended;
  }
  out += "\r\n";
}

std::string oldname(std::string_view given, bool utf8) {
  std::string out = "(\"OLDNAME\" (";
  append_name(out, given, utf8);
  out += "))";
  return out;
}

net::Task<void> write_status(Session& session, mailstore::AccountId account, const mailstore::Mailbox& mailbox,
                             std::uint16_t items) {
  std::size_t recent = 0;
  std::uint64_t deleted_size = 0;
  if ((items & kDeletedStorage) && mailbox.deleted > 0) {
    if (const auto view = co_await session.services.mail.view(account, mailbox.id, session.account())) {
      for (std::size_t i = 0; i < (*view)->size(); ++i) {
        const mailstore::Row& row = (*view)->at(i);
        if (row.flags & mailstore::kDeleted) deleted_size += row.size;
      }
    }
  }
  if (items & kRecent) {
    const auto first = session.services.mail.first_recent(account, mailbox.id, mailbox.uid_next, false);
    if (first < mailbox.uid_next) {
      if (const auto view = co_await session.services.mail.view(account, mailbox.id, session.account())) {
        recent = (*view)->size() - (*view)->lower_bound(first);
      }
    }
  }
  std::string& out = session.out;
  out += "* STATUS ";
  append_name(out, mailbox.name, session.utf8_names());
  out += " (";
  const auto item = [&](std::uint16_t bit, std::string_view word, std::uint64_t value) {
    if (!(items & bit)) return;
    if (out.back() != '(') out += ' ';
    out += word;
    out += ' ';
    append_number(out, value);
  };
  item(kMessages, "MESSAGES", mailbox.messages);
  item(kRecent, "RECENT", recent);
  item(kUidNext, "UIDNEXT", mailbox.uid_next);
  item(kUidValidity, "UIDVALIDITY", mailbox.uid_validity);
  item(kUnseen, "UNSEEN", mailbox.unseen);
  item(kDeletedCount, "DELETED", mailbox.deleted);
  item(kSize, "SIZE", mailbox.size);
  item(kHighestModSeq, "HIGHESTMODSEQ", std::max<mailstore::ModSeq>(1, mailbox.highest_modseq));
  item(kDeletedStorage, "DELETED-STORAGE", deleted_size);
  item(kAppendLimit, "APPENDLIMIT", session.config->max_message_bytes);
  if (items & kMailboxId) {
    if (out.back() != '(') out += ' ';
    out += mailbox_id(account, mailbox.id);
  }
  out += ")\r\n";
}

}  // namespace imap
