// IDLE (RFC 9051 §6.3.13, RFC 2177). Nothing is polled: the change feed posts a wake to this loop.
#include "base/text.h"
#include "imap/driver.h"
#include "imap/notify.h"

namespace imap {

net::Task<Reply> do_idle(Session& session, Command&) {
  session.framer.expect_line();
  session.line(says::kIdling);
  Signal& signal = *session.signal;
  // The operator's changes of the account come the same way, and must wake a client that has nothing selected, too.
  const auto watch = session.selected && !session.selected->guest ? nullptr : watch_account(session, session.account());
  while (true) {
    const Framer::Step step = session.framer.next(session.pending());
    session.take_input(step.taken);
    if (step.event == Framer::Event::line) break;
    if (step.event != Framer::Event::more) {
      session.bye(says::kByeTooLong);
      co_return bad(says::kTooLong);
    }
    if (!session.selected) signal.changed = false;  // nothing to be told of, but perhaps of the login
    if (!co_await session.still_allowed()) co_return no(says::kNotNow);
    if (session.notifying) {
      co_await session.tell_notified(true);  // RFC 5465 §4: the same, and no other
    } else {
      co_await session.tell_news(true);
    }
    if (session.ending) co_return no(says::kNotNow);
    signal.waiting = true;
    const bool more = signal.changed || (session.notifying && session.notifying->pending());
    if (!more && session.login_is_current()) {
      if (co_await session.wait_for_input()) {
        signal.waiting = false;
        co_await session.read_available();
      }
    }
    signal.waiting = false;
  }
  // RFC 9051 §9: "DONE" is case-insensitive like all words.
  const bool done = base::iequals(session.framer.text(), "DONE");
  co_return done ? completed("IDLE") : bad(says::kIdleEnd);
}

}  // namespace imap
