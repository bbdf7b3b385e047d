#pragma once
// Api: what an operator can ask and change while the server runs: named commands with JSON arguments and a JSON result,
// over the rooms below. The same object serves the admin socket of a running server and, when there is none, the
// command line in its own process. A call never throws and never blocks a loop; its text is one line each way:
//   {"command": "domain add", "arguments": {"name": "example.org"}}
//   {"ok": true, "result": {…}}   or   {"ok": false, "code": "exists", "error": "a sentence"}
// After the reply to `log follow` lines of the log come, JSON objects too, until either side ends the connection.
// Every change is logged, with who made it; passwords never are. Safe from any loop's thread. Requests are at most
// kMaxRequestBytes.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_follower.h"
#include "delivery/delivery.h"
#include "directory/directory.h"
#include "guard/guard.h"
#include "mailstore/mailstore.h"
#include "net/server.h"
#include "net/task.h"
#include "outbound/open.h"
#include "store/store.h"

namespace admin {

inline constexpr std::size_t kMaxRequestBytes = 1 << 20;

/// What the server around it tells of itself; for `health`.
struct Status {
  struct Listener {
    std::string name;
    std::uint16_t port = 0;
    std::size_t sessions = 0;
    std::size_t failed_sessions = 0;  // ended by a bug, since the start
  };
  struct Certificate {
    std::string name;                // "default", or as the configuration names it
    std::vector<std::string> names;  // that it is served for
    std::string file;
    std::optional<base::WallTime> not_after;  // nothing: there is none yet
    std::string state;  // fine, expiring, expired; or what is wrong with the files: missing, mismatched, unreadable
    std::string why;    // what is wrong with the files, in words
  };
  std::vector<Listener> listeners;
  std::vector<Certificate> certificates;
};

/// What a reload of the configuration did, a line for each setting.
struct Reload {
  std::vector<std::string> changed;
  std::vector<std::string> waiting;  // for a restart
};

/// A live session of one of the server's listeners.
struct Session {
  std::string listener;
  std::string protocol;
  net::SessionInfo info;
};

struct Services {
  directory::Directory& directory;
  mailstore::Mailstore& mail;
  delivery::Delivery& delivery;
  store::Store& store;
  const base::Clock& clock;
  guard::Guard& guard;
};

struct Settings {
  std::string hostname;
  std::string version;  // of the program, as a JSON object's members are shown by `version`
  std::function<std::uint64_t()> mailbox_quota_bytes = [] { return directory::kDefaultQuota; };
  outbound::System* outbound = nullptr;  // of a running server
  // What a running server lets the operator do to itself; null when none runs around this.
  std::function<Status()> status;
  std::function<base::Result<Reload>()> reload;  // blocks; an error says what is wrong, and nothing was changed
  std::function<net::Task<std::vector<Session>>()> sessions = nullptr;
  /// Ends them with the words of their protocol; cuts what is left after `grace` and returns how many that were.
  std::function<net::Task<std::size_t>(std::vector<std::uint64_t> ids, std::chrono::seconds grace)> end_sessions =
      nullptr;
  /// Begins the orderly stop and returns.
  std::function<void()> stop = nullptr;
};

/// Who asks, for the log.
struct Caller {
  std::string name;   // of the user, as the system knows it
  std::string claim;  // what the program that asks says of itself: under sudo, the user's own name
};

class Api {
 public:
  Api(Services services, Settings settings, base::Log log);

  /// Each line that the command logs tells the caller. `follower` is where a command that lines follow leaves their
  /// source; without it such a command is refused.
  net::Task<std::string> call(std::string request, Caller caller = {},
                              std::shared_ptr<base::LogFollower>* follower = nullptr);

  const Services& services() const { return services_; }
  const Settings& settings() const { return settings_; }
  const base::Log& log() const { return log_; }

 private:
  Services services_;
  Settings settings_;
  base::Log log_;
  std::vector<base::Counter> calls_;  // by row of the command table
};

/// Removes the mail of accounts that were removed; what a crash interrupted goes on here.
net::Task<base::Result<void>> purge_removed(directory::Directory& directory, mailstore::Mailstore& mail,
                                            guard::Guard& guard, base::Log log);

/// The names of all commands.
std::vector<std::string_view> commands();

// --- The command line's side: it needs no JSON of its own
// ---------------------------------------------------------------

using Argument = std::variant<std::string, std::uint64_t, bool, std::vector<std::string>>;
using Arguments = std::map<std::string, Argument>;
/// `claim` is who the caller says to be, for the log; empty for nobody else.
std::string encode_request(std::string_view command, const Arguments& arguments, std::string_view claim = {});

/// The list in the result of a command, and the names of what each of its elements has.
struct Fields {
  std::string list;
  std::vector<std::string> members;
};
Fields fields(std::string_view command);

/// A reply as the command line shows it.
struct Shown {
  std::string out;    // for standard output, with its line ends
  std::string error;  // a sentence for standard error; empty when all is well
  int status = 0;
};
/// As aligned text, or as the result's JSON.
Shown show(std::string_view command, std::string_view reply, bool json);
/// A line that follows a reply, as text.
std::string show_line(std::string_view line);

}  // namespace admin
