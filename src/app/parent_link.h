#pragma once
// The server's side of the privileged parent: what needs root's rights is asked for over the socket, and only after
// this process has tried with its own. From any thread; a call waits for its turn and for the answer.

#include <memory>

#include "app/privileged.h"

namespace app {

/// Owns the socket. When the parent is gone, what needs it is unavailable.
std::unique_ptr<Privileged> through_parent(int socket);

/// Whether the other end of the socket is closed.
bool is_gone(int socket);

}  // namespace app
