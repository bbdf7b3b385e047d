// Commands on whole mailboxes: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE, STATUS (RFC 9051 §6.3).
#include <algorithm>

#include "base/text.h"
#include "imap/driver.h"
#include "imap/mailbox_lines.h"
#include "imap/notify.h"
#include "imap/object_id.h"
#include "imap/places.h"

namespace imap {

namespace {

using mailstore::Role;

// RFC 6154 §3: one mailbox has at most one special use here.
std::optional<Role> wanted_role(const std::vector<std::string>& uses) {
  if (uses.empty()) return Role::none;
  return uses.size() == 1 ? role_of(uses[0]) : std::nullopt;
}

// Of an account that is not there it is said what is said of one in which nothing may be made.
Reply refused_creation(const base::Error& error) {
  if (error.code != base::Code::not_found) return refused(error);
  return refused({base::Code::denied, "you may not make mailboxes there"});
}

}  // namespace

net::Task<Reply> do_create(Session& session, Command& command) {
  auto& arguments = std::get<Create>(command.arguments);
  auto place = co_await locate(session, std::move(arguments.name));
  if (!place) co_return refused_creation(place.error());
  // RFC 9051 §6.3.4: a separator at the end announces children and is no part of the name.
  if (place->name.size() > 1 && place->name.ends_with(mailstore::kHierarchySeparator)) place->name.pop_back();
  const auto allowed = co_await check_creation(session, *place);
  if (!allowed) co_return refused(allowed.error());
  if (base::iequals(place->name, "INBOX")) co_return no(says::kInboxExists);
  const auto role = wanted_role(arguments.uses);
  if (!role) co_return no(says::kUnknownUse);
  auto made = co_await session.services.mail.create_mailbox(place->account, place->name, *role, !place->own());
  if (!made) co_return refused(made.error());
  if (session.notifying) session.notifying->caused(place->prefix + made->name);
  if (session.rev2 && made->name != place->name) {
    made->name = place->prefix + made->name;
    append_listed(session.out, made->name, {.mailbox = &*made, .extended = oldname(place->prefix + place->name, true)},
                  true);
  }
  co_return completed("CREATE", mailbox_id(place->account, made->id));
}

net::Task<Reply> do_delete(Session& session, Command& command) {
  auto& arguments = std::get<MailboxName>(command.arguments);
  const auto found = co_await find_mailbox(session, std::move(arguments.name), mailstore::kRemoveMailbox);
  if (!found) co_return refused(found.error());
  const mailstore::AccountId account = found->place.account;
  const mailstore::MailboxId id = found->mailbox.id;
  if (found->mailbox.role == Role::inbox) co_return no(says::kInboxStays);
  const auto removed = co_await session.services.mail.remove_mailbox(account, id);
  if (!removed)
    co_return removed.error().code == base::Code::conflict ? no(says::kHasChildren) : refused(removed.error());
  if (session.notifying) session.notifying->caused(found->mailbox.name);
  if (session.selected && session.selected->account == account && session.selected->mailbox == id) {
    session.deselect();
    session.line(says::kClosed);
  }
  co_return completed("DELETE");
}

// RFC 4314 §4: what is renamed goes from one parent to another, or what is below it might.
net::Task<Reply> do_rename(Session& session, Command& command) {
  auto& arguments = std::get<Rename>(command.arguments);
  auto to = co_await locate(session, std::move(arguments.to));
  if (!to) co_return refused_creation(to.error());
  if (to->name.size() > 1 && to->name.ends_with(mailstore::kHierarchySeparator)) to->name.pop_back();
  const auto from = co_await find_mailbox(session, std::move(arguments.from), mailstore::kRemoveMailbox);
  if (!from) co_return refused(from.error());
  const auto allowed = co_await check_creation(session, *to);
  if (!allowed) co_return refused(allowed.error());
  if (base::iequals(to->name, "INBOX")) co_return no(says::kInboxExists);
  if (from->place.account != to->account) co_return no(says::kAcrossAccounts);
  const auto renamed = co_await session.services.mail.rename_mailbox(to->account, from->mailbox.id, to->name);
  if (!renamed) co_return refused(renamed.error());
  if (session.notifying) session.notifying->caused(to->prefix + to->name);
  session.signal->changed = true;
  co_return completed("RENAME");
}

net::Task<Reply> do_subscribe(Session& session, Command& command) {
  auto name = session.decode_mailbox(std::get<MailboxName>(command.arguments).name);
  if (!name) co_return refused(name.error());
  const auto done = co_await session.services.mail.subscribe(session.account(), *name);
  if (!done) co_return refused(done.error());
  if (session.notifying) session.notifying->caused(std::move(*name));
  co_return completed("SUBSCRIBE");
}

net::Task<Reply> do_unsubscribe(Session& session, Command& command) {
  auto name = session.decode_mailbox(std::get<MailboxName>(command.arguments).name);
  if (!name) co_return refused(name.error());
  const auto done = co_await session.services.mail.unsubscribe(session.account(), *name);
  if (!done) co_return refused(done.error());
  if (session.notifying) session.notifying->caused(std::move(*name));
  co_return completed("UNSUBSCRIBE");
}

// RFC 2342 §5: what is there, also when nothing in it is to be seen.
net::Task<Reply> do_namespace(Session& session, Command&) {
  session.line(R"(* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/")))");
  co_return completed("NAMESPACE");
}

net::Task<Reply> do_status(Session& session, Command& command) {
  auto& arguments = std::get<Status>(command.arguments);
  const auto found = co_await find_mailbox(session, std::move(arguments.name), mailstore::kRead);
  if (!found) co_return refused(found.error());
  if (!found->mailbox.selectable) co_return no(says::kNotSelectable);
  if (arguments.items & kHighestModSeq) session.enable_condstore();
  co_await write_status(session, found->place.account, found->mailbox, arguments.items);
  co_return completed("STATUS");
}

}  // namespace imap
