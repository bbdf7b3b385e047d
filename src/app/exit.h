#pragma once
// The exit statuses of the program, by kind, so that a script or a service manager can tell what is worth another try.
// From 64 on they are those of sysexits.h. docs/operations.md has the table for the operator.

#include "base/result.h"

namespace app {

enum Exit : int {
  kDone = 0,
  kFailed = 1,          // it could not be done, or what was looked at is not well
  kUsage = 2,           // the command line itself is wrong
  kDamaged = 65,        // the store is damaged, or a newer version wrote it
  kNoServer = 69,       // the command needs a running server, and there is none
  kTryLater = 75,       // another process has the store or the port, the disk is full: the same may work later
  kNotPermitted = 77,   // a right is missing, or a file is somebody else's
  kConfiguration = 78,  // something in the configuration has to be changed
};

/// Of a server that could not start, or of a command that could not get at the store or the server.
Exit exit_of(const base::Error& error);

}  // namespace app
