// REPLACE and UID REPLACE (RFC 8508): a new message comes and an old one goes in one commit.
#include "imap/append.h"

namespace imap {

net::Task<Reply> do_replace(Session& session, Command& command) {
  auto& arguments = std::get<Replace>(command.arguments);
  const bool literal = arguments.piece.then != AppendPiece::Then::end;
  if (literal && !session.message_waits) co_return bad(says::kNoLiteral);
  const Selected& selected = *session.selected;
  // RFC 8508 §4.1.
  if (!allows_removal(selected)) co_return no(says::kNoRights);
  const auto runs = selected.find(arguments.message, command.verb->uid());
  if (!runs) co_return bad(says::kBadSequence);
  const mailstore::Row* row = runs->empty() ? nullptr : selected.row(runs->front().begin);
  if (row == nullptr) co_return no(says::kExpunged);
  const mailstore::Uid uid = row->uid;
  const auto target = co_await append_target(session, std::move(arguments.name));
  if (!target) co_return target.error();
  // RFC 8508 §4.2, §4.7: it may be catenated, and is one.
  auto taken = co_await take_messages(session, std::move(arguments.piece), 1, *target);
  if (!taken) co_return taken.error();
  const auto filed = co_await session.services.mail.replace(selected.account, selected.mailbox, uid, target->target(),
                                                            std::move(taken->front()));
  session.signal->changed = true;
  if (!filed) co_return filed.error().code == base::Code::not_found ? no(says::kExpunged) : refused(filed.error());
  session.note_own(target->target(), selected.account, {filed->uid});
  // RFC 8508 §4.3: before the EXPUNGE response.
  session.line("* OK [APPENDUID " + std::to_string(filed->uid_validity) + " " + std::to_string(filed->uid) +
               "] The replacement is there");
  co_return co_await completed_expunge(session, command.verb->name);
}

}  // namespace imap
