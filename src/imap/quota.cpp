// GETQUOTA and GETQUOTAROOT (RFC 9208). An account has one quota root, "", which limits the bytes of its messages, each
// counted once, in however many mailboxes it is; the messages, each as often as it is there; and the mailboxes. Only
// the operator sets the first two.
#include "imap/names.h"
#include "imap/places.h"

namespace imap {

namespace {

constexpr std::uint64_t kUnit = 1024;  // RFC 9208 §5.1: STORAGE is counted in units of 1,024 bytes

/// " NAME used limit"
void append_resource(std::string& list, const char* name, std::uint64_t used, std::uint64_t limit) {
  list += " " + std::string(name) + " " + std::to_string(used) + " " + std::to_string(limit);
}

net::Task<base::Result<void>> write_quota(Session& session) {
  auto usage = co_await session.services.mail.usage(session.account());
  if (usage && usage->mailboxes == 0) {  // those of a new account are made when they are first needed
    const auto made = co_await session.services.mail.mailboxes(session.account());
    if (!made) co_return std::unexpected(made.error());
    usage = co_await session.services.mail.usage(session.account());
  }
  if (!usage) co_return std::unexpected(usage.error());
  const base::Quota& quota = session.identity->quota;
  std::string list;
  // What is begun is used, and a limit is not promised beyond what it is.
  if (quota.bytes != 0) append_resource(list, "STORAGE", (usage->bytes + kUnit - 1) / kUnit, quota.bytes / kUnit);
  if (quota.messages != 0) append_resource(list, "MESSAGE", usage->messages + usage->copies, quota.messages);
  append_resource(list, "MAILBOX", usage->mailboxes, mailstore::kMaxMailboxes);
  session.line("* QUOTA \"\" (" + list.substr(1) + ")");
  co_return base::Result<void>();
}

}  // namespace

net::Task<Reply> do_getquota(Session& session, Command& command) {
  if (!std::get<QuotaRoot>(command.arguments).name.empty()) co_return no(says::kNoQuotaRoot);
  const auto done = co_await write_quota(session);
  if (!done) co_return refused(done.error());
  co_return completed("GETQUOTA");
}

// RFC 9208 §4.1.2: also for a mailbox that is not there yet.
net::Task<Reply> do_getquotaroot(Session& session, Command& command) {
  auto place = co_await locate(session, std::get<MailboxName>(command.arguments).name);
  if (!place) co_return refused(place.error());
  const std::string name = place->prefix + place->name;
  const bool own = place->own();
  if (!own) {
    const auto found = co_await find_place(session, std::move(*place), 0);
    if (!found) co_return refused(found.error());
  }
  session.out += "* QUOTAROOT ";
  append_name(session.out, name, session.utf8_names());
  // What somebody else holds in all is no concern of those who see one mailbox of it.
  if (!own) {
    session.out += "\r\n";
    co_return completed("GETQUOTAROOT");
  }
  session.out += " \"\"\r\n";
  const auto done = co_await write_quota(session);
  if (!done) co_return refused(done.error());
  co_return completed("GETQUOTAROOT");
}

}  // namespace imap
