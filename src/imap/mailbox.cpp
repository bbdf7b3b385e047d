// Commands on whole mailboxes: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE, STATUS (RFC 9051 §6.3).
#include <algorithm>

#include "base/text.h"
#include "imap/driver.h"
#include "imap/mailbox_lines.h"
#include "imap/object_id.h"

namespace imap {

namespace {

using mailstore::Role;

constexpr Role kUses[] = {Role::drafts, Role::sent, Role::junk, Role::trash, Role::archive};

// RFC 6154 §3: one mailbox has at most one special use here, and those that are searches (\All, \Flagged) are not had.
std::optional<Role> wanted_role(const std::vector<std::string>& uses) {
  if (uses.empty()) return Role::none;
  const auto found = std::ranges::find_if(kUses, [&](Role role) { return base::iequals(special_use(role), uses[0]); });
  if (uses.size() > 1 || found == std::end(kUses)) return std::nullopt;
  return *found;
}

}  // namespace

net::Task<Reply> do_create(Session& session, Command& command) {
  const auto& arguments = std::get<Create>(command.arguments);
  auto name = session.decode_mailbox(arguments.name);
  if (!name) co_return refused(name.error());
  // RFC 9051 §6.3.4: a separator at the end announces children and is no part of the name.
  if (name->size() > 1 && name->ends_with(mailstore::kHierarchySeparator)) name->pop_back();
  if (base::iequals(*name, "INBOX")) co_return no(says::kInboxExists);
  const auto role = wanted_role(arguments.uses);
  if (!role) co_return no(says::kUnknownUse);
  const auto made = co_await session.services.mail.create_mailbox(session.account(), *name, *role);
  if (!made) co_return refused(made.error());
  if (session.rev2 && made->name != *name) {
    append_listed(session.out, made->name, {.mailbox = &*made, .extended = oldname(*name, true)}, true);
  }
  co_return completed("CREATE", mailbox_id(session.account(), made->id));
}

net::Task<Reply> do_delete(Session& session, Command& command) {
  auto name = session.decode_mailbox(std::get<MailboxName>(command.arguments).name);
  if (!name) co_return refused(name.error());
  const auto mailbox = co_await session.services.mail.mailbox(session.account(), *name);
  if (!mailbox) co_return refused(mailbox.error());
  if (mailbox->role == Role::inbox) co_return no(says::kInboxStays);
  const auto removed = co_await session.services.mail.remove_mailbox(session.account(), mailbox->id);
  if (!removed)
    co_return removed.error().code == base::Code::conflict ? no(says::kHasChildren) : refused(removed.error());
  if (session.selected && session.selected->mailbox == mailbox->id) {
    session.deselect();
    session.line(says::kClosed);
  }
  co_return completed("DELETE");
}

net::Task<Reply> do_rename(Session& session, Command& command) {
  const auto& arguments = std::get<Rename>(command.arguments);
  auto from = session.decode_mailbox(arguments.from);
  if (!from) co_return refused(from.error());
  auto to = session.decode_mailbox(arguments.to);
  if (!to) co_return refused(to.error());
  if (to->size() > 1 && to->ends_with(mailstore::kHierarchySeparator)) to->pop_back();
  if (base::iequals(*to, "INBOX")) co_return no(says::kInboxExists);
  const auto mailbox = co_await session.services.mail.mailbox(session.account(), *from);
  if (!mailbox) co_return refused(mailbox.error());
  const auto renamed = co_await session.services.mail.rename_mailbox(session.account(), mailbox->id, *to);
  if (!renamed) co_return refused(renamed.error());
  session.signal->changed = true;
  co_return completed("RENAME");
}

net::Task<Reply> do_subscribe(Session& session, Command& command) {
  auto name = session.decode_mailbox(std::get<MailboxName>(command.arguments).name);
  if (!name) co_return refused(name.error());
  const auto done = co_await session.services.mail.subscribe(session.account(), *name);
  if (!done) co_return refused(done.error());
  co_return completed("SUBSCRIBE");
}

net::Task<Reply> do_unsubscribe(Session& session, Command& command) {
  auto name = session.decode_mailbox(std::get<MailboxName>(command.arguments).name);
  if (!name) co_return refused(name.error());
  const auto done = co_await session.services.mail.unsubscribe(session.account(), *name);
  if (!done) co_return refused(done.error());
  co_return completed("UNSUBSCRIBE");
}

// RFC 2342 §5: one personal namespace without a prefix, and no others.
net::Task<Reply> do_namespace(Session& session, Command&) {
  session.line(R"(* NAMESPACE (("" "/")) NIL NIL)");
  co_return completed("NAMESPACE");
}

net::Task<Reply> do_status(Session& session, Command& command) {
  const auto& arguments = std::get<Status>(command.arguments);
  auto name = session.decode_mailbox(arguments.name);
  if (!name) co_return refused(name.error());
  const auto mailbox = co_await session.services.mail.mailbox(session.account(), *name);
  if (!mailbox) co_return refused(mailbox.error());
  if (!mailbox->selectable) co_return no(says::kNotSelectable);
  co_await write_status(session, *mailbox, arguments.items);
  co_return completed("STATUS");
}

}  // namespace imap
