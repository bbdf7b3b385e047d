#pragma once
// The few things that the program does with ordinary files: reading one whole, writing one so that it is there whole or
// not at all, making directories. All block; used at start and on the command line, never on a loop. Errors name the
// path and give the system's reason: not_found, denied, too_large, no_space, unavailable.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

/// The error for a failed system call: `what` ("cannot read PATH") and the words for `error` (an errno value).
base::Error system_error(std::string_view what, int error);

/// too_large above `limit` bytes.
base::Result<std::string> read_file(const std::string& path, std::size_t limit);

/// Through a new file beside it that is synced and renamed; the directory is synced too.
base::Result<void> write_file(const std::string& path, std::string_view content, unsigned mode);

/// With the parents that are missing, which get 0755. It is fine if it exists.
base::Result<void> make_directories(const std::string& path, unsigned mode);

bool exists(const std::string& path);

}  // namespace app
