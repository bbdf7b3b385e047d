// The verbs that change nothing: RSET, NOOP, VRFY, EXPN, HELP and QUIT (RFC 5321 §4.1.1.5 to §4.1.1.10).

#include "smtp/table.h"

namespace smtp {

net::Task<void> Connection::rset(std::string_view) {
  reset_transaction();
  say(reply::reset());
  co_return;
}

net::Task<void> Connection::noop(std::string_view) {
  say(reply::ok());
  co_return;
}

net::Task<void> Connection::vrfy(std::string_view) {
  say(reply::cannot_verify());
  co_return;
}

net::Task<void> Connection::expn(std::string_view) {
  say(reply::no_expansion());
  co_return;
}

net::Task<void> Connection::help(std::string_view argument) {
  const std::string text = help_text(argument, mode_->service);
  if (text.empty()) {
    say(reply::no_such_help());
  } else {
    say(reply::help(text));
  }
  co_return;
}

net::Task<void> Connection::quit(std::string_view) { co_await end_with(reply::bye(config_->hostname)); }

}  // namespace smtp
