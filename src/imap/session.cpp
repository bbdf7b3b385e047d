// The driver: reads commands, checks state and rights, calls the handler, tells what has changed, writes the reply.
#include "imap/session.h"

#include <algorithm>

#include "base/text.h"
#include "imap/command.h"
#include "imap/context.h"
#include "imap/driver.h"
#include "imap/names.h"
#include "imap/notify.h"
#include "imap/places.h"

namespace imap {

namespace {

constexpr std::size_t kReadBytes = 4 * 1024;
constexpr std::size_t kReadMessageBytes = 64 * 1024;
constexpr std::size_t kKeepBytes = 512;  // buffers of up to this size are not worth freeing
constexpr std::size_t kStrangerBytes = 16 * 1024;
constexpr std::chrono::minutes kWriteTimeout{5};
constexpr std::chrono::seconds kFarewellTimeout{5};

guard::Visit visit_of(const net::Stream& stream, const Mode& mode) {
  const std::string& address = stream.endpoints().peer_address;
  const bool exempt = (mode.trusted && mode.trusted(address)) || (mode.exempt && mode.exempt(address));
  return {mode.guard, guard::Visitor::of(address, guard::Group::users, exempt)};
}

void free_buffer(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeepBytes) std::string().swap(buffer);
}

}  // namespace

Session::Session(std::unique_ptr<net::Stream> the_stream, Services the_services, const base::Live<Config>& the_config,
                 std::shared_ptr<const Mode> the_mode, TlsSource tls, base::Log the_log, net::Stopping the_stopping)
    : services(the_services),
      config(the_config),
      mode(std::move(the_mode)),
      log(std::move(the_log)),
      stopping(std::move(the_stopping)),
      stream(std::move(the_stream)),
      visit(visit_of(*stream, *mode)),
      framer(Framer::Limits{}),
      signal(std::make_shared<Signal>()),
      login_by(services.clock.steady() + config->login_timeout),
      tls_(std::move(tls)) {
  signal->loop = net::Loop::current();
  adjust_limits();
}

Session::~Session() {
  notifying.reset();
  if (selected) selected->watch.reset();  // no callback after this; those that were posted find no stream
  signal->stream = nullptr;
}

void Session::adjust_limits() {
  if (identity) {
    framer.set_limits({.command_bytes = config->max_command_bytes, .skipped_bytes = config->max_message_bytes});
  } else {
    framer.set_limits({.command_bytes = std::min(kStrangerBytes, config->max_command_bytes),
                       .skipped_bytes = config->max_command_bytes});
  }
}

bool Session::may_login() const {
  if (encrypted()) return true;
  return mode->plaintext_auth && mode->trusted && mode->trusted(stream->endpoints().peer_address);
}

sasl::Channel Session::channel() const {
  const net::TlsInfo* tls = stream->tls();
  if (tls == nullptr) return {};
  return {.can_bind = tls->can_bind, .client_names = tls->client_names};
}

Situation Session::situation() const {
  return {.authenticated = identity != nullptr,
          .can_start_tls = !encrypted() && tls_ && tls_() != nullptr,
          .may_login = may_login(),
          .append_limit = config->max_message_bytes,
          .message_limit = config->max_messages,
          .mechanisms = identity == nullptr && may_login() ? sasl::offered(config->mechanisms, channel())
                                                           : std::vector<std::string_view>()};
}

base::Result<std::string> Session::decode_mailbox(std::string_view wire) const {
  return decode_name(wire, utf8_names());
}

// --- Input and output
// --------------------------------------------------------------------------------------------------

net::Task<void> Session::flush() {
  if (out.empty()) co_return;
  // A client that does not read is given less time than one that has nothing to say.
  stream->set_deadline(services.clock.steady() + kWriteTimeout);
  mode->metrics.bytes_out.add(out.size());
  co_await stream->write(out);
  if (out.capacity() > 2 * kFlushBytes) std::string().swap(out);
  out.clear();
}

net::Task<void> Session::write(std::string text) {
  co_await flush();
  stream->set_deadline(services.clock.steady() + kWriteTimeout);
  mode->metrics.bytes_out.add(text.size());
  co_await stream->write(text);
}

void Session::bye(std::string_view text) {
  line(text);
  ending = true;
}

net::Task<void> Session::say_goodbye(std::string_view text) {
  stream->set_deadline(services.clock.steady() + kFarewellTimeout);
  std::string farewell = std::string(text) + "\r\n";
  co_await stream->write(farewell);
  co_await stream->shutdown();
}

net::Task<bool> Session::wait_for_input() {
  co_await flush();
  free_buffer(out);
  free_buffer(in_);
  in_at_ = 0;
  framer.release();
  // RFC 9051 §5.4: strangers may be given less than the thirty minutes, and all that they say counts.
  stream->set_deadline(identity ? services.clock.steady() + patience() : login_by);
  bool timed_out = false;
  net::Ready ready = net::Ready::woken;
  try {
    ready = co_await stream->wait();
  } catch (const net::Closed& closed) {
    if (closed.why != net::Closed::Why::timeout) throw;
    timed_out = true;
  }
  if (timed_out || (ready == net::Ready::woken && stopping.requested())) {
    const bool expired = timed_out && identity && services.clock.now() >= identity->expires;
    co_await say_goodbye(expired            ? says::kByeDenied
                         : timed_out        ? says::kByeTimeout
                         : stopping.alone() ? says::kByeEnded
                                            : says::kByeStopping);
    throw net::Closed(timed_out ? net::Closed::Why::timeout : net::Closed::Why::local);
  }
  co_return ready == net::Ready::data;
}

std::chrono::steady_clock::duration Session::patience() const {
  const std::chrono::steady_clock::duration idle = config->idle_timeout;
  if (identity->expires == base::WallTime::max()) return idle;
  const auto left = identity->expires - services.clock.now() + std::chrono::milliseconds(1);
  return std::clamp<std::chrono::steady_clock::duration>(left, {}, idle);
}

net::Task<void> Session::read_available() {
  std::string bytes(framer.idle() ? kReadBytes : kReadMessageBytes, '\0');
  const std::size_t got = co_await stream->read(std::span(bytes.data(), bytes.size()));
  if (got == 0) throw net::Closed(net::Closed::Why::peer);
  mode->metrics.bytes_in.add(got);
  bytes.resize(got);
  in_ = std::move(bytes);
  in_at_ = 0;
}

net::Task<Framer::Event> Session::next_event() {
  while (true) {
    const Framer::Step step = framer.next(pending());
    take_input(step.taken);
    if (step.event == Framer::Event::go_ahead) {
      line(says::kGoAhead);
    } else if (step.event != Framer::Event::more) {
      co_return step.event;
    } else {
      co_await wait_notified();
      co_await read_available();
    }
  }
}

// Until there is input. Between two commands what NOTIFY asks for is told meanwhile.
net::Task<void> Session::wait_notified() {
  while (true) {
    const bool tells = notifying && framer.idle();
    if (tells) {
      co_await tell_notified(false);
      if (ending) {
        co_await flush();
        co_await stream->shutdown();
        throw net::Closed(net::Closed::Why::local);
      }
      signal->waiting = true;
      if (notifying->pending() || (selected && signal->changed)) {
        signal->waiting = false;
        continue;
      }
    }
    const bool input = co_await wait_for_input();
    signal->waiting = false;
    if (input) co_return;
  }
}

net::Task<std::optional<std::string>> Session::read_line() {
  framer.expect_line();
  if (co_await next_event() != Framer::Event::line) co_return std::nullopt;
  co_return std::string(framer.text());
}

void Session::discard_input() {
  in_.clear();
  in_at_ = 0;
  framer.reset();
}

// --- The selected mailbox
// ----------------------------------------------------------------------------------------------

void Session::deselect() {
  contexts.reset();
  if (selected) selected->watch.reset();
  selected.reset();
}

void Session::take_recent() {
  const auto& view = *selected->view();
  const mailstore::Uid next = view.uid_next();
  const mailstore::Uid first =
      services.mail.first_recent(selected->account, selected->mailbox, next, /*take=*/!selected->read_only);
  const mailstore::Uid known = selected->recent.empty() ? 1 : selected->recent.back().last + 1;
  const mailstore::Uid begin = std::max(first, known);
  if (begin >= next) return;
  if (!selected->recent.empty() && selected->recent.back().last + 1 == begin) {
    selected->recent.back().last = next - 1;
  } else {
    selected->recent.push_back({begin, next - 1});
  }
}

namespace {

// From `first` on, but for those that the session has put there itself.
std::vector<Range> new_messages(const Selected& selected, mailstore::Uid first,
                                const std::vector<mailstore::Uid>& own) {
  std::vector<Range> out;
  const auto& view = *selected.view();
  for (std::size_t i = view.lower_bound(first); i < view.size(); ++i) {
    const mailstore::Uid uid = view.at(i).uid;
    if (!std::ranges::binary_search(own, uid)) add_ascending(out, uid);
  }
  return out;
}

}  // namespace

net::Task<void> Session::tell_news(bool expunge, const StoreEcho* echo, bool own) {
  if (!selected || ending) co_return;
  if (!co_await rights_still_hold()) co_return;
  if (signal->changed.exchange(false)) selected->outdated = true;
  const std::uint8_t events = notifying ? notifying->selected_events() : std::uint8_t{kMessageEvents};
  // RFC 5465 §5: without events the mailbox stays as the client knows it.
  if (events == 0 && echo == nullptr && !own) co_return;
  auto view = selected->view();
  if (std::exchange(selected->outdated, false)) {
    auto newer = co_await services.mail.view(selected->account, selected->mailbox, account());
    // RFC 2180 §3.3: a mailbox that another session has deleted ends the sessions that have it selected.
    if (!newer) {
      deselect();
      bye(newer.error().code == base::Code::not_found ? says::kByeMailboxGone : says::kByeUnavailable);
      co_return;
    }
    view = std::move(*newer);
    if (view->uid_validity() != selected->view()->uid_validity()) {
      deselect();
      bye(says::kByeMailboxGone);
      co_return;
    }
  }
  const bool more = view->uid_next() > selected->view()->uid_next();
  const mailstore::Uid first_new = selected->view()->uid_next();
  const bool new_key = view->access_key_modseq() != selected->view()->access_key_modseq();
  const auto step = selected->take(std::move(view));
  if (more) take_recent();
  // RFC 5267 §4.3.4: what is gone leaves the results that are followed while its number still holds.
  if (contexts) contexts->remove(*selected, step.expunged, out);
  selected->tell(step,
                 {.expunge = expunge,
                  .rev2 = rev2,
                  .condstore = condstore,
                  .qresync = qresync,
                  .uid_only = uid_only,
                  .flags = (events & kFlagChange) != 0,
                  .echo = echo},
                 out);
  // RFC 4467 §7, RESETKEY: whoever did it.
  if (new_key && encrypted()) line(says::kUrlMech);
  base::Result<void> told;
  if (contexts) told = co_await contexts->consider(*this, touched(step, *selected->view()), first_new);
  if (told && more && notifying && notifying->items() != nullptr && (events & kMessageNew)) {
    // RFC 5465 §5.2: behind EXISTS and ADDTO; not of what the client has put there itself.
    told = co_await write_messages(*this, *notifying->items(), new_messages(*selected, first_new, own_uids));
  }
  own_uids.clear();
  if (!told) {
    deselect();
    bye(says::kByeUnavailable);
  }
}

net::Task<void> Session::tell_notified(bool idle) {
  if (!co_await still_allowed()) co_return;
  co_await tell_news(idle || !notifying->delays_expunge());
  if (!ending) co_await notifying->tell(*this);
}

void Session::note_own(const mailstore::Target& target, mailstore::AccountId account,
                       std::vector<mailstore::Uid> uids) {
  if (!notifying || !selected || target.account.value_or(account) != selected->account) return;
  if (target.mailbox == selected->mailbox) own_uids = std::move(uids);
}

net::Task<bool> Session::rights_still_hold() {
  const std::uint64_t generation = services.directory.generation();
  if (!selected || !selected->guest) co_return true;
  if (!signal->changed && selected->rights_generation == generation) co_return true;
  auto acl = co_await services.mail.acl(selected->account, selected->mailbox);
  if (!acl && acl.error().code == base::Code::not_found) co_return true;  // tell_news() says what became of it
  const auto rights = acl ? co_await rights_by(*this, std::move(*acl))
                          : base::Result<mailstore::Rights>(std::unexpected(std::move(acl).error()));
  if (!rights || !(*rights & mailstore::kRead)) {
    deselect();
    bye(rights ? says::kByeNoRights : says::kByeUnavailable);
    co_return false;
  }
  selected->rights_generation = generation;
  if (*rights == selected->rights) co_return true;
  selected->rights = *rights;
  selected->append_all_flags(out);
  append_permanent_flags(out, *selected);
  co_return true;
}

void Session::enable_condstore() {
  if (std::exchange(condstore, true) || !selected) return;
  append_code(out, "HIGHESTMODSEQ", selected->told_modseq(), says::kHighestModSeq);
}

// --- Commands
// ----------------------------------------------------------------------------------------------------------

// RFC 9051 §2.2.2 and promise 4 of the design: a change of the account holds from the next command on.
net::Task<bool> Session::still_allowed() {
  if (!identity || login_is_current()) co_return true;
  auto now = co_await services.directory.recheck(*identity);
  if (now) {
    *identity = std::move(*now);
    co_return true;
  }
  bye(now.error().code == base::Code::denied ? says::kByeDenied : says::kByeUnavailable);
  co_return false;
}

void Session::forget_login() {
  log.info("imap.unauthenticate");
  log = stranger_log;
  identity.reset();
  visitor.reset();
  notifying.reset();
  rev2 = utf8_accept = condstore = qresync = uid_only = false;
  login_by = services.clock.steady() + config->login_timeout;
  adjust_limits();
}

void Session::report(std::string_view command) const {
  net::Report& report = stopping.report();
  report.command = command;
  report.state = selected ? "selected" : identity ? "authenticated" : "not authenticated";
  report.tls = encrypted();
  report.user = identity ? identity->address : "";
}

namespace {

// RFC 7162 §3.1.12: a conditional STORE has to know what the client thinks of the messages, so its news come behind it.
bool wants_news(const Command& command) {
  const auto* store = std::get_if<Store>(&command.arguments);
  return (command.verb->flags & Verb::kOnMessages) && !(store != nullptr && store->unchanged_since);
}

// RFC 9051 §7.5.1: a command with UIDs may be answered with EXPUNGE responses; a search might have numbers, too.
bool may_begin_with_expunge(const Command& command) {
  const Arguments& arguments = command.arguments;
  return command.verb->uid() && !std::holds_alternative<Search>(arguments) &&
         !std::holds_alternative<Sort>(arguments) && !std::holds_alternative<Thread>(arguments);
}

}  // namespace

net::Task<Reply> Session::execute(Command& command) {
  const Verb& verb = *command.verb;
  if (!(verb.states & state())) co_return bad(says::kNotNow);
  if (uid_only && verb.numbers()) co_return bad(says::kUidRequired);
  if (selected && wants_news(command)) co_await tell_news(may_begin_with_expunge(command));
  if (ending || !co_await rights_still_hold()) co_return no(says::kNotNow);
  if ((verb.flags & Verb::kReadWrite) && selected->read_only) co_return no(says::kReadOnly);
  Reply reply = co_await verb.handler(*this, command);
  const bool hold = std::exchange(hold_expunge, false) || (verb.flags & Verb::kNoExpunge);
  if (!(verb.flags & Verb::kQuiet)) co_await tell_news(!hold);
  if (selected && condstore) selected->tell_held_modseq(out);
  co_return reply;
}

void Session::count_error() {
  if (visit.take(guard::What::errors)) {
    bye(says::kByeErrorsFrom);
  } else if (++errors_ >= config->max_errors) {
    bye(says::kByeErrors);
  }
}

net::Task<void> Session::dispatch() {
  auto parsed = std::make_unique<Parsed>(parse_command(framer.text()));
  if (!parsed->command) {
    append_reply(out, parsed->tag, bad(parsed->command.error().text));
    mode->metrics.malformed.add();
    log.debug("imap.command.malformed", {{"why", parsed->command.error().text}});
    count_error();
    co_return;
  }
  if (!co_await still_allowed()) co_return;
  const Verb& verb = *parsed->command->verb;
  report(verb.name);
  command_tag = parsed->tag;
  const Reply reply = co_await execute(*parsed->command);
  command_tag = {};
  report(verb.name);
  mode->metrics.count_command(verb, reply.kind);
  // The arguments may be a password or somebody's words, so they are not told.
  if (log.enabled(base::Level::debug)) log.debug("imap.command", {{"verb", verb.name}, {"reply", reply.text}});
  if (!std::exchange(replied, false)) append_reply(out, parsed->tag, reply);
  if (reply.kind == Reply::Kind::bad) count_error();
}

net::Task<void> Session::serve_commands() {
  bool outdated = false;
  while (!ending) {
    // Between two commands: within one, the framer counts by the limits that it began with.
    if (std::exchange(outdated, false)) adjust_limits();
    const Framer::Event event = co_await next_event();
    outdated = config.refresh();
    switch (event) {
      case Framer::Event::command:
        co_await dispatch();
        break;
      case Framer::Event::message:
        message_waits = true;
        co_await dispatch();
        if (message_waits) framer.refuse();
        message_waits = false;
        break;
      case Framer::Event::too_long: {
        // The tag is at the beginning, which was kept.
        const auto tag = parse_command(framer.text().substr(0, 100)).tag;
        append_reply(out, tag, bad(says::kTooLong));
        count_error();
        break;
      }
      case Framer::Event::hopeless:
        bye(says::kByeTooLong);
        break;
      default:
        ENSURE(event == Framer::Event::command);  // the others come only to commands that have asked for them
    }
    if (out.size() >= kFlushBytes) co_await flush();
  }
}

net::Task<void> Session::handshake(std::shared_ptr<const tls::Acceptor> acceptor) {
  if (!acceptor) throw net::Closed(net::Closed::Why::tls, "there is no certificate");
  stream->set_deadline(login_by);
  stream = co_await tls::accept(std::move(acceptor), std::move(stream), mode->metrics.tls, log);
  log = log.with({{"tls", stream->tls()->version}});
}

net::Task<void> Session::run() {
  if (mode->implicit_tls) co_await handshake(tls_ ? tls_() : nullptr);
  signal->stream = stream.get();
  if (stopping.requested()) {
    co_await say_goodbye(says::kByeStopping);
    co_return;
  }
  line("* OK [CAPABILITY" + capabilities(situation()) + "] " + config->hostname + " postrider is ready");
  co_await serve_commands();
  co_await flush();
  co_await stream->shutdown();
}

std::string too_many_connections() { return std::string(says::kByeConnections) + "\r\n"; }

std::string refused_connection(const guard::Refusal& refusal) {
  std::string_view text = says::kByeOften;
  if (refusal.banned) {
    text = refusal.for_good ? says::kByeBannedForGood : says::kByeBanned;
  } else if (refusal.limit.what == guard::What::errors) {
    text = says::kByeErrorsFrom;
  }
  return std::string(text) + "\r\n";
}

net::Task<void> serve(std::unique_ptr<net::Stream> stream, Services services, const base::Live<Config>& config,
                      std::shared_ptr<const Mode> mode, TlsSource tls, base::Log log, net::Stopping stopping) {
  const auto session = std::make_unique<Session>(std::move(stream), services, config, std::move(mode), std::move(tls),
                                                 std::move(log), std::move(stopping));
  co_await session->run();
}

}  // namespace imap
