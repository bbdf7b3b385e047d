// STORE and UID STORE (RFC 9051 §6.4.6, RFC 2180 §4.2), with UNCHANGEDSINCE (RFC 7162 §3.1.3).
#include <algorithm>

#include "base/text.h"
#include "imap/driver.h"
#include "imap/message_limit.h"
#include "imap/progress.h"

namespace imap {

namespace {

using mailstore::Uid;

constexpr int kMaxTries = 5;

bool has_keyword(const mailstore::View& view, const mailstore::Row& row, const std::string& keyword) {
  return std::ranges::any_of(view.keyword_set(row.keywords),
                             [&](const auto& have) { return base::iequals(have, keyword); });
}

// Whether a message has those of the given flags that it had before, and no others of them.
bool same_flags(const mailstore::View& before, const mailstore::Row& was, const mailstore::View& after,
                const mailstore::Row& is, const mailstore::Flags& given) {
  if ((was.flags & given.system) != (is.flags & given.system)) return false;
  return std::ranges::all_of(given.keywords, [&](const auto& keyword) {
    return has_keyword(before, was, keyword) == has_keyword(after, is, keyword);
  });
}

// RFC 7162 §3.1.12: whose refusal says nothing about the flags at hand, because others were changed, is tried again
// with what it has become. `refused` keeps the rest.
net::Task<base::Result<void>> retry(Session& session, const StoreEcho& echo, mailstore::ModSeq since,
                                    std::vector<Uid>& refused, Progress& progress) {
  const auto before = session.selected->view();
  for (int tries = 1; tries < kMaxTries && !refused.empty(); ++tries) {
    const auto after =
        co_await session.services.mail.view(session.selected->account, before->mailbox(), session.account());
    if (!after) co_return std::unexpected(after.error());
    std::vector<Uid> again;
    for (const Uid uid : refused) {
      const auto was = before->find(uid);
      const auto is = (*after)->find(uid);
      if (was && is && before->at(*was).modseq <= since &&
          same_flags(*before, before->at(*was), **after, (*after)->at(*is), echo.flags)) {
        again.push_back(uid);
      }
    }
    if (again.empty()) break;
    const auto left = co_await session.services.mail.store_flags(
        session.selected->account, before->mailbox(), again, echo.change, echo.flags, (*after)->highest_modseq(),
        mailstore::flag_mask(session.selected->rights), session.account(), progress.during_change());
    if (!left) co_return std::unexpected(left.error());
    std::erase_if(refused, [&](Uid uid) {
      return std::ranges::binary_search(again, uid) && !std::ranges::binary_search(*left, uid);
    });
  }
  co_return base::Result<void>();
}

bool may_change(const Store& store, const mailstore::FlagMask& mask) {
  if (store.change == mailstore::FlagChange::set) return mask.system != 0 || mask.keywords;
  const bool nothing = store.flags.system == 0 && store.flags.keywords.empty();
  return nothing || (store.flags.system & mask.system) || (mask.keywords && !store.flags.keywords.empty());
}

std::string modified(const Selected& selected, const std::vector<Uid>& refused, bool uids) {
  std::vector<Range> set;
  for (const Uid uid : refused) {
    add_ascending(set, uids ? uid : static_cast<std::uint32_t>(selected.lower_bound(uid) + 1));
  }
  std::string code = "MODIFIED ";
  append_set(code, set);
  return code;
}

// Changes what the echo names; what UNCHANGEDSINCE kept it from is moved to `refused`.
net::Task<base::Result<void>> change(Session& session, StoreEcho& echo, std::optional<mailstore::ModSeq> since,
                                     Progress& progress) {
  auto refused = co_await session.services.mail.store_flags(
      session.selected->account, session.selected->mailbox, echo.uids, echo.change, echo.flags, since,
      mailstore::flag_mask(session.selected->rights), session.account(), progress.during_change());
  session.signal->changed = true;
  if (!refused) co_return std::unexpected(refused.error());
  if (refused->empty()) co_return base::Result<void>();
  if (echo.change != mailstore::FlagChange::set) {
    auto done = co_await retry(session, echo, *since, *refused, progress);
    if (!done) co_return done;
  }
  std::erase_if(echo.uids, [&](Uid uid) { return std::ranges::binary_search(*refused, uid); });
  echo.refused = std::move(*refused);
  co_return base::Result<void>();
}

}  // namespace

net::Task<Reply> do_store(Session& session, Command& command) {
  auto& arguments = std::get<Store>(command.arguments);
  if (arguments.unchanged_since) session.enable_condstore();
  Selected& selected = *session.selected;
  const bool uids = command.verb->uid();
  // RFC 4314 §4: refused only when nothing of it is allowed.
  if (!may_change(arguments, mailstore::flag_mask(selected.rights))) co_return no(says::kNoRights);
  auto runs = selected.find(arguments.set, uids);
  if (!runs) co_return bad(says::kBadSequence);
  const auto lowest = keep_highest(session, *runs);
  auto echo = std::make_unique<StoreEcho>();
  echo->silent = arguments.silent;
  echo->with_uid = uids;
  echo->modseqs = session.condstore;
  echo->conditional = arguments.unchanged_since.has_value();
  echo->change = arguments.change;
  echo->flags = std::move(arguments.flags);
  bool missing = false;
  for (const auto& run : *runs) {
    for (std::size_t i = run.begin; i < run.end; ++i) {
      if (const mailstore::Row* row = selected.row(i)) {
        echo->uids.push_back(row->uid);
      } else {
        missing = true;
      }
    }
  }
  std::string code;
  if (!echo->uids.empty()) {
    Progress progress(session, says::kStillStoring, echo->uids.size());
    const auto done = co_await change(session, *echo, arguments.unchanged_since, progress);
    progress.rethrow();
    if (!done) co_return refused(done.error());
    co_await session.tell_news(uids, echo.get());
    if (session.ending) co_return no(says::kNotNow);
    if (!echo->refused.empty()) code = modified(selected, echo->refused, uids);
    // What went meanwhile was not changed either.
    missing = missing || std::ranges::any_of(echo->uids, [&](Uid uid) { return !selected.view()->find(uid); });
  }
  // RFC 2180 §4.2.1: a silent STORE passes over what is gone; RFC 9051 §6.4.9: so does one with UIDs.
  if (missing && !echo->silent && !uids) {
    co_return code.empty() ? no(says::kExpunged) : no("[" + code + "] " + std::string(says::kModifiedExpunged));
  }
  if (!code.empty()) co_return limited(session, ok("[" + code + "] " + std::string(says::kModified)), lowest);
  co_return limited(session, completed(command.verb->name), lowest);
}

}  // namespace imap
