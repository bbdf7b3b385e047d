// GETQUOTA and GETQUOTAROOT (RFC 9208). An account has one quota root, "", which limits the bytes of its messages; each
// counts once, in however many mailboxes it is. Only the operator sets it.
#include "imap/names.h"
#include "imap/places.h"

namespace imap {

namespace {

constexpr std::uint64_t kUnit = 1024;  // RFC 9208 §5.1: STORAGE is counted in units of 1,024 bytes

net::Task<base::Result<void>> write_quota(Session& session) {
  const auto quota = co_await session.services.mail.quota(session.account());
  if (!quota) co_return std::unexpected(quota.error());
  const std::uint64_t limit = session.identity->quota_bytes;
  std::string line = "* QUOTA \"\" (";
  if (limit != 0) {
    // What is begun is used, and a limit is not promised beyond what it is.
    line += "STORAGE " + std::to_string((quota->used_bytes + kUnit - 1) / kUnit) + " " + std::to_string(limit / kUnit);
  }
  session.line(line + ")");
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
