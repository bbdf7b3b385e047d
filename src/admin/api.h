#pragma once
// Api: what an operator can ask and change while the server runs: named commands with JSON arguments and a JSON result,
// over the rooms below. The same object serves the admin socket of a running server and, when there is none, the
// command line in its own process. A call never throws and never blocks a loop; its text is one line each way:
//   {"command": "domain add", "arguments": {"name": "example.org"}}
//   {"ok": true, "result": {…}}   or   {"ok": false, "code": "exists", "error": "a sentence"}
// Every change is logged; passwords never are. Safe from any loop's thread. Requests are at most kMaxRequestBytes.

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
#include "delivery/delivery.h"
#include "directory/directory.h"
#include "mailstore/mailstore.h"
#include "net/task.h"
#include "store/store.h"

namespace admin {

inline constexpr std::size_t kMaxRequestBytes = 1 << 20;

/// What the server around it tells of itself; for `health`.
struct Status {
  struct Listener {
    std::string name;
    std::uint16_t port = 0;
    std::size_t sessions = 0;
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

struct Services {
  directory::Directory& directory;
  mailstore::Mailstore& mail;
  delivery::Delivery& delivery;
  store::Store& store;
  const base::Clock& clock;
};

struct Settings {
  std::string hostname;
  std::string version;  // of the program, as a JSON object's members are shown by `version`
  std::uint64_t mailbox_quota_bytes = directory::kDefaultQuota;
  std::function<Status()> status;  // empty: no server runs around this
};

class Api {
 public:
  Api(Services services, Settings settings, base::Log log);

  net::Task<std::string> call(std::string request);

  const Services& services() const { return services_; }
  const Settings& settings() const { return settings_; }
  const base::Log& log() const { return log_; }

 private:
  Services services_;
  Settings settings_;
  base::Log log_;
};

/// Removes the mail of accounts that were removed; what a crash interrupted goes on here.
net::Task<base::Result<void>> purge_removed(directory::Directory& directory, mailstore::Mailstore& mail, base::Log log);

/// The names of all commands.
std::vector<std::string_view> commands();

// --- The command line's side: it needs no JSON of its own
// ---------------------------------------------------------------

using Argument = std::variant<std::string, std::uint64_t, bool, std::vector<std::string>>;
using Arguments = std::map<std::string, Argument>;
std::string encode_request(std::string_view command, const Arguments& arguments);

/// A reply as the command line shows it.
struct Shown {
  std::string out;    // for standard output, with its line ends
  std::string error;  // a sentence for standard error; empty when all is well
  int status = 0;
};
/// As aligned text, or as the result's JSON.
Shown show(std::string_view command, std::string_view reply, bool json);

}  // namespace admin
