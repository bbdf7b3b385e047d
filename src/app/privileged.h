#pragma once
// Privileged: what may need root's rights and is asked for again after the server has given them up: listening on ports
// below 1024, reading keys that only root may read, and commands that run as other users. Behind it stands this process
// (in_this_process), or what keeps the rights for it. From any thread; blocks.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "app/files.h"
#include "base/result.h"
#include "outbound/open.h"

namespace app {

class Privileged {
 public:
  virtual ~Privileged() = default;

  /// A listening socket as net::bind_tcp makes it, with the same errors; the descriptor is the caller's.
  virtual base::Result<int> listen(const std::string& address, std::uint16_t port) = 0;

  /// A whole file of at most `limit` bytes, symbolic links followed; the errors of read_file().
  virtual base::Result<std::string> read(const std::string& path, std::size_t limit) = 0;

  /// Starts a command as the user that its pipe names (pipe_process.h, with the same errors).
  virtual base::Result<outbound::StartedCommand> start(const outbound::Pipe& pipe,
                                                       const outbound::PipeValues& values) = 0;

  /// Of the file that the path leads to, so that a change is seen where only root may look. The errors of stamp_file().
  virtual base::Result<FileStamp> stamp(const std::string& path) = 0;
};

/// With the rights that this process has.
std::unique_ptr<Privileged> in_this_process();

}  // namespace app
