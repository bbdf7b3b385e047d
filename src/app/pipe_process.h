#pragma once
// Commands of pipe routes as processes. Each is watched over by a process of its own: this program, started anew under
// another name, so that a server of many threads and a privileged parent start it alike. It becomes the command's user,
// starts the command in a process group of its own with a clean environment, feeds it, ends it when its time is over or
// nobody waits for it any more, and says how it ended (outbound/pipe.h).

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "outbound/open.h"

namespace app {

/// The name under which the program watches over a command.
inline constexpr const char* kPipeProgram = "postrider-pipe";

struct WatchingProcess {
  int socket = -1;  // to it; the caller's to close
  pid_t pid = 0;    // a child of this process, the caller's to wait for
};
/// Starts the process. Safe from any thread; blocks shortly. Errors: invalid (the values do not fit the command),
/// unavailable.
base::Result<WatchingProcess> start_watching(const outbound::Pipe& pipe, const outbound::PipeValues& values);
/// The same for who sends.
base::Result<outbound::StartedCommand> start_command(const outbound::Pipe& pipe, const outbound::PipeValues& values);

/// What tells a command from any other, for who may only start those that it knows: 64 hexadecimal digits.
std::string fingerprint(const outbound::Pipe& pipe);

/// main() under that name: NAME USER SECONDS COMMAND ARGUMENT…, the socket as descriptor 3. Returns the exit status.
int watch_command(int argc, char** argv);

}  // namespace app
