// STORE and UID STORE (RFC 9051 §6.4.6, RFC 2180 §4.2).
#include "imap/driver.h"

namespace imap {

net::Task<Reply> do_store(Session& session, Command& command) {
  auto& arguments = std::get<Store>(command.arguments);
  Selected& selected = *session.selected;
  const auto runs = selected.find(arguments.set, command.verb->uid());
  if (!runs) co_return bad(says::kBadSequence);
  auto echo = std::make_unique<StoreEcho>();
  echo->silent = arguments.silent;
  echo->with_uid = command.verb->uid();
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
  if (!echo->uids.empty()) {
    const auto left = co_await session.services.mail.store_flags(session.account(), selected.mailbox, echo->uids,
                                                                 echo->change, echo->flags, std::nullopt);
    session.signal->changed = true;
    if (!left) co_return refused(left.error());
    co_await session.tell_news(command.verb->uid(), echo.get());
  }
  // RFC 2180 §4.2.1: a silent STORE passes over what is gone.
  if (missing && !echo->silent) co_return no(says::kExpunged);
  co_return completed(command.verb->name);
}

}  // namespace imap
