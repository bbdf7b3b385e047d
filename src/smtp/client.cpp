#include "smtp/client.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "sasl/client.h"
#include "sasl/sasl.h"

namespace smtp {

namespace {

using net::Closed;
using net::Task;

constexpr std::size_t kReadBytes = 4096;
/// Commands sent before an answer is read: their answers fit into what the system buffers, so neither side waits for
/// the other to read (RFC 2920 §3.1).
constexpr std::size_t kPipelined = 50;
constexpr int kClosing = 421;

bool is_private(const net::Stream& stream) {
  const std::string& peer = stream.endpoints().peer_address;
  return stream.tls() != nullptr || peer.empty() || net::is_loopback(peer);
}

}  // namespace

std::size_t Transaction::accepted() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(rcpt_answers, [](const auto& answer) { return answer && answer->positive(); }));
}

void Client::expire_in(std::chrono::seconds time) {
  stream_->set_deadline(std::min(limit_, std::chrono::steady_clock::now() + time));
}

Task<void> Client::send(std::string_view bytes, std::chrono::seconds time) {
  expire_in(time);
  co_await stream_->write(bytes);
}

Task<Answer> Client::receive(std::chrono::seconds time) {
  expire_in(time);
  while (true) {
    std::size_t used = 0;
    const auto state = parser_.feed(input_, used);
    input_.erase(0, used);
    if (state == AnswerParser::State::done) co_return parser_.take();
    if (state == AnswerParser::State::broken) throw Closed(Closed::Why::peer, parser_.why());
    std::string bytes(kReadBytes, '\0');
    bytes.resize(co_await stream_->read(bytes));
    if (bytes.empty()) throw Closed(Closed::Why::peer, "the host closed the connection");
    input_ += bytes;
  }
}

/// Where nothing was asked, nothing is answered. A reply too many would be taken for that of the next command, and in
/// the end for the word that the message was taken.
void Client::expect_silence() const {
  if (input_.empty()) return;
  throw Closed(Closed::Why::peer, "the host sent what nobody asked for: " + base::printable(input_, 100));
}

Task<Answer> Client::command(std::string line, std::chrono::seconds time) {
  expect_silence();
  line += "\r\n";
  co_await send(line, time);
  co_return co_await receive(time);
}

Task<Answer> Client::greeting() { return receive(timeouts_.greeting); }

Task<Answer> Client::hello(std::string name) {
  extensions_ = {};
  Answer answer = co_await command((lmtp_ ? "LHLO " : "EHLO ") + name, timeouts_.hello);
  if (answer.positive()) {
    extensions_ = parse_extensions(answer);
    host_name_ = greeting_name(answer);
    co_return answer;
  }
  // RFC 5321 §3.2: an old server does not know EHLO. One that refuses us (550, 554) means it.
  const bool unknown = answer.code >= 500 && answer.code <= 504;
  if (lmtp_ || !unknown) co_return answer;
  Answer old = co_await command("HELO " + name, timeouts_.hello);
  if (old.positive()) host_name_ = greeting_name(old);
  co_return old;
}

Task<Answer> Client::start_tls() {
  Answer answer = co_await command("STARTTLS", timeouts_.command);
  if (answer.positive() && !input_.empty()) {
    throw Closed(Closed::Why::tls, "there is more than the answer to STARTTLS: somebody may have put it there");
  }
  co_return answer;
}

Task<base::Result<Answer>> Client::authenticate(std::string user, std::string password, net::Pool& pool) {
  const std::shared_ptr<sasl::ClientMechanism> mechanism = sasl::choose_mechanism(
      extensions_.auth, {.user = std::move(user),
                         .password = std::move(password),
                         .nonce = sasl::random_nonce(),
                         .tls_exporter = stream_->channel_binding(net::ChannelBinding::tls_exporter),
                         .private_channel = is_private(*stream_)});
  if (!mechanism) {
    co_return base::fail(base::Code::denied, extensions_.auth.empty()
                                                 ? "the host offers no AUTH"
                                                 : "the host offers no mechanism for AUTH that may be used here");
  }
  std::string line = "AUTH " + std::string(mechanism->name());
  if (mechanism->client_first()) {
    CO_TRY_ASSIGN(const std::string first, mechanism->respond({}));
    // RFC 4954 §4: an empty initial response is written "=".
    line += " " + (first.empty() ? "=" : base::base64_encode(first));
  }
  Answer answer = co_await command(std::move(line), timeouts_.command);
  while (answer.code == 334) {
    const auto challenge = base::base64_decode(base::trim(answer.lines.front()));
    if (!challenge) co_return base::fail(base::Code::invalid, "the host's challenge is not base64");
    auto response = co_await pool.run([mechanism, bytes = *challenge] { return mechanism->respond(bytes); });
    if (!response) {
      (void)co_await command("*", timeouts_.command);
      co_return std::unexpected(response.error());
    }
    answer = co_await command(base::base64_encode(*response), timeouts_.command);
  }
  if (answer.positive() && !mechanism->complete()) {
    co_return base::fail(base::Code::denied, "the host says yes without having proved that it knows the password");
  }
  co_return answer;
}

Task<void> Client::begin(Transaction& transaction) {
  committed_ = false;
  expect_silence();
  transaction.rcpt_answers.assign(transaction.rcpt.size(), std::nullopt);
  if (!extensions_.pipelining) co_return co_await begin_in_turn(transaction);
  std::size_t sent = 0;
  std::string group = transaction.mail + "\r\n";
  bool first = true;
  while (first || sent < transaction.rcpt.size()) {
    const std::size_t end = std::min(transaction.rcpt.size(), sent + kPipelined);
    for (std::size_t i = sent; i < end; ++i) group += transaction.rcpt[i] + "\r\n";
    co_await send(group, timeouts_.command);
    group.clear();
    if (std::exchange(first, false)) transaction.mail_answer = co_await receive(timeouts_.command);
    // What was sent is answered, also when MAIL was refused.
    for (; sent < end && transaction.mail_answer->code != kClosing; ++sent) {
      Answer answer = co_await receive(timeouts_.command);
      const bool closing = answer.code == kClosing;
      if (transaction.mail_answer->positive()) transaction.rcpt_answers[sent] = std::move(answer);
      if (closing) co_return;
    }
    if (!transaction.mail_answer->positive()) co_return;
  }
}

Task<void> Client::begin_in_turn(Transaction& transaction) {
  transaction.mail_answer = co_await command(transaction.mail, timeouts_.command);
  if (!transaction.mail_answer->positive()) co_return;
  for (std::size_t i = 0; i < transaction.rcpt.size(); ++i) {
    transaction.rcpt_answers[i] = co_await command(transaction.rcpt[i], timeouts_.command);
    if (transaction.rcpt_answers[i]->code == kClosing) co_return;
  }
}

Task<Answer> Client::reset() { return command("RSET", timeouts_.reset); }

Task<void> Client::quit() {
  try {
    (void)co_await command("QUIT", timeouts_.quit);
    co_await stream_->shutdown();
  } catch (const Closed&) {
    // It wanted to go anyway.
  }
  stream_->close();
}

}  // namespace smtp
