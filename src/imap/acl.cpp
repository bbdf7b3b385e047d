// SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3). The owner of a mailbox has all rights, which no
// list can take away; everybody else has what the list says.
#include <algorithm>

#include "base/text.h"
#include "imap/names.h"
#include "imap/places.h"
#include "sharing/identifier.h"

namespace imap {

namespace {

using mailstore::AclChange;
using mailstore::Rights;

struct Change {
  AclChange::How how = AclChange::How::set;
  Rights rights = 0;
};
// mod-rights
std::optional<Change> parse_change(std::string_view text) {
  Change change;
  if (text.starts_with('+')) change.how = AclChange::How::add;
  if (text.starts_with('-')) change.how = AclChange::How::remove;
  if (change.how != AclChange::How::set) text.remove_prefix(1);
  const auto rights = mailstore::parse_rights(text);
  if (!rights) return std::nullopt;
  change.rights = *rights;
  return change;
}

/// Whose mailbox it is.
net::Task<base::Result<std::string>> owner_of(Session& session, const Place& place) {
  if (place.own()) co_return session.identity->address;
  auto account = co_await session.services.directory.account(place.account);
  if (!account) co_return std::unexpected(std::move(account).error());
  if (!*account) co_return base::fail(base::Code::not_found, "there is no mailbox of that name");
  co_return std::move((*account)->address);
}

/// A mailbox that the session administers, and somebody of whom it says something.
struct Subject {
  Found found;
  sharing::Identifier identifier;
};
net::Task<base::Result<Subject>> find_subject(Session& session, AclOf& arguments) {
  auto found = co_await find_mailbox(session, std::move(arguments.name), mailstore::kAdminister);
  if (!found) co_return std::unexpected(std::move(found).error());
  auto owner = co_await owner_of(session, found->place);
  if (!owner) co_return std::unexpected(std::move(owner).error());
  auto identifier =
      co_await sharing::find_identifier(session.services.directory, std::move(*owner), arguments.identifier);
  if (!identifier) co_return std::unexpected(std::move(identifier).error());
  // RFC 4314 §6: who else is here is not for people of other domains to find out. The operator may name anybody.
  const auto is_this = [&](const mailstore::AclEntry& entry) { return entry.grantee == identifier->grantee; };
  if (identifier->other_domain && std::ranges::none_of(found->mailbox.acl, is_this)) {
    co_return std::unexpected(sharing::no_such_identifier(arguments.identifier));
  }
  co_return Subject{std::move(*found), std::move(*identifier)};
}

bool is_owner(const Subject& subject) {
  return subject.identifier.grantee.kind == mailstore::Grantee::Kind::account &&
         subject.identifier.grantee.account == subject.found.place.account;
}

net::Task<Reply> change_acl(Session& session, Command& command, Change change) {
  auto subject = co_await find_subject(session, std::get<AclOf>(command.arguments));
  if (!subject) co_return refused(subject.error());
  if (is_owner(*subject)) co_return no(says::kOwnersRights);
  const auto done = co_await session.services.mail.change_acl(subject->found.place.account, subject->found.mailbox.id,
                                                              {.grantee = std::move(subject->identifier.grantee),
                                                               .withheld = subject->identifier.withheld,
                                                               .how = change.how,
                                                               .rights = change.rights});
  if (!done) co_return refused(done.error());
  session.log.info("imap.acl", {{"mailbox", subject->found.mailbox.name},
                                {"owner", subject->found.place.account.value},
                                {"identifier", base::printable(std::get<AclOf>(command.arguments).identifier)},
                                {"rights", base::printable(std::get<AclOf>(command.arguments).rights)}});
  co_return completed(command.verb->name);
}

// RFC 6855 §3: an address may be in UTF-8, which stands in a quoted string only for who has said to know that.
void append_identifier(Session& session, std::string_view identifier) {
  const bool ascii = std::ranges::none_of(identifier, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (ascii || session.utf8_names()) {
    append_astring(session.out, identifier);
  } else {
    append_string(session.out, identifier);
  }
}

}  // namespace

void append_rights(Session& session, std::string_view name, Rights rights) {
  session.out += "* MYRIGHTS ";
  append_name(session.out, name, session.utf8_names());
  session.out += ' ';
  append_astring(session.out, mailstore::print(rights));
  session.out += "\r\n";
}

net::Task<Reply> do_setacl(Session& session, Command& command) {
  // RFC 4314 §3.1: what is no right is never passed over.
  const auto change = parse_change(std::get<AclOf>(command.arguments).rights);
  if (!change) co_return bad(says::kNoSuchRight);
  co_return co_await change_acl(session, command, *change);
}

net::Task<Reply> do_deleteacl(Session& session, Command& command) {
  co_return co_await change_acl(session, command, {});
}

net::Task<Reply> do_getacl(Session& session, Command& command) {
  auto& arguments = std::get<MailboxName>(command.arguments);
  const auto found = co_await find_mailbox(session, std::move(arguments.name), mailstore::kAdminister);
  if (!found) co_return refused(found.error());
  const auto owner = co_await owner_of(session, found->place);
  if (!owner) co_return refused(owner.error());
  const auto named = co_await sharing::name_rights(session.services.directory, found->mailbox.acl);
  if (!named) co_return refused(named.error());
  const auto add = [&](std::string_view identifier, Rights rights) {
    session.out += ' ';
    append_identifier(session, identifier);
    session.out += ' ';
    append_astring(session.out, mailstore::print(rights));
  };
  session.out += "* ACL ";
  append_name(session.out, found->mailbox.name, session.utf8_names());
  add(*owner, mailstore::kAllRights);
  for (const auto& [identifier, rights] : *named) add(identifier, rights);
  session.out += "\r\n";
  co_return completed("GETACL");
}

net::Task<Reply> do_listrights(Session& session, Command& command) {
  auto& arguments = std::get<AclOf>(command.arguments);
  const auto subject = co_await find_subject(session, arguments);
  if (!subject) co_return refused(subject.error());
  session.out += "* LISTRIGHTS ";
  append_name(session.out, subject->found.mailbox.name, session.utf8_names());
  session.out += ' ';
  append_identifier(session, arguments.identifier);  // §3.4: in the form that was given
  session.out += is_owner(*subject) ? " lrswipkxteacd\r\n" : " \"\" l r s w i p k x t e a c d\r\n";
  co_return completed("LISTRIGHTS");
}

net::Task<Reply> do_myrights(Session& session, Command& command) {
  auto& arguments = std::get<MailboxName>(command.arguments);
  const auto found = co_await find_mailbox(session, std::move(arguments.name), 0);
  if (!found) co_return refused(found.error());
  append_rights(session, found->mailbox.name, found->rights);
  co_return completed("MYRIGHTS");
}

}  // namespace imap
