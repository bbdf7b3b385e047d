#pragma once
// Opening a file for somebody who must not choose which one it is: root opens a path that the configuration names and
// hands the file to the server's user. If that user could exchange the file, a directory on the way or a symbolic link,
// it could have root open anything; so such a path is refused. Linux's permission bits are looked at, not access
// control lists. Blocks.

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace app {

/// Who must not have a hand in it.
struct Outsider {
  uid_t user = 0;
  std::vector<gid_t> groups;
};

/// A descriptor for reading, the caller's to close, of the regular file that the absolute path leads to, symbolic links
/// followed. denied: the outsider could change which file that is, by `path` or by what its links lead through;
/// not_found and others of the system.
base::Result<int> open_guarded(const std::string& path, const Outsider& outsider);

}  // namespace app
