#pragma once
// Connection: one SMTP session as the driver and the verbs' handlers see it. Private to this room. One coroutine runs
// it on the loop of its stream. Invariants: `in_` holds what was read and not yet taken; `out_` what is to be written
// at the next flush; a mail transaction is `envelope_` (MAIL was accepted), the content of one that BDAT sends is
// `chunks_`. A handler's argument is a view of `in_`: it is gone once the handler reads on.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "smtp/framer.h"
#include "smtp/host.h"
#include "smtp/input.h"
#include "smtp/reply.h"
#include "smtp/reverse.h"
#include "smtp/session.h"

namespace smtp {

/// What the extension table may ask of a session.
struct Offer {
  bool starttls = false;
  std::vector<std::string_view> mechanisms;  // of AUTH; none: it is not offered
  bool tls = false;                          // the session is protected
  std::uint64_t max_message_bytes = 0;
  std::size_t max_recipients = 0;
  std::size_t max_messages = 0;
  std::chrono::seconds max_hold{0};  // 0: nothing is held here
  base::WallTime hold_until;         // the same as a time
};

class Connection {
 public:
  Connection(std::unique_ptr<net::Stream> stream, Host& host, const base::Live<Config>& config,
             std::shared_ptr<const Mode> mode, TlsSource tls, const base::Clock& clock, base::Log log,
             net::Stopping stopping);

  /// To the end of the session; throws net::Closed.
  net::Task<void> run();
  /// After Closed(timeout): tells the client, as far as it listens.
  net::Task<void> say_timeout();

  Service service() const { return mode_->service; }
  Offer offer() const;

  // Handlers of the verb table.
  net::Task<void> ehlo(std::string_view argument);
  net::Task<void> helo(std::string_view argument);
  net::Task<void> lhlo(std::string_view argument);
  net::Task<void> starttls(std::string_view argument);
  net::Task<void> auth(std::string_view argument);
  net::Task<void> mail(std::string_view argument);
  net::Task<void> rcpt(std::string_view argument);
  net::Task<void> data(std::string_view argument);
  net::Task<void> bdat(std::string_view argument);
  net::Task<void> rset(std::string_view argument);
  net::Task<void> noop(std::string_view argument);
  net::Task<void> vrfy(std::string_view argument);
  net::Task<void> expn(std::string_view argument);
  net::Task<void> help(std::string_view argument);
  net::Task<void> quit(std::string_view argument);

 private:
  /// The content of a message on its way into the host's sink. After a failure nothing more is passed on.
  struct Incoming {
    Incoming(Content::Form form, Content::BareEnds bare_ends) : content(form, bare_ends) {}
    Content content;
    std::unique_ptr<Sink> sink;
    std::uint64_t size = 0;
    std::optional<base::Error> failure;
  };

  // session.cpp: the driver
  net::Task<void> serve_commands();
  net::Task<void> execute(Line line);
  void report(std::string_view command) const;
  std::optional<Reply> not_allowed(const struct VerbRow& row, std::string_view argument) const;
  net::Task<Line> next_line();
  net::Task<void> fill_line();
  net::Task<void> fill_content();
  net::Task<void> flush();
  net::Task<void> end_with(Reply reply);
  void arm(std::chrono::seconds timeout);
  void say(const Reply& reply);
  guard::Visitor visitor() const;
  net::Task<bool> talks_early();

  // hello.cpp
  bool is_stranger() const { return mode_->service == Service::mx && !visit_.exempt(); }
  std::optional<Reply> disliked(std::string_view helo);
  net::Task<std::optional<Reply>> nameless();
  void greet(std::string name, bool esmtp);
  void say_hello(std::string_view argument, std::string_view syntax);
  net::Task<void> handshake(std::shared_ptr<const tls::Acceptor> acceptor);
  void reset_transaction();

  // auth.cpp
  bool auth_allowed() const;
  sasl::Channel channel() const;
  std::shared_ptr<sasl::Mechanism> make_mechanism(std::string_view name) const;
  net::Task<std::optional<std::string>> ask_client(sasl::Challenge challenge);
  net::Task<void> exchange(std::shared_ptr<sasl::Mechanism> mechanism, std::optional<std::string> response);
  std::optional<Reply> not_authenticated() const;
  /// What to say when the login has ended meanwhile, or cannot be looked at: nothing that was begun with it goes on.
  net::Task<std::optional<Reply>> login_ended();

  net::Task<void> login_failed(std::string user, std::string guess, const base::Error& error);

  // mail.cpp
  base::AccountId account() const { return user_ ? user_->account : base::AccountId{}; }
  std::optional<Reply> enough_messages();
  std::optional<Reply> day_spent(const base::Error& error) const;
  std::optional<Reply> cannot_keep(const Mail& mail) const;
  Envelope envelope_of(Mail mail) const;
  int granted_priority(int asked) const;

  // info.cpp
  bool may_ask() const;
  net::Task<std::optional<std::vector<std::string>>> look_up(std::string_view argument, std::string_view syntax);

  // data.cpp
  bool lmtp() const { return mode_->service == Service::lmtp; }
  std::optional<Reply> no_content_now() const;
  std::optional<Reply> failure_of(const Incoming& incoming) const;
  net::Task<base::Result<Incoming>> begin_content(Content::Form form);
  net::Task<void> take_content(Incoming& incoming, std::string_view piece);
  net::Task<void> finish_content(Incoming incoming);
  net::Task<void> refuse_chunk(Reply reply, bool last);
  net::Task<void> answer(Reply reply);
  net::Task<void> answer_each(Sink::Accepted accepted);
  net::Task<void> receive_chunk(std::uint64_t size, Incoming* incoming);
  void refuse_message(const Reply& reply);
  void log_refusal(std::string_view event, const Reply& reply, std::string_view address, bool noise);

  static constexpr std::size_t kReplyBuffer = 16 * 1024;  // replies gathered while a client pipelines

  std::unique_ptr<net::Stream> stream_;
  Host& host_;
  base::Live<Config>::View config_;  // the newest at each command
  const std::shared_ptr<const Mode> mode_;
  TlsSource tls_;
  const base::Clock& clock_;
  base::Log log_;
  net::Stopping stopping_;
  base::SteadyTime session_end_;

  Input in_;
  LineFramer lines_;
  bool long_content_ = false;  // a read of this message's content came back full: read more at once
  std::string out_;
  bool writing_ = false;
  bool ended_ = false;
  bool greeted_ = false;  // EHLO or HELO
  std::size_t errors_ = 0;
  bool flooded_ = false;  // there were too many errors from where it comes, in all its sessions
  std::size_t commands_ = 0;
  std::size_t messages_ = 0;  // MAIL commands that were accepted

  Peer peer_;
  guard::Visit visit_;
  std::optional<ReverseName> reverse_name_;  // once it was looked up
  std::optional<User> user_;
  std::optional<Envelope> envelope_;
  std::unique_ptr<Incoming> chunks_;
};

}  // namespace smtp
