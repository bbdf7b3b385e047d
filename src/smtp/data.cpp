// The content of a message: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030). It goes from the input buffer to the host's
// sink as it arrives and is never held here. Once it cannot be accepted any more the rest is read and thrown away.

#include <algorithm>

#include "base/text.h"
#include "smtp/table.h"

namespace smtp {

std::optional<Reply> Connection::no_content_now() const {
  if (!greeted_) return reply::say_hello_first();
  if (auto refusal = not_authenticated()) return refusal;
  if (!envelope_) return reply::no_transaction();
  if (envelope_->recipients.empty()) return reply::no_recipients(mode_->service);
  return std::nullopt;
}

net::Task<base::Result<Connection::Incoming>> Connection::begin_content(Content::Form form) {
  // Our users and listed networks send what their programs make, and the server in front of LMTP has answered for it
  // already; a stranger's bare line end is an error or an attack.
  const bool convert = mode_->service != Service::mx || peer_.trusted;
  Content::BareEnds bare_ends = convert ? Content::BareEnds::convert : Content::BareEnds::refuse;
  // RFC 3030 §3: every bit of every octet is kept.
  if (envelope_->body == BodyType::binary_mime) bare_ends = Content::BareEnds::keep;
  long_content_ = false;
  Incoming incoming(form, bare_ends);
  CO_TRY_ASSIGN(incoming.sink, co_await host_.begin(*envelope_, user_, peer_, log_));
  co_return incoming;
}

/// `piece` must stay valid until it is done: it is a view of the input, which nothing reads into meanwhile.
net::Task<void> Connection::take_content(Incoming& incoming, std::string_view piece) {
  incoming.size += piece.size();
  if (!incoming.sink) co_return;
  if (incoming.size > config_->max_message_bytes) {
    incoming.failure = base::Error{base::Code::too_large, "above the limit of a message"};
  } else if (!piece.empty()) {
    if (auto written = co_await incoming.sink->write(piece); !written) incoming.failure = std::move(written).error();
  }
  if (incoming.failure || incoming.content.bare() || incoming.content.nul()) incoming.sink.reset();
}

/// Why what has arrived so far cannot become a message.
std::optional<Reply> Connection::failure_of(const Incoming& incoming) const {
  if (incoming.content.bare()) return reply::bare_line_ends();
  if (incoming.content.nul()) return reply::nul_in_content();
  if (incoming.failure) return reply::content_refused(*incoming.failure, config_->max_message_bytes);
  return std::nullopt;
}

/// The message is whole: hands it over, tells the client what became of it, and ends the transaction.
net::Task<void> Connection::finish_content(Incoming incoming) {
  std::optional<Reply> refusal = failure_of(incoming);
  // RFC 2852 §4.1: in the mode "R" it must not be delivered after that time.
  const auto& by = envelope_->deliver_by;
  if (!refusal && by && by->give_back && clock_.now() > by->time) refusal = reply::too_late_to_deliver();
  if (!refusal) {
    auto accepted = co_await incoming.sink->accept();
    if (accepted) {
      const auto& refused = accepted->refused;
      const bool taken = refused.empty() || std::ranges::any_of(refused, [](const auto& why) { return !why; });
      if (taken) {
        errors_ = 0;
        mode_->metrics.messages.accepted.add();
        mode_->metrics.message_bytes.observe(static_cast<double>(incoming.size));
      } else {
        mode_->metrics.messages.count(reply::content_refused(*refused.front(), config_->max_message_bytes));
      }
      if (taken && log_.enabled(base::Level::info)) {
        log_.info("smtp.message.accepted", {{"id", accepted->id},
                                            {"helo", base::printable(peer_.helo)},
                                            {"from", base::printable(envelope_->sender)},
                                            {"to", base::printable(envelope_->recipients.front().address)},
                                            {"recipients", envelope_->recipients.size()},
                                            {"size", incoming.size}});
      }
      co_await answer_each(*std::move(accepted));
    } else {
      refusal =
          day_spent(accepted.error()).value_or(reply::content_refused(accepted.error(), config_->max_message_bytes));
    }
  }
  if (refusal) {
    refuse_message(*refusal);
    co_await answer(*std::move(refusal));
  }
  reset_transaction();
}

/// Counts and logs it; the client has yet to be told.
void Connection::refuse_message(const Reply& reply) {
  mode_->metrics.messages.count(reply);
  log_refusal("smtp.message.refused", reply, {}, false);
}

/// The reply to a whole message; RFC 2033 §4.2: once for each recipient.
net::Task<void> Connection::answer(Reply reply) {
  say(reply);
  if (!lmtp()) co_return;
  for (std::size_t i = 1; i < envelope_->recipients.size(); ++i) {
    append(out_, reply);
    if (out_.size() > kReplyBuffer) co_await flush();
  }
}

net::Task<void> Connection::answer_each(Sink::Accepted accepted) {
  if (accepted.refused.empty()) {
    co_await answer(reply::accepted(accepted.id));
    co_return;
  }
  for (std::size_t i = 0; i < accepted.refused.size(); ++i) {
    if (accepted.refused[i]) {
      const Reply refusal = reply::content_refused(*accepted.refused[i], config_->max_message_bytes);
      log_refusal("smtp.rcpt.refused", refusal, envelope_->recipients[i].address, false);
      append(out_, refusal);
    } else {
      append(out_, reply::accepted(accepted.id));
    }
    if (out_.size() > kReplyBuffer) co_await flush();
  }
}

net::Task<void> Connection::data(std::string_view) {
  if (envelope_->recipients.empty()) {
    say(reply::no_recipients(mode_->service));
    co_return;
  }
  if (envelope_->body == BodyType::binary_mime) {
    say(reply::binary_needs_bdat());
    co_return;
  }
  auto incoming = co_await begin_content(Content::Form::dotted);
  if (!incoming) {
    const Reply reply = reply::content_refused(incoming.error(), config_->max_message_bytes);
    refuse_message(reply);
    say(reply);
    co_return;
  }
  say(reply::send_content());
  co_await flush();

  while (!incoming->content.done()) {
    if (in_.empty()) co_await fill_content();
    std::size_t used = 0;
    const std::string_view piece = incoming->content.next(in_.view(), used);
    co_await take_content(*incoming, piece);
    in_.take(used);
  }
  co_await finish_content(*std::move(incoming));
}

net::Task<void> Connection::bdat(std::string_view argument) {
  const Parsed<Bdat> chunk = parse_bdat(argument);
  if (!chunk) {
    say(reply::wrong(chunk.error(), "BDAT octets [LAST]"));
    co_return;
  }
  std::optional<Reply> refusal = no_content_now();
  if (!refusal) refusal = co_await login_ended();
  if (!refusal && !chunks_) {
    auto incoming = co_await begin_content(Content::Form::counted);
    if (!incoming) {
      chunks_ = std::make_unique<Incoming>(Content::Form::counted, Content::BareEnds::keep);
      chunks_->failure = std::move(incoming).error();
    } else {
      chunks_ = std::make_unique<Incoming>(*std::move(incoming));
    }
  }
  // RFC 3030 §2: the octets of a chunk are taken, and thrown away, whatever the answer is going to be.
  co_await receive_chunk(chunk->size, refusal ? nullptr : chunks_.get());
  if (refusal) {
    co_await refuse_chunk(*std::move(refusal), chunk->last);
    co_return;
  }
  const std::optional<Reply> failure = failure_of(*chunks_);
  // An LMTP client that pipelines waits for a reply for each recipient when it has sent the last chunk.
  if (!chunk->last && (!failure || lmtp())) {
    say(failure ? *failure : reply::chunk_taken(chunk->size));
    co_return;
  }
  if (!failure) {
    const std::string tail(chunks_->content.end());
    co_await take_content(*chunks_, tail);
  }
  co_await finish_content(std::move(*chunks_));
}

/// No message can begin with this chunk.
net::Task<void> Connection::refuse_chunk(Reply reply, bool last) {
  if (!lmtp() || !last || !envelope_) {
    say(reply);
  } else if (!envelope_->recipients.empty()) {
    co_await answer(std::move(reply));
  }  // RFC 2033 §4.3: no recipient, no reply
  reset_transaction();
}

net::Task<void> Connection::receive_chunk(std::uint64_t size, Incoming* incoming) {
  while (size > 0) {
    if (in_.empty()) co_await fill_content();
    const std::string_view octets = in_.view().substr(0, size);
    if (incoming != nullptr) {
      std::size_t used = 0;
      const std::string_view piece = incoming->content.next(octets, used);
      ENSURE(used == octets.size());
      co_await take_content(*incoming, piece);
    }
    size -= octets.size();
    in_.take(octets.size());
  }
}

}  // namespace smtp
