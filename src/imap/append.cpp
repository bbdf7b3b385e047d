// APPEND of one or more messages (RFC 9051 §6.3.12, RFC 3502, RFC 7888, RFC 3516 §4.4). The messages go to the store in
// the chunks that they come in, and appear together or not at all.
#include "imap/append.h"

#include "mime/message.h"

namespace imap {

namespace {

constexpr std::size_t kMaxMessages = 1000;  // of one APPEND: they are one commit

}  // namespace

std::optional<Reply> check_literal(const Session& session, std::uint64_t room) {
  const LiteralHead& literal = session.framer.literal();
  if (literal.size == 0) return no(says::kEmptyMessage);
  if (literal.size > room) return no(says::kMessageTooBig);
  return std::nullopt;
}

net::Task<std::expected<mailstore::MailboxId, Reply>> append_target(Session& session, std::string wire) {
  auto name = session.decode_mailbox(wire);
  if (!name) co_return std::unexpected(refused(name.error()));
  const auto mailbox = co_await session.services.mail.mailbox(session.account(), *name);
  if (!mailbox) co_return std::unexpected(refused_target(mailbox.error()));
  if (!mailbox->selectable) co_return std::unexpected(no(says::kNotSelectable));
  co_return mailbox->id;
}

// The message is read to its end even when the store has refused it, because the client sends it anyway.
net::Task<TakenMessage> take_message(Session& session) {
  const LiteralHead literal = session.framer.literal();
  session.framer.accept();
  session.message_waits = false;
  if (literal.synchronizing) session.line(says::kGoAhead);
  auto writer = session.services.store.new_body();
  auto parser = std::make_unique<mime::Parser>(mailstore::kParseLimits);
  std::optional<base::Error> failed;
  Framer::Event event = co_await session.next_event();
  for (; event == Framer::Event::chunk; event = co_await session.next_event()) {
    if (failed) continue;
    parser->feed(session.framer.chunk());
    auto taken = co_await writer->append(session.framer.chunk());
    if (!taken) failed = std::move(taken).error();
  }
  TakenMessage out{.message = std::unexpected(bad(says::kBehindMessage)), .more = event == Framer::Event::message};
  if (event == Framer::Event::hopeless) session.bye(says::kByeTooLong);
  if (!out.more && (event != Framer::Event::end || !session.framer.text().empty())) co_return out;
  auto parsed = std::make_shared<const mime::Message>(parser->finish());
  if (failed) {
    out.message = std::unexpected(refused(*failed));
  } else if (parsed->nul) {
    // RFC 3516 §4.4: what can hold a NUL is taken, and a NUL is not, because BODY[] could not give it back.
    out.message = std::unexpected(no(literal.binary ? says::kBinaryNul : says::kNul));
  } else {
    out.message = mailstore::Incoming{.body = writer->finish(), .parsed = std::move(parsed)};
  }
  co_return out;
}

mailstore::Mailstore::AppendMessage to_append(const Session& session, mailstore::Incoming message, MessageHead head) {
  const std::int64_t now = base::unix_seconds(session.services.clock.now());
  return {.message = std::move(message),
          .options = {.prefix = {},
                      .received = head.date.value_or(mime::DateTime{.unix_seconds = now}),
                      .flags = std::move(head.flags),
                      .quota_bytes = session.identity->quota_bytes}};
}

namespace {

using Messages = std::vector<mailstore::Mailstore::AppendMessage>;

// All messages of the command, or what is answered instead. Together they have no more bytes than one may have, because
// small ones wait in memory for the commit.
net::Task<std::expected<Messages, Reply>> take_messages(Session& session, MessageHead head) {
  Messages messages;
  std::uint64_t room = session.config->max_message_bytes;
  while (true) {
    if (auto refusal = check_literal(session, room)) co_return std::unexpected(*refusal);
    room -= session.framer.literal().size;
    auto taken = co_await take_message(session);
    session.message_waits = taken.more;  // refused by the driver unless it is taken
    if (!taken.message) co_return std::unexpected(taken.message.error());
    messages.push_back(to_append(session, std::move(*taken.message), std::move(head)));
    if (!taken.more) co_return messages;
    if (messages.size() == kMaxMessages) co_return std::unexpected(no(says::kManyMessages));
    auto next = parse_next_head(session.framer.text());
    if (!next) co_return std::unexpected(bad(next.error().text));
    head = std::move(*next);
  }
}

std::string appenduid(const std::vector<mailstore::Filed>& filed) {
  std::vector<Range> uids;
  for (const auto& one : filed) add_ascending(uids, one.uid);
  std::string code = "APPENDUID " + std::to_string(filed.front().uid_validity) + " ";
  append_set(code, uids);
  return code;
}

}  // namespace

net::Task<Reply> do_append(Session& session, Command& command) {
  auto& arguments = std::get<Append>(command.arguments);
  if (!session.message_waits) co_return bad(says::kNoLiteral);
  const auto mailbox = co_await append_target(session, std::move(arguments.name));
  if (!mailbox) co_return mailbox.error();
  auto messages = co_await take_messages(session, std::move(arguments.head));
  if (!messages) co_return messages.error();
  const auto filed = co_await session.services.mail.append(session.account(), *mailbox, std::move(*messages));
  session.signal->changed = true;
  if (!filed) co_return refused_target(filed.error());
  co_return completed("APPEND", appenduid(*filed));
}

}  // namespace imap
