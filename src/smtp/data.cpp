// The content of a message: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030). It goes from the input buffer to the host's
// sink as it arrives and is never held here. Once it cannot be accepted any more the rest is read and thrown away.

#include "base/text.h"
#include "smtp/table.h"

namespace smtp {

std::optional<Reply> Connection::no_content_now() const {
  if (!greeted_) return reply::say_hello_first();
  if (auto refusal = not_authenticated()) return refusal;
  if (!envelope_) return reply::no_transaction();
  if (envelope_->recipients.empty()) return reply::no_recipients();
  return std::nullopt;
}

net::Task<base::Result<Connection::Incoming>> Connection::begin_content(Content::Form form) {
  // Our users and listed networks send what their programs make; a stranger's bare line end is an error or an attack.
  const bool convert = mode_.service == Service::submission || peer_.trusted;
  long_content_ = false;
  Incoming incoming(form, convert ? Content::BareEnds::convert : Content::BareEnds::refuse);
  CO_TRY_ASSIGN(incoming.sink, co_await host_.begin(*envelope_, user_, peer_));
  co_return incoming;
}

/// `piece` must stay valid until it is done: it is a view of the input, which nothing reads into meanwhile.
net::Task<void> Connection::take_content(Incoming& incoming, std::string_view piece) {
  incoming.size += piece.size();
  if (!incoming.sink) co_return;
  if (incoming.size > config_.max_message_bytes) {
    incoming.failure = base::Error{base::Code::too_large, "above the limit of a message"};
  } else if (!piece.empty()) {
    if (auto written = co_await incoming.sink->write(piece); !written) incoming.failure = std::move(written).error();
  }
  if (incoming.failure || incoming.content.bare() || incoming.content.nul()) incoming.sink.reset();
}

/// The message is whole: hands it over, or says why not.
net::Task<Reply> Connection::finish_content(Incoming incoming) {
  if (incoming.content.bare()) co_return reply::bare_line_ends();
  if (incoming.content.nul()) co_return reply::nul_in_content();
  if (!incoming.failure) {
    auto accepted = co_await incoming.sink->accept();
    if (accepted) {
      errors_ = 0;
      if (log_.enabled(base::Level::info)) {
        log_.info("smtp.message.accepted", {{"id", accepted->id},
                                            {"helo", base::printable(peer_.helo)},
                                            {"from", base::printable(envelope_->sender)},
                                            {"to", base::printable(envelope_->recipients.front())},
                                            {"recipients", envelope_->recipients.size()},
                                            {"size", incoming.size}});
      }
      co_return reply::accepted(accepted->id);
    }
    incoming.failure = std::move(accepted).error();
  }
  co_return reply::content_refused(*incoming.failure, config_.max_message_bytes);
}

net::Task<void> Connection::data(std::string_view) {
  if (envelope_->recipients.empty()) {
    say(reply::no_recipients());
    co_return;
  }
  auto incoming = co_await begin_content(Content::Form::dotted);
  if (!incoming) {
    const Reply reply = reply::content_refused(incoming.error(), config_.max_message_bytes);
    log_refusal("smtp.message.refused", reply);
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
  const Reply reply = co_await finish_content(*std::move(incoming));
  if (reply.refuses()) log_refusal("smtp.message.refused", reply);
  reset_transaction();
  say(reply);
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
    if (auto incoming = co_await begin_content(Content::Form::counted)) {
      chunks_ = std::make_unique<Incoming>(*std::move(incoming));
    } else {
      refusal = reply::content_refused(incoming.error(), config_.max_message_bytes);
    }
  }
  // RFC 3030 §2: the octets of a chunk are taken, and thrown away, whatever the answer is going to be.
  co_await receive_chunk(chunk->size, refusal ? nullptr : chunks_.get());
  if (refusal) {
    reset_transaction();
    say(*refusal);
    co_return;
  }
  const bool failed = chunks_->failure || chunks_->content.bare() || chunks_->content.nul();
  if (!chunk->last && !failed) {
    say(reply::chunk_taken(chunk->size));
    co_return;
  }
  if (!failed) {
    const std::string tail(chunks_->content.end());
    co_await take_content(*chunks_, tail);
  }
  const Reply reply = co_await finish_content(std::move(*chunks_));
  if (reply.refuses()) log_refusal("smtp.message.refused", reply);
  reset_transaction();
  say(reply);
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
