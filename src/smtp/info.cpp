// The verbs that change nothing: RSET, NOOP, VRFY, EXPN, HELP and QUIT (RFC 5321 §4.1.1.5 to §4.1.1.10).

#include <algorithm>

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

/// RFC 5321 §3.5.3, §7.3: a list of who is here is worth something to others than our senders.
bool Connection::may_ask() const {
  switch (config_->vrfy) {
    case Vrfy::nobody:
      return false;
    case Vrfy::known:
      return user_ || peer_.trusted || peer_.relays;
    case Vrfy::everybody:
      break;
  }
  return true;
}

/// What the address in VRFY or EXPN stands for; the client has been told why not when there is nothing.
net::Task<std::optional<std::vector<std::string>>> Connection::look_up(std::string_view argument,
                                                                       std::string_view syntax) {
  const Parsed<Verify> parsed = parse_verify(argument);
  if (!parsed) {
    say(reply::wrong(parsed.error(), syntax));
    co_return std::nullopt;
  }
  const bool smtputf8 = parsed->smtputf8;
  auto found = co_await host_.look_up(parsed->address);
  if (!found) {
    // An address elsewhere: it is not known here whether it exists.
    say(found.error().code == base::Code::denied ? reply::cannot_verify() : reply::recipient_refused(found.error()));
    co_return std::nullopt;
  }
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 128; };
  for (const std::string& address : *found) {
    if (smtputf8 || std::ranges::all_of(address, ascii)) continue;
    say(reply::needs_utf8_reply());  // RFC 6531 §3.7.4.2
    co_return std::nullopt;
  }
  co_return *std::move(found);
}

net::Task<void> Connection::vrfy(std::string_view argument) {
  if (!may_ask()) {
    say(reply::cannot_verify());
    co_return;
  }
  const auto found = co_await look_up(argument, "VRFY address");
  if (found) say(found->size() == 1 ? reply::verified(found->front()) : reply::verified_list());
}

net::Task<void> Connection::expn(std::string_view argument) {
  if (!may_ask()) {
    say(reply::no_expansion());
    co_return;
  }
  const auto found = co_await look_up(argument, "EXPN list");
  if (found) say(reply::expanded(*found));
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
