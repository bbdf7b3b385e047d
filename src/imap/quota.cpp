// GETQUOTA and GETQUOTAROOT (RFC 9208). An account has one quota root, "", which limits the bytes of its messages; each
// counts once, in however many mailboxes it is. Only the operator sets it.
#include "imap/driver.h"
#include "imap/names.h"

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
  const auto name = session.decode_mailbox(std::get<MailboxName>(command.arguments).name);
  if (!name) co_return refused(name.error());
  session.out += "* QUOTAROOT ";
  append_name(session.out, *name, session.rev2);
  session.out += " \"\"\r\n";
  const auto done = co_await write_quota(session);
  if (!done) co_return refused(done.error());
  co_return completed("GETQUOTAROOT");
}

}  // namespace imap
