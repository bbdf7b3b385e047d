#include "smtp/session.h"

#include "base/text.h"
#include "smtp/connection.h"
#include "smtp/table.h"

namespace smtp {
namespace {

// RFC 5321 §4.5.3.1.4 asks for 512 and the extensions for about 600 more; long addresses in UTF-8 fit well below.
constexpr std::size_t kLineLimit = 2048;
// RFC 4954 §4: a line of an authentication exchange.
constexpr std::size_t kAuthLineLimit = 12'288;
constexpr std::size_t kLineRead = 4096;
constexpr std::size_t kFirstContentRead = 8 * 1024;
constexpr std::size_t kContentRead = 64 * 1024;
constexpr std::size_t kKeptReplyBuffer = 512;  // of it, while the session is idle
constexpr std::chrono::seconds kFarewell{10};

/// A command's argument without what is secret in it: of AUTH the mechanism alone.
std::string_view loggable(const VerbRow& row, std::string_view argument) {
  return row.handler == &Connection::auth ? argument.substr(0, argument.find(' ')) : argument;
}

}  // namespace

Connection::Connection(std::unique_ptr<net::Stream> stream, Host& host, const base::Live<Config>& config,
                       std::shared_ptr<const Mode> mode, TlsSource tls, const base::Clock& clock, base::Log log,
                       net::Stopping stopping)
    : stream_(std::move(stream)),
      host_(host),
      config_(config),
      mode_(std::move(mode)),
      tls_(std::move(tls)),
      clock_(clock),
      log_(std::move(log)),
      stopping_(std::move(stopping)),
      session_end_(clock.steady() + config_->session_timeout),
      lines_(mode_->service == Service::submission ? kAuthLineLimit : kLineLimit) {
  peer_.service = mode_->service;
  peer_.endpoints = stream_->endpoints();
  peer_.hidden = mode_->hide_clients;
  peer_.trusted = mode_->trusted && mode_->trusted(peer_.endpoints.peer_address);
  peer_.relays = mode_->relay && mode_->relay(peer_.endpoints.peer_address);
  visit_ = guard::Visit(mode_->guard, visitor());
}

guard::Visitor Connection::visitor() const {
  const std::string& address = peer_.endpoints.peer_address;
  const bool exempt = peer_.trusted || peer_.relays || (mode_->exempt && mode_->exempt(address));
  const auto group = mode_->service == Service::submission ? guard::Group::users : guard::Group::strangers;
  return guard::Visitor::of(address, group, exempt);
}

Offer Connection::offer() const {
  // RFC 4865 §3: for submission only.
  const std::chrono::seconds max_hold =
      mode_->service == Service::submission ? config_->max_hold : std::chrono::seconds(0);
  return {.starttls = peer_.tls == nullptr && tls_ && tls_() != nullptr,
          .mechanisms = auth_allowed() && !user_ ? sasl::offered(config_->mechanisms, channel())
                                                 : std::vector<std::string_view>(),
          .tls = peer_.tls != nullptr,
          .max_message_bytes = config_->max_message_bytes,
          .max_recipients = config_->max_recipients,
          .max_messages = config_->max_messages,
          .max_hold = max_hold,
          .hold_until = clock_.now() + max_hold};
}

net::Task<void> Connection::run() {
  if (mode_->implicit_tls) {
    auto acceptor = tls_ ? tls_() : nullptr;
    if (!acceptor) {
      log_.error("smtp.tls.no_certificate");
      throw net::Closed(net::Closed::Why::local, "no certificate");
    }
    co_await handshake(std::move(acceptor));
  }
  if (co_await talks_early()) {
    log_.noise("smtp.early_talker");
    co_await end_with(reply::spoke_too_early());
    co_return;
  }
  say(reply::greeting(config_->hostname, mode_->service));
  co_await serve_commands();
}

/// RFC 5321 §4.3.1: the client waits for the greeting. Programs that only want to get rid of their mail do not.
net::Task<bool> Connection::talks_early() {
  if (config_->greet_delay.count() == 0 || mode_->implicit_tls || !is_stranger()) co_return false;
  stream_->set_deadline(std::min(clock_.steady() + config_->greet_delay, session_end_));
  try {
    co_return co_await stream_->wait() == net::Ready::data;
  } catch (const net::Closed& closed) {
    if (closed.why != net::Closed::Why::timeout) throw;
  }
  co_return false;
}

net::Task<void> Connection::serve_commands() {
  while (!ended_) {
    const Line line = co_await next_line();
    config_.refresh();
    // Also what came in together is not begun any more: the client keeps what was not answered.
    if (stopping_.requested()) {
      co_await end_with(stopping_.alone() ? reply::ended(config_->hostname) : reply::stopping(config_->hostname));
    } else if (++commands_ > config_->max_commands) {
      co_await end_with(reply::too_many_commands(config_->hostname));
    } else {
      co_await execute(line);
      if (!ended_ && flooded_) {
        co_await end_with(reply::too_many_errors_from(config_->hostname));
      } else if (!ended_ && errors_ >= config_->max_errors) {
        log_.noise("smtp.session.too_many_errors", {{"errors", errors_}});
        co_await end_with(reply::too_many_errors(config_->hostname));
      }
    }
  }
}

net::Task<void> Connection::execute(Line line) {
  if (line.end != LineEnd::crlf) {
    say(reply::bad_line(line.end));
    co_await flush();
    co_return;
  }
  const Parsed<Command> command = parse_command(line.text);
  const VerbRow* row = command ? find_verb(command->verb, mode_->service) : nullptr;
  mode_->metrics.count_command(row);
  if (row == nullptr) {
    say(command ? reply::unknown_command() : reply::wrong(command.error(), {}));
    co_await flush();  // RFC 2920 §3.2 (6)
    co_return;
  }
  if (log_.enabled(base::Level::debug)) {
    log_.debug("smtp.command", {{"verb", row->name}, {"argument", base::printable(loggable(*row, command->argument))}});
  }
  std::optional<Reply> refusal = not_allowed(*row, command->argument);
  if (!refusal && user_ && (row->needs & (kLogin | kTransaction)) != 0) refusal = co_await login_ended();
  if (refusal) {
    say(*refusal);
  } else {
    report(row->name);
    co_await (this->*row->handler)(command->argument);
    report(row->name);
  }
  if ((row->needs & kFlush) != 0 || out_.size() > kReplyBuffer) co_await flush();
}

void Connection::report(std::string_view command) const {
  net::Report& report = stopping_.report();
  report.command = command;
  report.state = envelope_ ? "in transaction" : greeted_ ? "ready" : "connected";
  report.tls = peer_.tls != nullptr;
  if (user_) report.user = user_->address;
}

std::optional<Reply> Connection::not_allowed(const VerbRow& row, std::string_view argument) const {
  if (row.argument == Argument::none && !argument.empty()) return reply::takes_no_argument(row.name);
  if (row.argument == Argument::required && argument.empty()) return reply::needs_argument(row.syntax);
  // What is missing is told in the order in which the client has to do it.
  if ((row.needs & kHello) != 0 && !greeted_) return reply::say_hello_first();
  if ((row.needs & kLogin) != 0) {
    if (auto refusal = not_authenticated()) return refusal;
  }
  if ((row.needs & kTransaction) != 0 && !envelope_) return reply::no_transaction();
  if ((row.needs & kNoTransaction) != 0 && envelope_) return reply::in_transaction();
  if ((row.needs & kNotChunking) != 0 && chunks_) return reply::bdat_under_way();
  return std::nullopt;
}

/// The next whole line. All replies are sent before it waits for one (RFC 2920 §3.2 (7)).
net::Task<Line> Connection::next_line() {
  bool armed = false;
  while (true) {
    std::size_t used = 0;
    const std::optional<Line> line = lines_.next(in_.view(), used);
    in_.take(used);
    if (line) co_return *line;
    co_await flush();
    if (stopping_.requested()) co_return Line{};  // the driver ends the session; a wake() tells of it only once
    // One deadline for the whole line: a client that sends a byte now and then does not stay for ever.
    if (!std::exchange(armed, true)) arm(config_->command_timeout);
    co_await fill_line();
  }
}

net::Task<void> Connection::fill_line() {
  if (in_.empty()) in_.clear();  // no memory while the session is idle
  if (co_await stream_->wait() == net::Ready::woken) co_return;
  const std::size_t count = co_await stream_->read(in_.room(kLineRead));
  // RFC 5321 §4.1.1.5: a connection that ends without QUIT ends the transaction under way.
  if (count == 0) throw net::Closed(net::Closed::Why::peer);
  in_.added(count);
}

net::Task<void> Connection::fill_content() {
  co_await flush();  // RFC 2920 §3.2 (7) holds for the octets of BDAT, too
  arm(config_->data_timeout);
  const std::span<char> room = in_.room(long_content_ ? kContentRead : kFirstContentRead);
  const std::size_t count = co_await stream_->read(room);
  if (count == 0) throw net::Closed(net::Closed::Why::peer);
  in_.added(count);
  long_content_ = long_content_ || count == room.size();
}

net::Task<void> Connection::flush() {
  if (out_.empty()) co_return;
  arm(config_->command_timeout);
  writing_ = true;
  co_await stream_->write(out_);
  writing_ = false;
  out_.clear();
  if (out_.capacity() > kKeptReplyBuffer) out_.shrink_to_fit();
}

net::Task<void> Connection::end_with(Reply reply) {
  append(out_, reply);
  co_await flush();
  co_await stream_->shutdown();
  ended_ = true;
}

net::Task<void> Connection::say_timeout() {
  // A write that did not get through is not helped by another one; a failed handshake has taken the stream.
  if (writing_ || stream_ == nullptr) co_return;
  log_.noise("smtp.session.timed_out");
  out_.clear();
  append(out_, reply::timed_out(config_->hostname));
  stream_->set_deadline(clock_.steady() + kFarewell);
  co_await stream_->write(out_);
  co_await stream_->shutdown();
}

void Connection::arm(std::chrono::seconds timeout) {
  stream_->set_deadline(std::min(clock_.steady() + timeout, session_end_));
}

void Connection::say(const Reply& reply) {
  append(out_, reply);
  if (log_.enabled(base::Level::debug)) log_.debug("smtp.reply", {{"code", reply.code}, {"text", reply.text}});
  if (reply.code < 500) return;
  ++errors_;
  flooded_ = visit_.take(guard::What::errors, account()).has_value() || flooded_;
}

net::Task<void> serve(std::unique_ptr<net::Stream> stream, Host& host, const base::Live<Config>& config,
                      std::shared_ptr<const Mode> mode, TlsSource tls, const base::Clock& clock, base::Log log,
                      net::Stopping stopping) {
  Connection connection(std::move(stream), host, config, std::move(mode), std::move(tls), clock, std::move(log),
                        std::move(stopping));
  try {
    co_await connection.run();
    co_return;
  } catch (const net::Closed& closed) {
    if (closed.why != net::Closed::Why::timeout) throw;
  }
  co_await connection.say_timeout();
}

}  // namespace smtp
