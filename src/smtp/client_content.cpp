// The content of a message, sent by Client (smtp/client.h) in pieces as they are read.
#include <algorithm>

#include "smtp/client.h"
#include "smtp/outgoing.h"

namespace smtp {

namespace {

using net::Closed;
using net::Task;

/// Chunks on their way before their answers are read (RFC 3030 §4.2: BDAT may be pipelined).
constexpr std::size_t kChunksUnanswered = 8;
/// How long a host that has cut us off in the middle may take to have said why.
constexpr std::chrono::seconds kLastWords{2};

}  // namespace

Task<ContentResult> Client::content(MessageContent content) {
  committed_ = false;
  expect_silence();
  return content.chunked ? chunks(std::move(content)) : data(std::move(content));
}

/// Writes a part of the content. An answer: the host has refused before the end, and closed.
Task<std::optional<Answer>> Client::push(std::string_view bytes) {
  std::exception_ptr lost;
  try {
    co_await send(bytes, timeouts_.block);
    co_return std::nullopt;
  } catch (const Closed& closed) {
    if (closed.why != Closed::Why::peer) throw;
    lost = std::current_exception();
  }
  Answer answer;
  try {
    answer = co_await receive(kLastWords);
  } catch (const Closed&) {
    std::rethrow_exception(lost);
  }
  stream_->close();
  if (answer.code < 400) std::rethrow_exception(lost);
  co_return answer;
}

Task<ContentResult> Client::data(MessageContent content) {
  Answer go = co_await command("DATA", timeouts_.data);
  // Whoever says yes before there was a message has not taken it.
  if (go.positive()) throw Closed(Closed::Why::peer, "the host answered DATA with " + go.text());
  if (go.code != 354) co_return ContentResult{.answers = {std::move(go)}};
  DotStuffer stuffer;
  std::string out;
  for (std::uint64_t offset = 0;;) {
    auto piece = co_await content.read(offset);
    if (!piece) {
      stream_->close();
      co_return ContentResult{.kind = ContentResult::Kind::unreadable, .error = piece.error()};
    }
    if (piece->empty()) break;
    offset += piece->size();
    if (!out.empty()) {
      if (auto refused = co_await push(out)) co_return ContentResult{.answers = {*std::move(refused)}};
    }
    out.clear();
    stuffer.feed(*piece, out);
  }
  // The last piece and the final dot leave together, so that a short message is one write.
  if (!content.may_commit()) {
    stream_->close();
    co_return ContentResult{.kind = ContentResult::Kind::withdrawn};
  }
  expect_silence();
  stuffer.finish(out);
  committed_ = true;
  if (auto refused = co_await push(out)) {
    committed_ = false;
    co_return ContentResult{.answers = {*std::move(refused)}};
  }
  ContentResult result;
  co_await final_answers(content.recipients, result);
  co_return result;
}

Task<ContentResult> Client::chunks(MessageContent content) {
  std::size_t unanswered = 0;
  const std::size_t window = extensions_.pipelining ? kChunksUnanswered : 1;
  auto current = co_await content.read(0);
  std::uint64_t offset = 0;
  for (bool last = false; !last;) {
    base::Result<std::string> next{};
    if (current && !current->empty()) {
      offset += current->size();
      next = co_await content.read(offset);
    }
    if (!current || !next) {
      stream_->close();
      co_return ContentResult{.kind = ContentResult::Kind::unreadable,
                              .error = current ? next.error() : current.error()};
    }
    last = next->empty();
    if (last && !content.may_commit()) {
      stream_->close();
      co_return ContentResult{.kind = ContentResult::Kind::withdrawn};
    }
    for (; unanswered >= window; --unanswered) {
      Answer answer = co_await receive(timeouts_.block);
      if (!answer.positive()) {
        stream_->close();  // the answers to what is on its way tell nothing more
        co_return ContentResult{.answers = {std::move(answer)}};
      }
    }
    committed_ = last;
    const std::string chunk = "BDAT " + std::to_string(current->size()) + (last ? " LAST\r\n" : "\r\n") + *current;
    if (auto refused = co_await push(chunk)) {
      committed_ = false;
      co_return ContentResult{.answers = {*std::move(refused)}};
    }
    ++unanswered;
    current = std::move(next);
  }
  for (; unanswered > 1; --unanswered) {
    Answer answer = co_await receive(timeouts_.block);
    if (!answer.positive()) {
      stream_->close();
      committed_ = false;
      co_return ContentResult{.answers = {std::move(answer)}};
    }
  }
  ContentResult result;
  co_await final_answers(content.recipients, result);
  co_return result;
}

/// RFC 2033 §4.2: LMTP answers once for each recipient that it has accepted.
Task<void> Client::final_answers(std::size_t count, ContentResult& result) {
  try {
    for (std::size_t i = 0; i < (lmtp_ ? count : 1); ++i) result.answers.push_back(co_await receive(timeouts_.final));
    committed_ = false;
  } catch (const Closed&) {
    if (result.answers.empty()) throw;
    result.whole = false;
  }
}

}  // namespace smtp
