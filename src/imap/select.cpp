// SELECT, EXAMINE, UNSELECT, CLOSE, EXPUNGE (RFC 9051 §6.3.2, §6.4; RFC 3691; RFC 4315; RFC 7162 §3.2.5-3.2.9).
#include "imap/driver.h"
#include "imap/mailbox_lines.h"
#include "imap/message_limit.h"
#include "imap/names.h"
#include "imap/object_id.h"
#include "imap/places.h"
#include "imap/resync.h"

namespace imap {

namespace {

/// RFC 4314 §5.2: what leaves nothing to be changed.
bool only_reads(mailstore::Rights rights) {
  using namespace mailstore;
  return !(rights & (kInsert | kExpunge | kKeepSeen | kWrite | kMarkDeleted));
}

void describe(Session& session, const mailstore::Mailbox& mailbox, std::string_view given) {
  const Selected& selected = *session.selected;
  const auto& view = *selected.view();
  std::string& out = session.out;
  selected.append_all_flags(out);
  append_permanent_flags(out, selected);
  out += "* ";
  append_number(out, view.size());
  out += " EXISTS\r\n";
  if (!session.rev2) {
    out += "* ";
    append_number(out, selected.count_recent());
    out += " RECENT\r\n";
    // RFC 3501 §6.3.1: the first unseen message.
    for (std::size_t i = 0; mailbox.unseen > 0 && !session.uid_only && i < view.size(); ++i) {
      if (view.at(i).flags & mailstore::kSeen) continue;
      append_code(out, "UNSEEN", i + 1, "The first unseen message");
      break;
    }
  }
  append_code(out, "UIDVALIDITY", view.uid_validity(), "UIDs are valid");
  append_code(out, "UIDNEXT", view.uid_next(), "The next UID");
  append_code(out, "HIGHESTMODSEQ", view.highest_modseq(), says::kHighestModSeq);
  // RFC 8474 §4.2.
  append_line(out, "* OK [" + mailbox_id(selected.account, mailbox.id) + "] The mailbox's id");
  // RFC 4467 §10: where nobody listens.
  if (session.encrypted()) session.line(says::kUrlMech);
  if (session.rev2) {
    const bool renamed = given != mailbox.name && mailbox.role != mailstore::Role::inbox;
    const std::string extended = renamed ? oldname(given, true) : std::string();
    append_listed(out, mailbox.name, {.mailbox = &mailbox, .extended = extended}, true);
  }
}

net::Task<Reply> open(Session& session, Command& command, bool read_only) {
  auto& arguments = std::get<Select>(command.arguments);
  if (arguments.resync && !session.qresync) co_return bad(says::kNoQresync);
  if (session.uid_only && arguments.resync && !arguments.resync->sequence.ranges.empty()) {
    co_return bad(says::kUidRequired);
  }
  // RFC 9051 §6.3.2: whatever comes of it, the old mailbox is no longer selected.
  if (session.selected) {
    session.deselect();
    session.line(says::kClosed);
  }
  const auto given = session.decode_mailbox(arguments.name);
  if (!given) co_return refused(given.error());
  const std::uint64_t generation = session.services.directory.generation();
  const auto found = co_await find_mailbox(session, std::move(arguments.name), mailstore::kRead);
  if (!found) co_return refused(found.error());
  const mailstore::Mailbox& mailbox = found->mailbox;
  if (!mailbox.selectable) co_return no(says::kNotSelectable);
  // The watch comes first, so that no change falls between.
  auto watch = watch_account(session, found->place.account);
  session.signal->changed = false;
  auto view = co_await session.services.mail.view(found->place.account, mailbox.id, session.account());
  if (!view) co_return refused(view.error());
  session.selected = std::make_unique<Selected>(std::move(*view));
  session.selected->account = found->place.account;
  session.selected->mailbox = mailbox.id;
  session.selected->name = mailbox.name;
  session.selected->read_only = read_only || only_reads(found->rights);
  session.selected->guest = !found->place.own();
  session.selected->rights = found->rights;
  session.selected->rights_generation = generation;
  session.selected->watch = std::move(watch);
  session.take_recent();
  session.condstore = session.condstore || arguments.condstore;
  describe(session, mailbox, *given);
  if (arguments.resync) {
    const auto done = co_await write_missed(session, std::move(*arguments.resync));
    if (!done) {
      session.deselect();
      co_return refused(done.error());
    }
  }
  co_return completed(command.verb->name, session.selected->read_only ? "READ-ONLY" : "READ-WRITE");
}

}  // namespace

net::Task<Reply> completed_expunge(Session& session, std::string_view verb) {
  co_await session.tell_news(true, nullptr, /*own=*/true);
  if (!session.selected || !session.qresync) co_return completed(verb);
  co_return completed(verb, "HIGHESTMODSEQ " + std::to_string(session.selected->told_modseq()));
}

void append_permanent_flags(std::string& out, const Selected& selected) {
  const mailstore::FlagMask mask = selected.read_only ? mailstore::flag_mask(0) : mailstore::flag_mask(selected.rights);
  out += "* OK [PERMANENTFLAGS (";
  append_system_flags(out, mask.system);
  if (mask.keywords) {
    selected.append_keywords(out);
    out += " \\*";
  }
  out += selected.read_only ? ")] Nothing can be changed\r\n" : ")] Flags and keywords are kept\r\n";
}

std::unique_ptr<mailstore::Watch> watch_account(Session& session, mailstore::AccountId account) {
  return session.services.mail.watch(account, [signal = session.signal] {
    signal->changed = true;
    wake(signal);
  });
}

void wake(const std::shared_ptr<Signal>& signal) {
  if (!signal->waiting.exchange(false)) return;
  signal->loop->post([signal] {
    if (signal->stream != nullptr) signal->stream->wake();
  });
}

net::Task<Reply> do_select(Session& session, Command& command) { return open(session, command, false); }
net::Task<Reply> do_examine(Session& session, Command& command) { return open(session, command, true); }

net::Task<Reply> do_unselect(Session& session, Command&) {
  session.deselect();
  co_return completed("UNSELECT");
}

// RFC 9051 §6.4.1: removes without a word of which messages.
net::Task<Reply> do_close(Session& session, Command&) {
  const Selected& selected = *session.selected;
  // RFC 4314 §4: who may not expunge closes all the same.
  if (!selected.read_only && (selected.rights & mailstore::kExpunge)) {
    const auto gone = co_await session.services.mail.expunge(selected.account, selected.mailbox, std::nullopt);
    // The mailbox is closed in any case; a message that could not be removed is there when it is opened again.
    if (!gone) session.log.info("imap.close.expunge", {{"why", gone.error().text}});
  }
  session.deselect();
  co_return completed("CLOSE");
}

// RFC 4315 §2.1: UID EXPUNGE removes only those that are named.
net::Task<Reply> do_expunge(Session& session, Command& command) {
  Selected& selected = *session.selected;
  if (!(selected.rights & mailstore::kExpunge)) co_return no(says::kNoRights);
  std::optional<std::vector<mailstore::Uid>> uids;
  if (command.verb->uid()) {
    uids.emplace();
    const auto runs = selected.find(std::get<Uids>(command.arguments).set, true);
    for (const auto& run : *runs) {
      for (std::size_t i = run.begin; i < run.end; ++i) {
        const mailstore::Row* row = selected.row(i);
        if (row != nullptr && (row->flags & mailstore::kDeleted)) uids->push_back(row->uid);
      }
    }
  }
  if (uids && uids->empty()) co_return completed(command.verb->name);
  // RFC 9738: EXPUNGE and CLOSE have no limit.
  const auto lowest = uids ? keep_highest(session, *uids) : std::nullopt;
  const auto gone = co_await session.services.mail.expunge(selected.account, selected.mailbox, std::move(uids));
  session.signal->changed = true;
  if (!gone) co_return refused(gone.error());
  if (gone->empty()) co_return limited(session, completed(command.verb->name), lowest);
  co_return limited(session, co_await completed_expunge(session, command.verb->name), lowest);
}

}  // namespace imap
