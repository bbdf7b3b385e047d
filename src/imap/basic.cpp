// Commands that are possible in any state, and ENABLE (RFC 9051 §6.1, §6.3.1; RFC 2971).
#include "base/text.h"
#include "imap/context.h"
#include "imap/driver.h"
#include "imap/names.h"

namespace imap {

net::Task<Reply> do_capability(Session& session, Command&) {
  session.line("* CAPABILITY" + capabilities(session.situation()));
  co_return completed("CAPABILITY");
}

// The driver tells the news behind it.
net::Task<Reply> do_noop(Session&, Command& command) { co_return completed(command.verb->name); }

net::Task<Reply> do_logout(Session& session, Command&) {
  session.deselect();
  session.bye(says::kByeLogout);
  co_return completed("LOGOUT");
}

net::Task<Reply> do_id(Session& session, Command& command) {
  for (const auto& [name, value] : std::get<Id>(command.arguments).fields) {
    if (value && base::iequals(name, "name")) {
      session.log.info("imap.client", {{"name", base::printable(*value, 100)}});
    }
  }
  session.line(R"(* ID ("name" "postrider"))");
  co_return completed("ID");
}

net::Task<Reply> do_enable(Session& session, Command& command) {
  std::string enabled = "* ENABLED";
  const auto enable = [&](bool& what, std::string_view word) {
    if (std::exchange(what, true)) return;
    enabled += ' ';
    enabled += word;
  };
  bool condstore = session.condstore;
  const bool had_numbers = !session.uid_only;
  for (const auto& word : std::get<Enable>(command.arguments).extensions) {
    // RFC 9051 §6.3.1: what is unknown, or needs no enabling, is passed over; what is enabled already, too.
    if (base::iequals(word, "IMAP4rev2")) enable(session.rev2, "IMAP4rev2");
    if (base::iequals(word, "UTF8=ACCEPT")) enable(session.utf8_accept, "UTF8=ACCEPT");
    if (base::iequals(word, "CONDSTORE")) enable(condstore, "CONDSTORE");
    if (base::iequals(word, "UIDONLY")) enable(session.uid_only, "UIDONLY");
    // RFC 7162 §3.2.3: it brings CONDSTORE with it.
    if (base::iequals(word, "QRESYNC")) {
      enable(session.qresync, "QRESYNC");
      enable(condstore, "CONDSTORE");
    }
  }
  session.line(enabled);
  if (session.uid_only && had_numbers && session.contexts) session.contexts->end_numbered(session);
  if (condstore) session.enable_condstore();
  co_return completed("ENABLE");
}

}  // namespace imap
