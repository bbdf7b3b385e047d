// URLs that authorise others to read a message or a part of it (RFC 4467): GENURLAUTH, RESETKEY, URLFETCH. The
// mechanism INTERNAL signs the URL, byte by byte as it was given, with the access key of its mailbox. Whoever presents
// a URL learns nothing from one that is refused: not whether the account, the mailbox or the message are there.
#include <algorithm>
#include <expected>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "imap/driver.h"
#include "imap/imap_url.h"
#include "imap/names.h"
#include "imap/url_part.h"

namespace imap {

namespace {

using base::Code;
using mailstore::AccountId;

constexpr std::string_view kInternal = "internal";
constexpr char kAlgorithm = 1;  // RFC 4467 §2.4.1: of the tokens that are made now
constexpr std::size_t kKeyBytes = 32;

// An algorithm's number, and here HMAC-SHA-256. RFC 4467 §6: of the URL as it was written, nothing decoded or folded.
std::string token(std::string_view key, std::string_view rump) {
  return base::hex(std::string(1, kAlgorithm) + crypto::hmac_sha256(key, rump));
}

bool absent(const base::Error& error) { return error.code == Code::not_found || error.code == Code::invalid; }

/// The active account that has the address; nothing: none has.
net::Task<base::Result<std::optional<AccountId>>> account_of(Session& session, std::string address) {
  const auto account = co_await session.services.directory.account(std::move(address));
  if (!account && !absent(account.error())) co_return std::unexpected(account.error());
  if (!account || !*account || (*account)->state != directory::State::active) co_return std::nullopt;
  co_return (*account)->id;
}

// --- GENURLAUTH ------------------------------------------------------------------------------------------------------

/// RFC 4467 §7: what of a URL can be judged without a look at anything.
std::optional<Reply> objection(const base::Result<ImapUrl>& url, std::string_view mechanism) {
  if (!url) return bad(url.error().text);
  if (!url->server || url->server->user.empty()) return bad(says::kUrlWithoutOwner);
  if (!url->access) return bad(says::kUrlWithoutAccess);
  if (!url->mechanism.empty()) return bad(says::kUrlAuthorised);
  // Whether anybody has the address is not told: a URL for nobody is good for nobody.
  if (!url->access->user.empty() && !directory::normalize_address(url->access->user)) return bad(says::kUrlNoAddress);
  if (mechanism != kInternal) return no(says::kNoUrlMechanism);
  return std::nullopt;
}

net::Task<std::expected<std::string, Reply>> authorise(Session& session, std::string text, std::string mechanism) {
  const auto url = parse_imap_url(text);
  if (auto reply = objection(url, mechanism)) co_return std::unexpected(std::move(*reply));
  // The host is not looked at: a server has many names for its clients, and a token is good here only.
  const auto owner = co_await account_of(session, url->server->user);
  if (!owner) co_return std::unexpected(refused(owner.error()));
  if (*owner != session.account()) co_return std::unexpected(bad(says::kUrlNotYours));
  auto& mail = session.services.mail;
  const auto mailbox = co_await mail.mailbox(session.account(), url->mailbox);
  if (!mailbox && !absent(mailbox.error())) co_return std::unexpected(refused(mailbox.error()));
  if (!mailbox || !mailbox->selectable || url->uid_validity.value_or(mailbox->uid_validity) != mailbox->uid_validity) {
    co_return std::unexpected(bad(says::kUrlNoMailbox));
  }
  const auto key = co_await mail.access_key(session.account(), mailbox->id, /*make=*/true);
  if (!key) co_return std::unexpected(refused(key.error()));
  co_return text + ":" + std::string(kInternal) + ":" + token(*key, text);
}

// --- URLFETCH --------------------------------------------------------------------------------------------------------

/// RFC 4467 §3: whether the session is one of those that the URL is for.
net::Task<base::Result<bool>> is_for(Session& session, UrlAccess access) {
  switch (access.kind) {
    case UrlAccess::Kind::user: {
      const auto user = co_await account_of(session, std::move(access.user));
      if (!user) co_return std::unexpected(user.error());
      co_return *user == session.account();
    }
    case UrlAccess::Kind::submit:
      // Who has submitted it is known to the submission server, which has looked.
      co_return std::ranges::find(session.config->submission_accounts, session.identity->address) !=
          session.config->submission_accounts.end();
    case UrlAccess::Kind::authuser:
    case UrlAccess::Kind::anonymous:
      break;
  }
  co_return true;  // nobody gets here without a login
}

/// RFC 4467 §6: the account that the URL has been signed for. Nothing: it is not signed, or not for this session, or no
/// longer. What is looked up and reckoned is the same where the mailbox is there and where it is not.
net::Task<base::Result<std::optional<AccountId>>> redeem(Session& session, ImapUrl url, std::string rump) {
  if (!url.server || !url.access || base::lower(url.mechanism) != kInternal) co_return std::nullopt;
  if (url.expires && base::unix_seconds(session.services.clock.now()) > *url.expires) co_return std::nullopt;
  const auto allowed = co_await is_for(session, std::move(*url.access));
  if (!allowed) co_return std::unexpected(allowed.error());
  const auto owner = co_await account_of(session, std::move(url.server->user));
  if (!owner) co_return std::unexpected(owner.error());
  const AccountId account = owner->value_or(session.account());
  auto& mail = session.services.mail;
  const auto mailbox = co_await mail.mailbox(account, std::move(url.mailbox));
  if (!mailbox && !absent(mailbox.error())) co_return std::unexpected(mailbox.error());
  const auto key = co_await mail.access_key(account, mailbox ? mailbox->id : mailstore::MailboxId{}, /*make=*/false);
  if (!key && !absent(key.error())) co_return std::unexpected(key.error());
  const std::string plausible = crypto::random_bytes(kKeyBytes);
  const bool fits = crypto::equal_constant_time(token(key ? *key : plausible, rump), base::lower(url.token));
  if (!fits || !key || !*owner || !*allowed) co_return std::nullopt;
  co_return *owner;
}

net::Task<void> write_literal(Session& session, UrlPart& part) {
  session.out += " {" + std::to_string(part.size()) + "}\r\n";
  while (!part.done()) {
    const auto piece = co_await part.next();
    if (!piece) throw net::Closed(net::Closed::Why::local, "a message vanished while it was being sent");
    session.out += *piece;
    if (session.out.size() >= kFlushBytes) co_await session.flush();
  }
}

/// The nstring behind a URL; false: NIL. An error comes before anything is written.
net::Task<base::Result<bool>> write_data(Session& session, std::string text) {
  auto url = parse_imap_url(text);
  std::optional<AccountId> account;
  if (url) {
    CO_TRY_ASSIGN(account, co_await redeem(session, *url, text.substr(0, url->rump)));
  }
  if (!account) {
    session.out += " NIL";
    co_return false;
  }
  const auto part = std::make_unique<UrlPart>(session.services.mail, *account);
  const auto found = co_await part->find(std::move(*url));
  if (!found && !absent(found.error()) && found.error().code != Code::corrupt) co_return std::unexpected(found.error());
  if (!found) {
    session.out += " NIL";
  } else if (part->done()) {
    session.out += " \"\"";
  } else {
    co_await write_literal(session, *part);
  }
  co_return found.has_value();
}

}  // namespace

net::Task<Reply> do_genurlauth(Session& session, Command& command) {
  std::string line = "* GENURLAUTH";
  for (auto& [url, mechanism] : std::get<GenUrlAuth>(command.arguments).urls) {
    const auto authorised = co_await authorise(session, std::move(url), std::move(mechanism));
    if (!authorised) co_return authorised.error();
    line += ' ';
    append_quoted(line, *authorised);
  }
  session.line(line);
  co_return completed("GENURLAUTH");
}

net::Task<Reply> do_resetkey(Session& session, Command& command) {
  const auto& arguments = std::get<ResetKey>(command.arguments);
  auto& mail = session.services.mail;
  session.signal->changed = true;
  if (!arguments.name) {
    const auto done = co_await mail.remove_access_keys(session.account());
    if (!done) co_return refused(done.error());
    co_return completed("RESETKEY");
  }
  if (std::ranges::any_of(arguments.mechanisms, [](const auto& name) { return name != kInternal; })) {
    co_return no(says::kNoUrlMechanism);
  }
  const auto name = session.decode_mailbox(*arguments.name);
  if (!name) co_return refused(name.error());
  const auto mailbox = co_await mail.mailbox(session.account(), *name);
  if (!mailbox) co_return refused(mailbox.error());
  if (!mailbox->selectable) co_return no(says::kNotSelectable);
  const auto done = co_await mail.replace_access_key(session.account(), mailbox->id);
  if (!done) co_return refused(done.error());
  co_return session.encrypted() ? completed("RESETKEY", "URLMECH INTERNAL") : completed("RESETKEY");
}

// RFC 4467 §7: OK, whatever the URLs are worth, and NO only for what may be better later.
net::Task<Reply> do_urlfetch(Session& session, Command& command) {
  session.out += "* URLFETCH";
  std::optional<base::Error> failed;
  std::size_t refused_urls = 0;
  for (std::string& url : std::get<UrlFetch>(command.arguments).urls) {
    session.out += ' ';
    append_string(session.out, url);
    const auto done = co_await write_data(session, std::move(url));
    if (done) {
      refused_urls += *done ? 0 : 1;
    } else {
      failed = done.error();
      session.out += " NIL";
    }
  }
  if (refused_urls > 0) session.log.info("imap.urlfetch.refused", {{"count", refused_urls}});
  session.out += "\r\n";
  if (failed) co_return refused(*failed);
  co_return completed("URLFETCH");
}

}  // namespace imap
