#pragma once
// What the process may do: how many files it may open, who it is, and how it stops being root for good. Called from
// main and from the server's start, before anything untrusted is read.

#include <cstdint>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace app {

/// Raises the limit for open files as far as the system lets us; a warning when that is below `wanted`.
void raise_file_limit(std::uint64_t wanted, const base::Log& log);

/// The user and groups of `name`, without a way back. not_found: there is no such user; denied: we are not root.
base::Result<void> become(const std::string& name);

/// When root works on a directory of another user (the command line beside a stopped server), it becomes that user, so
/// that no file of root's is left in it. Does nothing otherwise.
base::Result<void> become_owner_of(const std::string& directory);

/// Makes the data directory when it is missing, for `user` when that is given (we may be root still).
base::Result<void> prepare_directory(const std::string& directory, const std::string& user);

/// Whether we, as we are now, can work in the directory. The error says whose it is and what to do.
base::Result<void> check_directory(const std::string& directory);

}  // namespace app
