#include "imap/progress.h"

#include <algorithm>

#include "imap/names.h"

namespace imap {

Progress::Progress(Session& session, std::string_view text, std::optional<std::uint64_t> goal, bool numbers)
    : session_(session), text_(text), goal_(goal), numbers_(numbers), heard_(session.services.clock.steady()) {}

net::Task<void> Progress::tell(std::uint64_t done) {
  if (session_.command_tag.empty()) co_return;  // it is told of what it follows, between commands
  const auto now = session_.services.clock.steady();
  if (now - heard_ < kSignOfLife) co_return;
  heard_ = now;
  session_.out += "* OK [INPROGRESS (";
  append_quoted(session_.out, session_.command_tag);
  if (numbers_) {
    append_numbers(done);
  } else {
    session_.out += " NIL NIL";
  }
  session_.out += ")] ";
  session_.line(text_);
  co_await session_.flush();
}

// RFC 9585 §4: numbers that do not go back, and stay below the goal, which does not change and is not 0.
void Progress::append_numbers(std::uint64_t done) {
  const std::uint64_t goal = std::max<std::uint64_t>(1, goal_.value_or(UINT64_MAX));
  told_ = std::max(told_, std::min(before_ + done, goal - 1));
  session_.out += ' ';
  append_number(session_.out, told_);
  session_.out += ' ';
  if (goal_) {
    append_number(session_.out, goal);
  } else {
    session_.out += "NIL";
  }
}

mailstore::OnCommit Progress::during_change() {
  return [this](std::size_t done) { return tell_kept(done); };
}

net::Task<void> Progress::tell_kept(std::uint64_t done) {
  if (closed_) co_return;
  try {
    co_await tell(done);
  } catch (const net::Closed&) {
    closed_ = std::current_exception();
  }
}

void Progress::rethrow() const {
  if (closed_) std::rethrow_exception(closed_);
}

}  // namespace imap
