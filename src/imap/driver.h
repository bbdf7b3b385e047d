#pragma once
// Private to the room. Session: one connection and what is known of it, with the driver that reads commands, finds
// their handlers and writes their replies. Handlers get it by reference. On its loop; lives on the heap and is small
// while idle, because all buffers are freed before it waits.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imap/framer.h"
#include "imap/reply.h"
#include "imap/selected.h"
#include "imap/session.h"
#include "imap/table.h"

namespace imap {

/// What is written at once at most, while a long answer is made.
inline constexpr std::size_t kFlushBytes = 64 * 1024;

class Contexts;
class Notifying;

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, Services services, const base::Live<Config>& config,
          std::shared_ptr<const Mode> mode, TlsSource tls, base::Log log, net::Stopping stopping);
  ~Session();

  /// From greeting to end.
  net::Task<void> run();

  // --- For handlers --------------------------------------------------------------------------------------------------
  Services services;
  base::Live<Config>::View config;  // the newest at each command
  const std::shared_ptr<const Mode> mode;
  base::Log log;
  base::Log stranger_log;  // what it was before the login
  net::Stopping stopping;
  std::unique_ptr<net::Stream> stream;
  const guard::Visit visit;
  Framer framer;

  std::unique_ptr<directory::Identity> identity;  // after the login
  std::unique_ptr<Selected> selected;
  struct KnownVisitor {
    mailstore::Visitor who;
    std::uint64_t generation = 0;  // of the directory, when this was right
  };
  std::unique_ptr<KnownVisitor> visitor;  // for others' lists of rights, once one was looked at
  std::unique_ptr<Contexts> contexts;     // of the selected mailbox; nullptr: none
  std::unique_ptr<Notifying> notifying;   // NOTIFY; nullptr: it was never used
  std::vector<mailstore::Uid> own_uids;   // of messages that the command has put into the selected mailbox itself
  std::shared_ptr<Signal> signal;
  base::SteadyTime login_by;     // a session that nobody has logged in to by then ends
  bool rev2 = false;             // ENABLE IMAP4rev2
  bool utf8_accept = false;      // ENABLE UTF8=ACCEPT
  bool condstore = false;        // RFC 7162 §3.1: a CONDSTORE enabling command has come
  bool qresync = false;          // ENABLE QRESYNC
  bool uid_only = false;         // ENABLE UIDONLY (RFC 9586)
  bool compressed = false;       // COMPRESS; also behind UNAUTHENTICATE
  bool hold_expunge = false;     // the command under way must not be followed by EXPUNGE responses
  bool message_waits = false;    // a message's literal was announced and is not accepted yet
  bool replied = false;          // the handler has written its own tagged reply
  bool ending = false;           // no further command is read
  std::string_view command_tag;  // of the one under way
  std::size_t failed_logins = 0;
  std::string out;  // responses not written yet

  mailstore::AccountId account() const { return identity->account; }
  /// Mailbox names go both ways as UTF-8, which may stand in quoted strings (RFC 9051 §5.1, RFC 6855 §3).
  bool utf8_names() const { return rev2 || utf8_accept; }
  State state() const { return selected ? kSelected : identity ? kAuthenticated : kNotAuthenticated; }
  Situation situation() const;
  bool encrypted() const { return stream->tls() != nullptr; }
  bool may_login() const;
  sasl::Channel channel() const;
  TlsSource& tls() { return tls_; }
  /// The stream goes on encrypted, or the session ends.
  net::Task<void> handshake(std::shared_ptr<const tls::Acceptor> acceptor);

  void line(std::string_view text) { append_line(out, text); }
  net::Task<void> flush();
  /// Writes `text` as it is, after what is in `out`; for answers that are made elsewhere.
  net::Task<void> write(std::string text);

  /// The next event of the framer; reads when it has to, and flushes before. Never `more`. Throws Closed at the end.
  net::Task<Framer::Event> next_event();
  /// One line that is no command (a SASL response). Nothing when it was too long.
  net::Task<std::optional<std::string>> read_line();
  /// Drops what was read and not yet looked at (STARTTLS).
  void discard_input();
  /// The framer's limits fit the state: strangers get less.
  void adjust_limits();

  /// As before the login, with the time for it anew (RFC 8437).
  void forget_login();
  /// Whether the login still holds; otherwise says BYE and ends the session.
  net::Task<bool> still_allowed();
  /// Whether nothing in the directory has changed since that was last looked at, and the login has not expired.
  bool login_is_current() const {
    return services.directory.generation() == identity->generation && services.clock.now() < identity->expires;
  }
  /// How long a client that has logged in may be silent: no longer than its login holds.
  std::chrono::steady_clock::duration patience() const;

  /// Tells what has changed in the selected mailbox, as far as NOTIFY wants it. Where it is gone, says BYE and ends the
  /// session. `own`: the session has changed it itself, so that it must be told in any case.
  net::Task<void> tell_news(bool expunge, const StoreEcho* echo = nullptr, bool own = false);
  /// What NOTIFY asks for, between commands and in IDLE; `idle`: EXPUNGE responses are not delayed any more.
  net::Task<void> tell_notified(bool idle);
  /// A command has put messages into a mailbox, which may be the selected one.
  void note_own(const mailstore::Target& target, mailstore::AccountId account, std::vector<mailstore::Uid> uids);
  /// Whether the selected mailbox of somebody else may still be read; says what has changed of the rights to it, or BYE
  /// (RFC 4314 §5.1.1).
  net::Task<bool> rights_still_hold();
  /// At each CONDSTORE enabling command: the first tells the HIGHESTMODSEQ of the selected mailbox (RFC 7162 §3.1).
  void enable_condstore();
  /// Forgets the selected mailbox.
  void deselect();
  /// The mailbox's messages from `first` on are \Recent here, if no other session was told of them.
  void take_recent();

  /// "* BYE …", and no further command.
  void bye(std::string_view text);
  /// A mailbox name as the client wrote it.
  base::Result<std::string> decode_mailbox(std::string_view wire) const;

  /// Waits until there is input (true) or a wake (false), with buffers freed; says BYE and ends when the server stops.
  net::Task<bool> wait_for_input();
  /// Reads what there is; everything that came before must have been taken.
  net::Task<void> read_available();
  /// The bytes that were read and not taken yet.
  std::string_view pending() const { return std::string_view(in_).substr(in_at_); }
  void take_input(std::size_t count) { in_at_ += count; }

 private:
  net::Task<void> serve_commands();
  net::Task<void> dispatch();
  net::Task<Reply> execute(Command& command);
  void report(std::string_view command) const;
  net::Task<void> say_goodbye(std::string_view text);
  void count_error();
  net::Task<void> wait_notified();

  TlsSource tls_;
  std::string in_;
  std::size_t in_at_ = 0;
  std::size_t errors_ = 0;
};

/// Wakes the session if it waits for that; from any thread.
void wake(const std::shared_ptr<Signal>& signal);
/// Sets the session's signal at each change of the account, and wakes it when it waits for that.
std::unique_ptr<mailstore::Watch> watch_account(Session& session, mailstore::AccountId account);
/// "* OK [PERMANENTFLAGS (…)]"
void append_permanent_flags(std::string& out, const Selected& selected);

/// Writes FETCH responses of messages that nobody has asked to see at this moment (RFC 5465 §5.2, §7); those that are
/// gone are passed over.
net::Task<base::Result<void>> write_messages(Session& session, const Fetch& items, const std::vector<Range>& uids);

/// The end of a command that has expunged messages: their responses, and for a client that has enabled QRESYNC up to
/// which mod-sequence it knows everything now (RFC 7162 §3.2.7).
net::Task<Reply> completed_expunge(Session& session, std::string_view verb);

}  // namespace imap
