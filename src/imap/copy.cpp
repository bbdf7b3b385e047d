// COPY and MOVE, with sequence numbers or UIDs (RFC 9051 §6.4.7, §6.4.8; RFC 4315 §3; RFC 6851).
#include "imap/message_limit.h"
#include "imap/places.h"
#include "imap/progress.h"

namespace imap {

namespace {

std::vector<Range> as_set(const std::vector<mailstore::Uid>& uids) {
  std::vector<Range> set;
  for (const auto uid : uids) add_ascending(set, uid);
  return set;
}

std::string copyuid(const mailstore::Copied& copied) {
  std::string code = "COPYUID " + std::to_string(copied.uid_validity) + " ";
  append_set(code, as_set(copied.uids));
  code += ' ';
  append_set(code, as_set(copied.new_uids));
  return code;
}

struct Chosen {
  std::vector<mailstore::Uid> uids;
  mailstore::Target target;
};

// What is to be copied and to where; or the reply that says why nothing is.
net::Task<std::expected<Chosen, Reply>> choose(Session& session, Command& command) {
  const auto& arguments = std::get<Copy>(command.arguments);
  const Selected& selected = *session.selected;
  const auto runs = selected.find(arguments.set, command.verb->uid());
  if (!runs) co_return std::unexpected(bad(says::kBadSequence));
  Chosen chosen;
  for (const auto& run : *runs) {
    for (std::size_t i = run.begin; i < run.end; ++i) {
      const mailstore::Row* row = selected.row(i);
      // RFC 2180 §4.4.1: refused as a whole, and the EXPUNGE responses follow.
      if (row == nullptr) co_return std::unexpected(no(says::kExpunged));
      chosen.uids.push_back(row->uid);
    }
  }
  const auto found = co_await find_mailbox(session, arguments.name, mailstore::kInsert);
  if (!found) co_return std::unexpected(refused_target(found.error()));
  if (!found->mailbox.selectable) co_return std::unexpected(no(says::kNotSelectable));
  chosen.target = found->target();
  chosen.target.reader = session.account();
  co_return std::move(chosen);
}

}  // namespace

net::Task<Reply> do_copy(Session& session, Command& command) {
  auto chosen = co_await choose(session, command);
  if (!chosen) co_return chosen.error();
  if (chosen->uids.empty()) co_return ok(std::string(says::kNothingCopied));
  if (exceeds_limit(session, chosen->uids.size())) co_return over_limit(session);  // all or nothing
  Progress progress(session, says::kStillCopying, chosen->uids.size());
  const auto copied =
      co_await session.services.mail.copy(session.selected->account, session.selected->mailbox, std::move(chosen->uids),
                                          chosen->target, progress.during_change());
  progress.rethrow();
  session.signal->changed = true;
  if (!copied) co_return refused_target(copied.error());
  if (copied->uids.empty()) co_return no(says::kExpunged);
  session.note_own(chosen->target, session.selected->account, copied->new_uids);
  co_return completed(command.verb->name, copyuid(*copied));
}

net::Task<Reply> do_move(Session& session, Command& command) {
  if (!allows_removal(*session.selected)) co_return no(says::kNoRights);
  auto chosen = co_await choose(session, command);
  if (!chosen) co_return chosen.error();
  if (chosen->uids.empty()) co_return ok(std::string(says::kNothingCopied));
  const auto lowest = keep_highest(session, chosen->uids);
  Progress progress(session, says::kStillMoving, chosen->uids.size());
  const auto moved =
      co_await session.services.mail.move(session.selected->account, session.selected->mailbox, std::move(chosen->uids),
                                          chosen->target, progress.during_change());
  progress.rethrow();
  session.signal->changed = true;
  if (!moved) co_return refused_target(moved.error());
  if (moved->uids.empty()) co_return no(says::kExpunged);
  session.note_own(chosen->target, session.selected->account, moved->new_uids);
  // RFC 9051 §6.4.8: the client learns the new UIDs before the EXPUNGE responses.
  session.line("* OK [" + copyuid(*moved) + "] The messages have new UIDs");
  co_return limited(session, co_await completed_expunge(session, command.verb->name), lowest);
}

}  // namespace imap
