// APPEND (RFC 9051 §6.3.12, RFC 7888). The message goes to the store in the chunks that it comes in.
#include "imap/driver.h"
#include "mime/message.h"

namespace imap {

namespace {

// What stands against the message before it is sent; so a client that waits for us does not send it in vain.
net::Task<std::expected<mailstore::MailboxId, Reply>> check_append(Session& session, const Append& arguments) {
  const LiteralHead& literal = session.framer.literal();
  if (literal.binary) co_return std::unexpected(no(says::kLiteral8));
  if (literal.size == 0) co_return std::unexpected(no(says::kEmptyMessage));
  if (literal.size > session.config->max_message_bytes) co_return std::unexpected(no(says::kMessageTooBig));
  auto name = session.decode_mailbox(arguments.name);
  if (!name) co_return std::unexpected(refused(name.error()));
  const auto mailbox = co_await session.services.mail.mailbox(session.account(), *name);
  if (!mailbox) co_return std::unexpected(refused_target(mailbox.error()));
  if (!mailbox->selectable) co_return std::unexpected(no(says::kNotSelectable));
  co_return mailbox->id;
}

// Takes the message and the rest of the line. The message is read to its end even when the store has refused it,
// because the client sends it anyway.
net::Task<std::expected<mailstore::Incoming, Reply>> take_message(Session& session) {
  auto writer = session.services.store.new_body();
  auto parser = std::make_unique<mime::Parser>(mailstore::kParseLimits);
  std::optional<base::Error> failed;
  while (true) {
    const Framer::Event event = co_await session.next_event();
    if (event == Framer::Event::chunk) {
      if (failed) continue;
      parser->feed(session.framer.chunk());
      auto taken = co_await writer->append(session.framer.chunk());
      if (!taken) failed = std::move(taken).error();
      continue;
    }
    if (event == Framer::Event::message) {  // RFC 3502's second message, which is not announced
      session.framer.refuse();
      co_return std::unexpected(bad(says::kOneMessage));
    }
    if (event == Framer::Event::hopeless) session.bye(says::kByeTooLong);
    if (event != Framer::Event::end || !session.framer.text().empty())
      co_return std::unexpected(bad(says::kOneMessage));
    break;
  }
  if (failed) co_return std::unexpected(refused(*failed));
  auto parsed = std::make_shared<const mime::Message>(parser->finish());
  if (parsed->nul) co_return std::unexpected(no(says::kNul));
  co_return mailstore::Incoming{.body = writer->finish(), .parsed = std::move(parsed)};
}

}  // namespace

net::Task<Reply> do_append(Session& session, Command& command) {
  auto& arguments = std::get<Append>(command.arguments);
  if (!session.message_waits) co_return bad(says::kNoLiteral);
  const auto mailbox = co_await check_append(session, arguments);
  if (!mailbox) co_return mailbox.error();
  const bool waits = session.framer.literal().synchronizing;
  session.framer.accept();
  session.message_waits = false;
  if (waits) session.line(says::kGoAhead);
  auto message = co_await take_message(session);
  if (!message) co_return message.error();
  std::vector<mailstore::Mailstore::AppendMessage> messages;
  const std::int64_t now = base::unix_seconds(session.services.clock.now());
  messages.push_back({.message = std::move(*message),
                      .options = {.prefix = {},
                                  .received = arguments.date.value_or(mime::DateTime{.unix_seconds = now}),
                                  .flags = std::move(arguments.flags),
                                  .quota_bytes = session.identity->quota_bytes}});
  const auto filed = co_await session.services.mail.append(session.account(), *mailbox, std::move(messages));
  session.signal->changed = true;
  if (!filed) co_return refused_target(filed.error());
  const mailstore::Filed& one = filed->front();
  co_return completed("APPEND", "APPENDUID " + std::to_string(one.uid_validity) + " " + std::to_string(one.uid));
}

}  // namespace imap
