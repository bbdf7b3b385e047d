#pragma once
// Parent: what the privileged parent does for the server that runs as another user, and nothing else: it listens on the
// addresses and ports, opens the files, and runs the commands, that the configuration names or was read from. It reads
// the configuration itself, so a server in somebody else's hands can ask for nothing that the administrator has not
// written down (docs/security.md). Its rights only grow: each was named by a configuration since the start. One thread;
// blocks.

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "app/config.h"
#include "app/guarded_file.h"
#include "app/parent_message.h"
#include "base/log.h"
#include "base/result.h"

namespace app {

/// What the server may ask for.
struct ParentRights {
  std::set<std::pair<std::string, std::uint16_t>> listeners;  // address and port
  std::set<std::string> files;                     // certificates, keys, and those that the configuration was read from
  std::map<std::string, outbound::Pipe> commands;  // that run as users of their own, by their fingerprints

  static ParentRights of(const Loaded& loaded);
  void add(ParentRights more);
  bool cover(const ParentRequest& request) const;
};

class Parent {
 public:
  using Load = std::function<base::Result<ParentRights>()>;

  /// `load` reads the configuration again; it is called when something is asked for that has no right yet, once a
  /// second at most: who asks more often waits.
  Parent(ParentRights rights, Outsider outsider, Load load, base::Log log);

  /// A descriptor, the caller's to close, or why not.
  base::Result<int> answer(const ParentRequest& request);

  /// Reads one message from the socket and answers it. False: the other side is gone, or speaks what no server of ours
  /// does.
  bool serve_one(int socket);

  /// A child has ended: one that watched over a command, or one that was nobody's any more.
  void ended(pid_t child) { commands_.erase(child); }

 private:
  void look_again();
  base::Result<int> run(const ParentRequest& request);

  ParentRights rights_;
  const Outsider outsider_;
  const Load load_;
  const base::Log log_;
  std::set<pid_t> commands_;  // the processes that watch over those that run
  std::optional<std::chrono::steady_clock::time_point> looked_;
};

}  // namespace app
