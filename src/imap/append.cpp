// APPEND of one or more messages (RFC 9051 §6.3.12, RFC 3502, RFC 7888, RFC 3516 §4.4, RFC 4469, RFC 6855 §4). The
// messages go to the store in the chunks that they come in, and appear together or not at all.
#include "imap/append.h"

#include "imap/message_limit.h"
#include "imap/url_part.h"
#include "mime/message.h"

namespace imap {

namespace {

constexpr std::size_t kMaxMessages = 1000;    // of one APPEND: they are one commit
constexpr std::size_t kMaxParts = 1000;       // of all that it catenates
constexpr std::size_t kMaxUrlBytes = 8192;    // of one that comes as a literal
constexpr std::size_t kShownUrlBytes = 1000;  // of one that is told as bad

using Step = AppendPiece::Step;
using Then = AppendPiece::Then;

// RFC 4469 §4.1, §5: as it came, but for what would break the response.
Reply bad_url(std::string_view url) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string shown;
  for (const char c : url.substr(0, kShownUrlBytes)) {
    if (c > ' ' && c < 0x7f && c != ']') {
      shown += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      shown += '%';
      shown += kHex[byte >> 4];
      shown += kHex[byte & 15];
    }
  }
  if (shown.empty()) shown = "\"\"";
  return no("[BADURL " + shown + "] " + std::string(says::kBadUrl));
}

/// A message on its way to the store.
class Growing {
 public:
  Growing(Session& session, MessageHead head)
      : head_(std::move(head)),
        writer_(session.services.store.new_body()),
        parser_(std::make_unique<mime::Parser>(mailstore::kParseLimits)) {}

  // What comes after an error is dropped: the client sends it anyway.
  net::Task<void> add(std::string_view chunk) {
    if (failed_) co_return;
    empty_ = empty_ && chunk.empty();
    parser_->feed(chunk);
    auto taken = co_await writer_->append(chunk);
    if (!taken) failed_ = std::move(taken).error();
  }

  /// `binary`: it was announced as literal8.
  std::expected<mailstore::Mailstore::AppendMessage, Reply> finish(const Session& session, bool binary) {
    if (failed_) return std::unexpected(refused(*failed_));
    if (empty_) return std::unexpected(no(says::kEmptyMessage));
    auto parsed = std::make_shared<const mime::Message>(parser_->finish());
    // RFC 3516 §4.4: what can hold a NUL is taken, and a NUL is not, because BODY[] could not give it back.
    if (parsed->nul) return std::unexpected(no(binary ? says::kBinaryNul : says::kNul));
    if (parsed->eight_bit_header && !session.utf8_accept && !session.config->append_8bit_headers) {
      return std::unexpected(no(says::kNoUtf8));
    }
    const std::int64_t now = base::unix_seconds(session.services.clock.now());
    return mailstore::Mailstore::AppendMessage{
        .message = {.body = writer_->finish(), .parsed = std::move(parsed)},
        .options = {.prefix = {},
                    .received = head_.date.value_or(mime::DateTime{.unix_seconds = now}),
                    .flags = std::move(head_.flags)}};
  }

 private:
  MessageHead head_;
  std::unique_ptr<store::BodyWriter> writer_;
  std::unique_ptr<mime::Parser> parser_;
  std::optional<base::Error> failed_;
  bool empty_ = true;
};

/// One command's messages. Each step gives what is answered instead of going on.
class Taking {
 public:
  Taking(Session& session, std::size_t most)
      : session_(session), most_(most), room_(session.config->max_message_bytes) {}

  net::Task<std::expected<Messages, Reply>> run(AppendPiece piece) {
    while (true) {
      for (Step& step : piece.steps) {
        if (auto refusal = co_await take_step(step)) co_return std::unexpected(std::move(*refusal));
      }
      if (piece.then == Then::end) {
        if (session_.message_waits) co_return std::unexpected(bad(says::kNoMessage));
        co_return std::move(messages_);
      }
      if (!session_.message_waits) co_return std::unexpected(bad(says::kNoLiteral));
      if (auto refusal = co_await take_literal(piece)) co_return std::unexpected(std::move(*refusal));
      if (session_.ending) co_return std::unexpected(bad(says::kBehindMessage));
      const bool whole = piece.then == Then::message;
      auto next = parse_append_piece(session_.framer.text(), {.catenating = !whole, .utf8 = piece.utf8});
      if (!next) {
        const bool ended = whole && !piece.utf8 && !session_.message_waits;
        co_return std::unexpected(bad(ended ? says::kBehindMessage : std::string_view(next.error().text)));
      }
      piece = std::move(*next);
    }
  }

 private:
  using Refusal = std::optional<Reply>;

  net::Task<Refusal> take_step(Step& step) {
    switch (step.kind) {
      case Step::Kind::catenate:
        co_return begin(std::move(step.head));
      case Step::Kind::url:
        co_return co_await add_url(std::move(step.url));
      case Step::Kind::finish:
        co_return finish(/*binary=*/false);
    }
    co_return Refusal();
  }

  // Looked at before the literal is accepted: what is refused is not even sent by a client that waits for us.
  net::Task<Refusal> take_literal(AppendPiece& piece) {
    const LiteralHead literal = session_.framer.literal();
    if (piece.utf8 && !literal.binary) co_return bad(says::kNoLiteral8);
    if (piece.then == Then::url) {
      if (literal.size > kMaxUrlBytes) co_return bad(says::kLongUrl);
      co_return co_await add_url(co_await read_url(literal));
    }
    if (piece.then == Then::message) {
      if (literal.size == 0) co_return no(says::kEmptyMessage);
      if (auto refusal = begin(std::move(piece.head))) co_return refusal;
    } else if (auto refusal = count_part()) {
      co_return refusal;
    }
    if (literal.size > room_) co_return no(says::kMessageTooBig);
    room_ -= literal.size;
    accept(literal);
    Framer::Event event = co_await session_.next_event();
    for (; event == Framer::Event::chunk; event = co_await session_.next_event()) {
      co_await growing_->add(session_.framer.chunk());
    }
    literal_ends(event);
    co_return piece.then == Then::message ? finish(literal.binary) : Refusal();
  }

  net::Task<std::string> read_url(LiteralHead literal) {
    accept(literal);
    std::string url;
    Framer::Event event = co_await session_.next_event();
    for (; event == Framer::Event::chunk; event = co_await session_.next_event()) url += session_.framer.chunk();
    literal_ends(event);
    co_return url;
  }

  void accept(const LiteralHead& literal) {
    session_.framer.accept();
    session_.message_waits = false;
    if (literal.synchronizing) session_.line(says::kGoAhead);
  }
  void literal_ends(Framer::Event event) {
    session_.message_waits = event == Framer::Event::message;
    if (event == Framer::Event::hopeless || event == Framer::Event::too_long) session_.bye(says::kByeTooLong);
  }

  Refusal begin(MessageHead head) {
    if (exceeds_limit(session_, messages_.size() + 1)) return over_limit(session_);
    if (messages_.size() == most_) return most_ == 1 ? bad(says::kOneMessage) : no(says::kManyMessages);
    growing_ = std::make_unique<Growing>(session_, std::move(head));
    return std::nullopt;
  }
  Refusal finish(bool binary) {
    auto message = growing_->finish(session_, binary);
    growing_.reset();
    if (!message) return std::move(message).error();
    messages_.push_back(std::move(*message));
    return std::nullopt;
  }
  Refusal count_part() {
    if (++parts_ > kMaxParts) return no(says::kManyParts);
    return std::nullopt;
  }

  // RFC 4469 §3: a message of this account, or a part of one, by a URL without a server.
  net::Task<Refusal> add_url(std::string url) {
    if (auto refusal = count_part()) co_return refusal;
    auto parsed = parse_imap_url(url);
    if (!parsed || parsed->server || parsed->access) co_return bad_url(url);
    const auto part = std::make_unique<UrlPart>(session_.services.mail, session_.account());
    const auto found = co_await part->find(std::move(*parsed));
    if (!found) co_return url_error(url, found.error());
    // RFC 4469 §4.2.
    if (part->size() > room_) co_return no(says::kMessageTooBig);
    room_ -= part->size();
    while (!part->done()) {
      const auto piece = co_await part->next();
      if (!piece) co_return url_error(url, piece.error());
      co_await growing_->add(*piece);
    }
    co_return Refusal();
  }
  static Reply url_error(std::string_view url, const base::Error& error) {
    const bool lasting = error.code == base::Code::not_found || error.code == base::Code::corrupt;
    return lasting ? bad_url(url) : refused(error);
  }

  Session& session_;
  const std::size_t most_;
  std::uint64_t room_;  // bytes that are left
  std::size_t parts_ = 0;
  std::unique_ptr<Growing> growing_;
  Messages messages_;
};

std::string appenduid(const std::vector<mailstore::Filed>& filed) {
  std::vector<Range> uids;
  for (const auto& one : filed) add_ascending(uids, one.uid);
  std::string code = "APPENDUID " + std::to_string(filed.front().uid_validity) + " ";
  append_set(code, uids);
  return code;
}

}  // namespace

net::Task<std::expected<Found, Reply>> append_target(Session& session, std::string wire) {
  auto found = co_await find_mailbox(session, std::move(wire), mailstore::kInsert);
  if (!found) co_return std::unexpected(refused_target(found.error()));
  if (!found->mailbox.selectable) co_return std::unexpected(no(says::kNotSelectable));
  co_return std::move(*found);
}

net::Task<std::expected<Messages, Reply>> take_messages(Session& session, AppendPiece piece, std::size_t most,
                                                        const Found& target) {
  const auto taking = std::make_unique<Taking>(session, most);
  auto messages = co_await taking->run(std::move(piece));
  if (!messages) co_return messages;
  // RFC 4314 §4: flags that may not be set are left out, and nothing is refused for them.
  const mailstore::FlagMask mask = mailstore::flag_mask(target.rights);
  for (auto& message : *messages) {
    message.options.quota = target.place.quota;
    message.options.reader = session.account();
    message.options.flags.system &= mask.system;
    if (!mask.keywords) message.options.flags.keywords.clear();
  }
  co_return messages;
}

net::Task<Reply> do_append(Session& session, Command& command) {
  auto& arguments = std::get<Append>(command.arguments);
  if (arguments.piece.then != Then::end && !session.message_waits) co_return bad(says::kNoLiteral);
  const auto target = co_await append_target(session, std::move(arguments.name));
  if (!target) co_return target.error();
  auto messages = co_await take_messages(session, std::move(arguments.piece), kMaxMessages, *target);
  if (!messages) co_return messages.error();
  const auto filed =
      co_await session.services.mail.append(target->place.account, target->mailbox.id, std::move(*messages));
  session.signal->changed = true;
  if (!filed) co_return refused_target(filed.error());
  std::vector<mailstore::Uid> uids;
  for (const auto& one : *filed) uids.push_back(one.uid);
  session.note_own(target->target(), target->place.account, std::move(uids));
  co_return completed("APPEND", appenduid(*filed));
}

}  // namespace imap
