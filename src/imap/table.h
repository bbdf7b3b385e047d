#pragma once
// The verb table and the extension table. Dispatch, state checks, CAPABILITY and ENABLE are driven by them; a test
// walks both and wants a dialog for each row. Constant data.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "imap/command.h"
#include "imap/reply.h"
#include "net/task.h"

namespace imap {

class Session;

/// RFC 9051 §3; bits, for a verb may be allowed in several.
enum State : std::uint8_t { kNotAuthenticated = 1, kAuthenticated = 2, kSelected = 4 };

using Handler = net::Task<Reply> (*)(Session& session, Command& command);

struct Verb {
  enum Flag : std::uint8_t {
    kUid = 1,         // the form with UIDs
    kOnMessages = 2,  // works on the messages that the client knows: news are told before it begins
    kNoExpunge = 4,   // RFC 9051 §7.5.1: no EXPUNGE response while it is in progress
    kReadWrite = 8,   // refused in a mailbox that was opened with EXAMINE
    kQuiet = 16,      // no news behind it
    kNumbers = 32,    // takes or gives sequence numbers
  };
  std::string_view name;
  std::uint8_t states;
  std::uint8_t flags;
  ParseArguments parse;
  Handler handler;
  std::string_view rfc;

  bool uid() const { return (flags & kUid) != 0; }
  bool numbers() const { return (flags & kNumbers) != 0; }
};
std::span<const Verb> verbs();
/// The verb that the cursor stands at, which is moved behind it; or nullptr, and it stays. "UID FETCH" is one verb.
const Verb* find_verb(Cursor& in);

struct Extension {
  enum class Shown : std::uint8_t {
    always,
    before_tls,    // while STARTTLS is possible
    no_plaintext,  // while a login is refused for want of TLS
    no_login,      // before the login
    login,         // behind it
    with_limit,    // with the bytes of a message that APPEND takes: "WORD=N"
    with_messages  // with the messages that one command works on, where they are limited
  };
  std::string_view word;
  std::string_view rfc;
  Shown shown;
};
std::span<const Extension> extensions();

struct Situation {
  bool authenticated = false;
  bool can_start_tls = false;
  bool may_login = false;
  std::uint64_t append_limit = 0;
  std::uint64_t message_limit = 0;           // 0: none
  std::vector<std::string_view> mechanisms;  // of AUTHENTICATE; none where no login may be
};
/// " IMAP4rev1 IMAP4rev2 …" with a space before each word, SASL mechanisms included.
std::string capabilities(const Situation& situation);

// Handlers, in the files of their families.
net::Task<Reply> do_capability(Session&, Command&);
net::Task<Reply> do_noop(Session&, Command&);
net::Task<Reply> do_logout(Session&, Command&);
net::Task<Reply> do_id(Session&, Command&);
net::Task<Reply> do_starttls(Session&, Command&);
net::Task<Reply> do_compress(Session&, Command&);
net::Task<Reply> do_login(Session&, Command&);
net::Task<Reply> do_authenticate(Session&, Command&);
net::Task<Reply> do_enable(Session&, Command&);
net::Task<Reply> do_select(Session&, Command&);
net::Task<Reply> do_examine(Session&, Command&);
net::Task<Reply> do_unselect(Session&, Command&);
net::Task<Reply> do_close(Session&, Command&);
net::Task<Reply> do_create(Session&, Command&);
net::Task<Reply> do_delete(Session&, Command&);
net::Task<Reply> do_rename(Session&, Command&);
net::Task<Reply> do_subscribe(Session&, Command&);
net::Task<Reply> do_unsubscribe(Session&, Command&);
net::Task<Reply> do_list(Session&, Command&);
net::Task<Reply> do_lsub(Session&, Command&);
net::Task<Reply> do_namespace(Session&, Command&);
net::Task<Reply> do_status(Session&, Command&);
net::Task<Reply> do_getquota(Session&, Command&);
net::Task<Reply> do_getquotaroot(Session&, Command&);
net::Task<Reply> do_setacl(Session&, Command&);
net::Task<Reply> do_deleteacl(Session&, Command&);
net::Task<Reply> do_getacl(Session&, Command&);
net::Task<Reply> do_listrights(Session&, Command&);
net::Task<Reply> do_myrights(Session&, Command&);
net::Task<Reply> do_unauthenticate(Session&, Command&);
net::Task<Reply> do_notify(Session& session, Command& command);
net::Task<Reply> do_getmetadata(Session& session, Command& command);
net::Task<Reply> do_setmetadata(Session& session, Command& command);
net::Task<Reply> do_genurlauth(Session&, Command&);
net::Task<Reply> do_resetkey(Session&, Command&);
net::Task<Reply> do_urlfetch(Session&, Command&);
net::Task<Reply> do_append(Session&, Command&);
net::Task<Reply> do_replace(Session&, Command&);
net::Task<Reply> do_idle(Session&, Command&);
net::Task<Reply> do_expunge(Session&, Command&);
net::Task<Reply> do_sort(Session&, Command&);
net::Task<Reply> do_thread(Session&, Command&);
net::Task<Reply> do_search(Session&, Command&);
net::Task<Reply> do_esearch(Session&, Command&);
net::Task<Reply> do_cancelupdate(Session&, Command&);
net::Task<Reply> do_fetch(Session&, Command&);
net::Task<Reply> do_store(Session&, Command&);
net::Task<Reply> do_copy(Session&, Command&);
net::Task<Reply> do_move(Session&, Command&);

}  // namespace imap
