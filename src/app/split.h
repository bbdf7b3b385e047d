#pragma once
// Two processes out of one that was started as root with a `user`: the parent keeps root, with the few rights that
// parent.h needs, and the child becomes the user for good and is the server. Signals that the parent gets go on to the
// child; the parent ends when the child has ended, with its exit status (128 + the signal that killed it). When the
// parent dies, the child sees that its socket has ended, and stops in order. Called from main before there are threads,
// and before anything untrusted is read, with the signals of Signals blocked.

#include <memory>
#include <optional>

#include "app/config.h"
#include "app/parent.h"
#include "app/privileged.h"
#include "app/server.h"
#include "base/result.h"

namespace app {

/// Whether the configuration asks for it, and we are root, who can.
bool must_split(const Config& config);

struct Split {
  std::optional<int> ended;                // in the parent, at its end: the status to exit with
  std::unique_ptr<Privileged> privileged;  // in the child
  int socket = -1;                         // in the child: its end of the socket, owned by `privileged`
};

/// Forks; makes the data directory for the user first. In the parent it returns when the child has ended; the parent
/// reads the configuration again by `read`.
base::Result<Split> split(const Loaded& loaded, const ReadConfig& read);

}  // namespace app
